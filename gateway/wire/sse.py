"""Server-sent events, read from bytes in whatever pieces they come."""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_LINE = 16 * 1024 * 1024
"""Bytes of one line, and of the data of one event; more is passed over (an image or a whole response fits)."""

_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventStream:
    """Finds the data of events in a copy of a stream; it never raises and never changes a byte.

    Lines end at LF, CRLF or CR and nothing else (U+2028 is legal inside JSON).
    """

    def __init__(self) -> None:
        self.at_boundary = True
        """The bytes so far end where an event ends."""
        self.passed_over = False
        """An event was too long to be read, and may have been the last one."""
        self._line = bytearray()
        self._too_long = False
        self._data: list[bytes] = []
        """The event's data lines that are not blank."""
        self._size = 0
        """Bytes of them, also of those that were passed over."""
        self._after_cr = False

    def feed(self, chunk: bytes) -> Iterator[tuple[bytes, int]]:
        """The data of events in `chunk`, each as soon as its `data:` line is complete.

        Yields (data, start): `start` is where the event begins in this chunk, 0 if it began earlier. Data of several
        lines is given again, joined, when the event ends: most clients send one line and none says how many.
        """
        if not chunk:
            return
        at = start = 1 if self._after_cr and chunk[:1] == b"\n" else 0
        self._after_cr = chunk[-1:] == b"\r"
        for end in _LINE_END.finditer(chunk, at):
            line = self._take(chunk[at : end.start()])
            at = end.end()
            if line:
                self.at_boundary = False
                if data := self._first(line):
                    yield data, start
                continue
            if data := self._joined():
                yield data, start
            self.at_boundary = True
            start = at
        if at < len(chunk):
            self.at_boundary = False
            self._keep(chunk[at:])

    def close(self) -> Iterator[tuple[bytes, int]]:
        """The data of an event that no blank line, or a last line that no line end followed."""
        for data in (self._first(self._take(b"")), self._joined()):
            if data:
                yield data, 0

    def _first(self, line: bytes) -> bytes:
        """The data of this line if it is the event's first; else it is kept, and empty bytes are returned."""
        if not line.startswith(b"data"):
            if not line.startswith(b"\xef\xbb\xbfdata"):
                return b""
            line = line[3:]
        name, _, value = line.partition(b":")
        if name != b"data" or not value or value.isspace():
            return b""
        value = value[1:] if value[:1] == b" " else value
        first = not self._size
        self._size += len(value)
        if self._size > MAX_LINE:
            self.passed_over = True
            self._data.clear()
            return b""
        self._data.append(value)
        return value if first else b""

    def _joined(self) -> bytes:
        """The data of an event of several lines, which ends here."""
        data = b"\n".join(self._data) if len(self._data) > 1 else b""
        self._data.clear()
        self._size = 0
        return data

    def _take(self, rest: bytes) -> bytes:
        """The line that `rest` completes; a line that grew too long is a comment."""
        if not self._line and not self._too_long:
            return rest
        line = b":" if self._too_long else bytes(self._line) + rest
        self._line.clear()
        self._too_long = False
        return line

    def _keep(self, piece: bytes) -> None:
        if self._too_long or len(self._line) + len(piece) > MAX_LINE:
            self._too_long = self.passed_over = True
            self._line.clear()
        else:
            self._line += piece
