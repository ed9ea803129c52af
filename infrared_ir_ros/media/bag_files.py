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

"""The files of a bag, and their messages as bytes.

A truncated or damaged file yields its intact messages and reports what is lost; claimed sizes are bounded before
anything is allocated. (`rosbags`, which writes our bags, cannot read a truncated mcap.)
"""

from __future__ import annotations

import os
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.parse import quote
from zlib import crc32

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.inflate import MAX_CHUNK_BYTES, ZstdError, inflate
from infrared_ir_ros.media.paths import printable
from infrared_ir_ros.media.sqlite_salvage import SalvagedBag

_MAGIC = b"\x89MCAP0\r\n"
_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _STATISTICS, _DATA_END, _FOOTER = 0x03, 0x04, 0x05, 0x06, 0x0B, 0x0F, 0x02


class RawMessage(NamedTuple):
    """One message. stamp_ns: when it was recorded. data: CDR bytes."""

    topic: str
    kind: str
    stamp_ns: int
    data: bytes


class Topic(NamedTuple):
    """kind: message type, such as `sensor_msgs/msg/Image`. count: of messages, 0 if unknown."""

    kind: str
    count: int


class McapFile:
    """An mcap file, read from front to back. After `messages`, `damage` says what was lost.

    Raises SourceError if the file does not begin like an mcap.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: list[str] = []
        self._schemas: dict[int, str] = {}
        self._channels: dict[int, tuple[str, str]] = {}
        with self._open() as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise SourceError(f"{printable(str(path))} is not an mcap file: its first bytes are wrong")

    def _open(self) -> BinaryIO:
        return open(self.path, "rb")

    def topics(self) -> dict[str, Topic]:
        """By name, from the summary, or by reading all messages if that is missing or damaged."""
        try:
            with self._open() as file:
                return self._summary(file)
        except (struct.error, ValueError, KeyError, OSError):
            counts: dict[str, Topic] = {}
            for message in self.messages():
                known = counts.get(message.topic, Topic(message.kind, 0))
                counts[message.topic] = Topic(known.kind, known.count + 1)
            return counts

    def _summary(self, file: BinaryIO) -> dict[str, Topic]:
        size = os.fstat(file.fileno()).st_size
        file.seek(size - 37)
        op, length, start, _, _, magic = struct.unpack("<BQQQI8s", file.read(37))
        if (op, length, magic) != (_FOOTER, 20, _MAGIC) or not 8 <= start < size or size - start > MAX_CHUNK_BYTES:
            raise ValueError("no summary")
        file.seek(start)
        counts: dict[int, int] | None = None
        for op, body in _records(file.read(size - start - 37)):
            self._note(op, body)
            if op == _STATISTICS:
                (entries,) = struct.unpack_from("<I", body, 42)
                counts = dict(struct.iter_unpack("<HQ", body[46 : 46 + entries]))
        if counts is None:
            raise ValueError("no statistics")
        topics: dict[str, Topic] = {}
        for number, (topic, kind) in self._channels.items():
            topics[topic] = Topic(kind, topics.get(topic, Topic(kind, 0)).count + counts.get(number, 0))
        return topics

    def messages(self, topic: str = "") -> Iterator[RawMessage]:
        """The messages of one topic or of all, in the order of the file."""
        self.damage = []
        count = 0
        try:
            for message in self._all_messages(topic):
                count += 1
                yield message
        except OSError as error:  # failing disk
            self.damage.append(f"it cannot be read to its end ({error.strerror or error}): the rest is lost")
        missing = self._claimed(topic) - count
        if missing > 0 and not self.damage:
            self.damage.append(f"{missing} messages fewer than its summary says: they are lost")

    def _claimed(self, topic: str) -> int:
        """The number of messages by the summary; 0 if unknown."""
        try:
            with self._open() as file:
                topics = self._summary(file)
        except (struct.error, ValueError, KeyError, OSError):
            return 0
        return sum(count for name, (_, count) in topics.items() if topic in ("", name))

    def _all_messages(self, topic: str) -> Iterator[RawMessage]:
        with self._open() as file:
            size = os.fstat(file.fileno()).st_size
            at = len(_MAGIC)
            while at + 9 <= size:
                file.seek(at)
                op, length = struct.unpack("<BQ", file.read(9))
                at += 9 + length
                if op in (_DATA_END, _FOOTER):
                    return
                if op == _CHUNK:
                    yield from self._chunk(file.read(min(length, size, MAX_CHUNK_BYTES)), length, topic)
                elif op in (_SCHEMA, _CHANNEL, _MESSAGE) and at <= size and length <= MAX_CHUNK_BYTES:
                    yield from self._record(op, file.read(length), topic)
            self.damage.append(f"it ends at byte {size} without an end record: the rest is lost")

    def _chunk(self, body: bytes, length: int, topic: str) -> Iterator[RawMessage]:
        """The messages in a chunk; of a truncated one, those before the cut."""
        try:
            size, crc, name_length = struct.unpack_from("<QII", body, 16)
            compression = body[32 : 32 + name_length].decode("ascii")
            start = 40 + name_length
            if size > MAX_CHUNK_BYTES:
                self.damage.append(f"a chunk claims {size} bytes: at most {MAX_CHUNK_BYTES} are read")
                return
            raw = inflate(compression, body[start:], size)
        except (struct.error, ValueError, KeyError, RuntimeError, ZstdError) as error:
            self.damage.append(f"a chunk cannot be read: {printable(str(error))}")
            return
        if len(body) == length and (len(raw) != size or (crc and crc32(raw) != crc)):
            self.damage.append("a chunk has a wrong checksum: its messages are lost")
            return
        for op, record in _records(raw):
            yield from self._record(op, record, topic)

    def _record(self, op: int, body: bytes, topic: str) -> Iterator[RawMessage]:
        try:
            if op != _MESSAGE:
                self._note(op, body)
                return
            number, _, stamp, _ = struct.unpack_from("<HIQQ", body)
            name, kind = self._channels.get(number, ("", ""))
        except (struct.error, ValueError) as error:
            self.damage.append(f"a record cannot be read: {printable(str(error))}")
            return
        if name and topic in ("", name):
            yield RawMessage(name, kind, stamp, body[22:])

    def _note(self, op: int, body: bytes) -> None:
        """Remember the name of a schema or channel."""
        if op == _SCHEMA:
            (number,) = struct.unpack_from("<H", body)
            self._schemas[number] = _text(body, 2)[0]
        elif op == _CHANNEL:
            number, schema = struct.unpack_from("<HH", body)
            topic, at = _text(body, 4)
            encoding, _ = _text(body, at)
            if encoding == "cdr":
                self._channels[number] = (topic, self._schemas.get(schema, ""))


class Sqlite3File:
    """A .db3 file. After `messages`, `damage` says what was lost. Raises SourceError if it is not a bag."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: list[str] = []
        self._salvaged: SalvagedBag | None = None
        try:
            if SalvagedBag.is_cut(path):
                self._salvaged = SalvagedBag(path)
                return
            tables = self._query("SELECT name FROM sqlite_master WHERE type = 'table'")
        except (sqlite3.Error, ValueError) as error:
            raise SourceError(f"{printable(str(path))} is not a sqlite3 bag: {printable(str(error))}") from None
        if not {("topics",), ("messages",)} <= set(tables):
            raise SourceError(f"{printable(str(path))} is not a sqlite3 bag: it lacks the tables topics and messages")

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{quote(os.fsencode(self.path))}?mode=ro", uri=True)

    def _query(self, text: str) -> list[tuple]:
        connection = self._connect()
        try:
            return connection.execute(text).fetchall()
        finally:
            connection.close()

    def topics(self) -> dict[str, Topic]:
        """By name."""
        if self._salvaged is not None:
            return {name: Topic(kind, self._salvaged.count(name)) for name, kind in self._salvaged.topics.values()}
        try:
            rows = self._query("SELECT id, name, type FROM topics WHERE serialization_format = 'cdr'")
        except sqlite3.Error as error:
            raise SourceError(f"{printable(str(self.path))}: its topics cannot be read: {error}") from None
        try:
            counts = dict(self._query("SELECT topic_id, count(*) FROM messages GROUP BY topic_id"))
        except sqlite3.Error:
            counts = {}
        return {str(name): Topic(str(kind), counts.get(number, 0)) for number, name, kind in rows}

    def messages(self, topic: str = "") -> Iterator[RawMessage]:
        """The messages of one topic or of all, in the order of recording."""
        self.damage = []
        if self._salvaged is not None:
            yield from (RawMessage(*message) for message in self._salvaged.messages(topic))
            self.damage.append("it is shorter than its header says: the rest is lost")
            return
        connection = self._connect()
        query = (
            "SELECT name, type, timestamp, CAST(data AS BLOB) FROM messages JOIN topics ON topics.id = topic_id "
            "WHERE (? = '' OR name = ?) AND length(data) < ? ORDER BY messages.id"
        )
        try:
            for name, kind, stamp, data in connection.execute(query, (topic, topic, MAX_CHUNK_BYTES)):
                yield RawMessage(str(name), str(kind), int(stamp), bytes(data))
        except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
            self.damage.append(f"its messages end early: {printable(str(error))}")
        finally:
            connection.close()


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The complete records in `data`, up to the first that is truncated."""
    at = 0
    while at + 9 <= len(data):
        op, length = struct.unpack_from("<BQ", data, at)
        at += 9 + length
        if at > len(data):
            return
        yield op, data[at - length : at]


def _text(body: bytes, at: int) -> tuple[str, int]:
    """A string preceded by its length, and the offset of its end."""
    (length,) = struct.unpack_from("<I", body, at)
    return body[at + 4 : at + 4 + length].decode("utf-8", "replace"), at + 4 + length
