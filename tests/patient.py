"""`memory-gateway`, only that it waits longer for its own disk and model: a busy machine changes no answer of it.

After a fraction of a second an answer ends though its turn is not stored yet, a question goes by words alone, messages
are judged without the model, and /readyz takes the store for gone. That is right for users, and would let a neighbour's
load decide what a test finds.
"""

from __future__ import annotations

from gateway import app, gleaning, recall, recorder
from gateway.cli import main

PATIENCE = 20.0
"""Seconds."""

recorder.COMMIT_WAIT = recall.ENCODING = app.STORE_ANSWER = gleaning.PATIENCE = PATIENCE

if __name__ == "__main__":
    main()
