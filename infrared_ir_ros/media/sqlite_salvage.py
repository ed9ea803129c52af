# Copyright 2026 infrared_ir_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Salvages the rows of a truncated sqlite3 bag from the remaining pages.

SQLite itself cannot open such a file. Format: https://www.sqlite.org/fileformat2.html. Tables are recognised by the
types of their rows: `topics` begins (number, name, type, format), `messages` is (number, topic number, time, blob).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

Value = int | str | bytes | None

_LEAF = 0x0D  # a page that holds rows of a table
_HEADER = 100


class _Cell(NamedTuple):
    """A row: its number, its total size, the part in its page, and the page on which it continues (0: none)."""

    row: int
    size: int
    local: bytes
    overflow: int


class SalvagedBag:
    """The topics and messages of a .db3 file whose pages are all present. Raises ValueError if it is not a
    database."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with open(path, "rb") as file:
            header = file.read(_HEADER)
        if len(header) < _HEADER or not header.startswith(b"SQLite format 3\0"):
            raise ValueError("it is not an SQLite database")
        (size,), self._reserved = struct.unpack_from(">H", header, 16), header[20]
        self._page = 65536 if size == 1 else size
        if self._page < 512 or self._page & (self._page - 1):
            raise ValueError(f"its page size is {self._page} bytes")
        self._pages = path.stat().st_size // self._page
        self.topics: dict[int, tuple[str, str]] = {}
        self._places: list[tuple[int, int, int, int]] = []  # row, page, cell; topic
        self._survey()

    @staticmethod
    def is_cut(path: Path) -> bool:
        """Whether the file is shorter than its header says."""
        with open(path, "rb") as file:
            header = file.read(_HEADER)
        if len(header) < _HEADER:
            return False
        (page,), (pages,) = struct.unpack_from(">H", header, 16), struct.unpack_from(">I", header, 28)
        return path.stat().st_size < (65536 if page == 1 else page) * pages

    def _survey(self) -> None:
        with open(self._path, "rb") as file:
            for number in range(2, self._pages + 1):  # the first page holds the schema
                for index, cell in enumerate(self._cells(file, number)):
                    values = _row(cell.local, cell.size)
                    kinds = [type(value) for value in values[:4]]
                    if kinds == [type(None), str, str, str] and "/msg/" in str(values[2]):
                        self.topics[cell.row] = (str(values[1]), str(values[2]))
                    elif kinds[:3] == [type(None), int, int] and len(values) in (3, 4):
                        self._places.append((cell.row, number, index, int(values[1] or 0)))
        self._places.sort()

    def count(self, topic: str) -> int:
        """The number of messages of a topic that start in the remaining pages."""
        return sum(self.topics.get(place[3], ("", ""))[0] == topic for place in self._places)

    def messages(self, topic: str = "") -> Iterator[tuple[str, str, int, bytes]]:
        """(topic, type, time in ns, data) of one topic or of all, in the order of recording."""
        with open(self._path, "rb") as file:
            for _, number, index, topic_number in self._places:
                name, kind = self.topics.get(topic_number, ("", ""))
                if not name or topic not in ("", name):
                    continue
                whole = self._whole(file, self._cells(file, number)[index])
                if whole is None:
                    continue
                values = _row(whole, len(whole))
                if len(values) == 4 and isinstance(values[2], int) and isinstance(values[3], bytes):
                    yield name, kind, values[2], values[3]

    def _read(self, file: BinaryIO, number: int) -> bytes:
        file.seek((number - 1) * self._page)
        return file.read(self._page)

    def _cells(self, file: BinaryIO, number: int) -> list[_Cell]:
        """The rows that begin in a page; none if it is of another kind or damaged."""
        page = self._read(file, number)
        if len(page) < self._page or page[0] != _LEAF:
            return []
        usable = self._page - self._reserved
        cells = []
        try:
            (count,) = struct.unpack_from(">H", page, 3)
            for (at,) in struct.iter_unpack(">H", page[8 : 8 + 2 * count]):
                size, at = _varint(page, at)
                row, at = _varint(page, at)
                local, most = size, usable - 35
                if size > most:
                    least = (usable - 12) * 32 // 255 - 23
                    local = least + (size - least) % (usable - 4)
                    local = local if local <= most else least
                overflow = struct.unpack_from(">I", page, at + local)[0] if local < size else 0
                cells.append(_Cell(row, size, page[at : at + local], overflow))
        except (IndexError, struct.error):
            return []
        return cells

    def _whole(self, file: BinaryIO, cell: _Cell) -> bytes | None:
        """A row with all its overflow pages; None if one of them is missing, or if the row claims to be larger than
        the file, as pages linked in a circle would be."""
        if cell.size > self._pages * self._page:
            return None
        data, number = bytearray(cell.local), cell.overflow
        usable = self._page - self._reserved
        while len(data) < cell.size:
            if not 2 <= number <= self._pages:
                return None
            page = self._read(file, number)
            (number,) = struct.unpack_from(">I", page)
            data += page[4 : min(usable, 4 + cell.size - len(data))]
        return bytes(data)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """An integer of 1 to 9 bytes at offset `at`, and the offset of its end."""
    value = 0
    for index in range(8):
        value = value << 7 | data[at + index] & 0x7F
        if data[at + index] < 0x80:
            return value, at + index + 1
    return value << 8 | data[at + 8], at + 9


def _row(data: bytes, size: int) -> list[Value]:
    """The values of a row that are complete in `data`, which may hold only the first of its `size` bytes."""
    try:
        header, at = _varint(data, 0)
        kinds = []
        while at < min(header, 200):
            kind, at = _varint(data, at)
            kinds.append(kind)
        values: list[Value] = []
        at = header
        for kind in kinds:
            length = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)[kind] if kind < 10 else max(kind - 12, 0) // 2
            part = data[at : at + length]
            at += length
            if len(part) < length or at > size:
                break
            values.append(_value(kind, part))
    except (IndexError, UnicodeDecodeError):
        return []
    return values


def _value(kind: int, part: bytes) -> Value:
    if kind == 0:
        return None
    if kind in (8, 9):
        return kind - 8
    if kind < 7:
        return int.from_bytes(part, "big", signed=True)
    return part.decode("utf-8") if kind >= 13 and kind % 2 else part
