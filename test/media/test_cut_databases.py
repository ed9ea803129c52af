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

"""sqlite3 bags that were cut off, with messages that go on over many pages, as all but the smallest frames do."""

import resource
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from bags import make_bag, same

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media import open_source

PAGE = 4096


def large_pictures(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 65535, (60, 90 + 10 * number)).astype(np.uint16) for number in range(count)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A bag of 12 frames of 11 to 25 kB."""
    path = tmp_path_factory.mktemp("whole") / "bag"
    make_bag(path, large_pictures(12), "sqlite3")
    return (path / "bag.db3").read_bytes()


def test_frames_that_go_on_over_many_pages_are_read_as_far_as_they_are_whole(tmp_path: Path, whole: bytes) -> None:
    frames, counts = large_pictures(12), []
    for pages in range(len(whole) // PAGE // 4, len(whole) // PAGE, 9):
        (tmp_path / "cut.db3").write_bytes(whole[: pages * PAGE + 100])
        told: list[str] = []
        got = list(open_source(tmp_path / "cut.db3", "/ir/image", report=told.append))
        assert same(got, frames[: len(got)]) and "shorter than its header says" in told[0]
        counts.append(len(got))
    assert counts == sorted(counts) and counts[0] >= 2 and counts[-1] >= 10


def test_a_whole_file_tells_of_no_loss(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "whole.db3").write_bytes(whole)
    told: list[str] = []
    assert same(list(open_source(tmp_path / "whole.db3", "/ir/image", report=told.append)), large_pictures(12))
    assert told == []


@pytest.mark.parametrize("value", ["data = 1000000000000", "data = 'text'", "timestamp = 9e999", "timestamp = 'text'"])
def test_values_of_another_type_are_told(tmp_path: Path, whole: bytes, value: str) -> None:
    """SQLite lets a column hold anything; a number as data is no order to make so many bytes."""
    (tmp_path / "odd.db3").write_bytes(whole)
    with closing(sqlite3.connect(tmp_path / "odd.db3")) as connection, connection:
        connection.execute(f"UPDATE messages SET {value} WHERE id > 20")
    told: list[str] = []
    frames = list(open_source(tmp_path / "odd.db3", "/ir/image", report=told.append))
    assert same(frames, large_pictures(5)) and told
    assert all("damaged" in line or "end early" in line or "could be read" in line for line in told[:3])


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        (("topics(id, name)",), "it lacks the tables topics and messages"),
        (("topics(id, name)", "messages(id)"), "its topics cannot be read: no such column"),
    ],
)
def test_a_database_of_others_is_no_bag(tmp_path: Path, tables: tuple[str, ...], words: str) -> None:
    with closing(sqlite3.connect(tmp_path / "others.db3")) as connection, connection:
        for table in tables:
            connection.execute(f"CREATE TABLE {table}")
    with pytest.raises(SourceError, match=words):
        open_source(tmp_path / "others.db3")


def varint(value: int) -> bytes:
    """A number as SQLite stores it."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(value & 0x7F | 0x80)
    return bytes(reversed(out))


def test_a_row_that_goes_on_in_a_circle_takes_no_memory(tmp_path: Path, whole: bytes) -> None:
    """One row claims 300 MB, and the page where it goes on says that it goes on there."""
    pages, claimed = len(whole) // PAGE // 2, 300 << 20
    kinds = bytes([0, 1, 6]) + varint(2 * claimed + 12)
    row = bytes([len(kinds) + 1]) + kinds + struct.pack(">Bq", 1, 5)
    least, usable = (PAGE - 12) * 32 // 255 - 23, PAGE - 4
    local = least + (len(row) + claimed - least) % usable
    local = local if local <= PAGE - 35 else least
    cell = varint(len(row) + claimed) + varint(1) + row.ljust(local, b"\0") + struct.pack(">I", pages)
    leaf = (
        struct.pack(">BHHHBH", 0x0D, 0, 1, PAGE - len(cell), 0, PAGE - len(cell)).ljust(PAGE - len(cell), b"\0") + cell
    )
    circle = struct.pack(">I", pages).ljust(PAGE, b"\0")
    (tmp_path / "cut.db3").write_bytes(whole[: (pages - 2) * PAGE] + leaf + circle)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    frames = list(open_source(tmp_path / "cut.db3", "/ir/image", report=lambda line: None))
    assert same(frames, large_pictures(len(frames))) and len(frames) >= 4
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB
