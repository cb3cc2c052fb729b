"""Arrays that grow: appending is amortised, reading is a plain numpy view."""

from typing import Any

import numpy as np
import numpy.typing as npt


class Column:
    """Rows of one dtype and width. `rows` is a view that the next append may detach: take it anew each time."""

    __slots__ = ("_data", "_length")

    def __init__(self, dtype: npt.DTypeLike, width: int | None = None) -> None:
        shape = (0,) if width is None else (0, width)
        self._data: npt.NDArray[Any] = np.zeros(shape, dtype)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def nbytes(self) -> int:
        return self._data.nbytes

    @property
    def rows(self) -> npt.NDArray[Any]:
        return self._data[: self._length]

    def append(self, row: Any) -> None:
        self._reserve(1)
        self._data[self._length] = row
        self._length += 1

    def extend(self, rows: npt.NDArray[Any]) -> None:
        self._reserve(len(rows))
        self._data[self._length : self._length + len(rows)] = rows
        self._length += len(rows)

    def grow(self, rows: int) -> None:
        """So many more rows of zeros."""
        self._reserve(rows)
        self._length += rows

    def keep(self, where: npt.NDArray[Any]) -> None:
        """Only the rows that the mask or the indices `where` name; the others leave memory."""
        self._data = self.rows[where].copy()
        self._length = len(self._data)

    def _reserve(self, rows: int) -> None:
        needed = self._length + rows
        if needed > len(self._data):
            grown = np.zeros((max(needed, len(self._data) * 5 // 4, 16), *self._data.shape[1:]), self._data.dtype)
            grown[: self._length] = self.rows
            self._data = grown
