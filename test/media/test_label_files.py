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

"""Label files of YOLO's, and of other formats that users take for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.images import write_image
from infrared_ir_ros.media.labels import read_boxes, read_mask

NO_SHARES = ("0.5 1.5 0.2 0.2", "-0.1 0.5 0.2 0.2", "nan 0.5 0.2 0.2", "0.5 0.5 0.2 inf")


def test_boxes_are_read_with_the_mark_that_editors_of_windows_write(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf0 0.5 0.25 0.5 0.5\r\n3 0 0 1 1\r\n")
    assert np.array_equal(read_boxes(tmp_path / "a.txt"), [[0, 0.5, 0.25, 0.5, 0.5], [3, 0, 0, 1, 1]])


@pytest.mark.parametrize("text", [None, b"", b"\xef\xbb\xbf\n"])
def test_a_frame_without_objects_has_an_empty_file_or_none(tmp_path: Path, text: bytes | None) -> None:
    if text is not None:
        (tmp_path / "a.txt").write_bytes(text)
    assert read_boxes(tmp_path / "a.txt").shape == (0, 5)


@pytest.mark.parametrize("value", [1, 255])
def test_a_mask_is_what_is_not_black(tmp_path: Path, value: int) -> None:
    expected = np.eye(16, dtype=np.uint8)
    write_image(tmp_path / "mask.png", value * expected)
    assert np.array_equal(read_mask(tmp_path / "mask.png"), expected)
    with pytest.raises(SourceError, match="each frame needs a mask: .*other.png"):
        read_mask(tmp_path / "other.png")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1.5 0.5 0.5 0.2 0.2", "have the class 1.5: use whole numbers from 0"),
        ("-1 0.5 0.5 0.2 0.2", "have the class -1: use whole numbers"),
        ("nan 0.5 0.5 0.2 0.2", "have the class nan: use whole numbers"),
        ("1e30 0.5 0.5 0.2 0.2", "have the class 1e[+]30: use whole numbers"),
        *((f"0 0.5 0.5 0.2 0.2\n0 {box}", ": x, y, width and height must be shares") for box in NO_SHARES),
        ("0 0.5 0.5 0.2 0.2 0.9", "have 6 columns: class, x, y, width, height"),
        ("0 0.1 0.1 0.2 0.1 0.2 0.2", "have 7 columns: class, x, y, width, height"),
        ("0,0.5,0.5,0.2,0.2", "can't be read .*: lines of class, x, y, width, height"),
        ("<annotation></annotation>", "can't be read .*: lines of class, x, y, width, height"),
        ("person 0.5 0.5 0.2 0.2", "can't be read .*: lines of class, x, y, width, height"),
    ],
)
def test_other_formats_are_one_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(SourceError, match=rf"labels .*a\.txt ?{told}") as caught:
        read_boxes(tmp_path / "a.txt")
    assert "\n" not in str(caught.value)
