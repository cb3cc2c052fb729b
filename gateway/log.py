"""Log lines: what happened in plain words, the rest as fields; never a text, an id or a key."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping

import orjson

from gateway.config import LogConfig

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def configure(config: LogConfig) -> None:
    """Send this package's log, and warnings of the server's, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if config.format == "json" else _Plain())
    for name, level in (("gateway", config.level.upper()), ("uvicorn", "WARNING"), ("aiohttp", "WARNING")):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level)
        logger.propagate = False
    logging.getLogger("uvicorn.error").addFilter(_intended)


def _intended(record: logging.LogRecord) -> bool:
    """Leave out the server's report of an answer that was broken off on purpose."""
    return "without completing response" not in record.getMessage()


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


class _Plain(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {key}={value}" for key, value in _fields(record).items())
        return super().formatMessage(record) + fields


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()
