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

"""Names from outside: harmless in a path, on a terminal and in an order."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.paths import natural_key, printable, read_file, safe_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("scene-1.mcap", "scene-1.mcap"),
        ("../../etc/passwd", "etc_passwd"),
        (".hidden", "hidden"),
        ("a b\n\x1b[2Jc", "a_b_2Jc"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("ä" * 9, "unnamed"),
        ("x" * 500, "x" * 80),
    ],
)
def test_a_part_of_a_file_name_is_never_empty_hidden_or_a_path(text: str, name: str) -> None:
    assert safe_name(text) == name


def test_what_is_shown_is_one_short_line() -> None:
    assert printable("ä b\n\x1b[2J\u202e\udcff") == r"ä b\n\x1b[2J\u202e\udcff"
    assert printable("x" * 301) == "x" * 300 + "..." and printable("x" * 300) == "x" * 300


def test_numbers_in_names_are_ordered_by_their_value() -> None:
    names = ["Frame2", "frame9", "frame9\N{SUPERSCRIPT TWO}", "frame10", "frame10b"]
    assert sorted(reversed(names), key=natural_key) == names


def test_a_small_file_takes_little_memory_whatever_the_limit(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    tracemalloc.start()
    read_file(tmp_path / "x", 1 << 28)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1 << 20


def test_a_file_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    assert read_file(tmp_path / "x", 5) == b"12345"
    with pytest.raises(SourceError, match="has 5 bytes: at most 4 are read"):
        read_file(tmp_path / "x", 4)
