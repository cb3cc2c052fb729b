"""An OpenAI-compatible proxy gateway with memory."""

__version__ = "0.1.0"
