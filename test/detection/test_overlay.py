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

"""The overlay marks what was found and changes nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from infrared_ir_ros.detection import overlay
from infrared_ir_ros.records import Detection
from infrared_ir_ros.restoration.palettes import colour

NAMES = ("person", "car")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_boxes_lie_on_the_frame_in_a_colour_of_their_class(dtype: type) -> None:
    frame = np.linspace(0, 255, 120 * 160).reshape(120, 160).astype(dtype)
    found = (Detection((20, 40, 60, 90), 0.9, "person", 3), Detection((100, 40, 140, 90), 0.8, "car"))
    picture = overlay(frame, found, NAMES, "white_hot")
    assert picture.shape == (120, 160, 3) and picture.dtype == np.uint8
    assert (picture[40, 20:60] == (0, 255, 0)).all() and (picture[89, 20:60] == (0, 255, 0)).all()
    assert (picture[40:90, 100] == (255, 255, 0)).all() and (picture[40:90, 139] == (255, 255, 0)).all()
    assert (np.ptp(picture[50:80, 25:55], axis=2) == 0).all()  # the frame within the box is as grey as it was


def drawn(top: float, score: float = 0.9, label: str = "person", track: int | None = 3) -> np.ndarray:
    """Where something is drawn for a box of 40 x 40 pixels."""
    found = (Detection((20, top, 60, top + 40), score, label, track),)
    return overlay(np.zeros((120, 160), np.uint8), found, NAMES, "white_hot").any(axis=2)


def test_words_stand_above_a_box_or_where_there_is_no_room_below_it() -> None:
    above, below = drawn(40), drawn(0)
    assert above[25:39].any() and not above[80:].any()
    assert below[41:55].any() and not below[55:].any()


def test_words_of_a_box_as_high_as_the_frame_stand_in_it() -> None:
    frame = np.zeros((120, 160), np.uint8)
    picture = overlay(frame, (Detection((0, 0, 160, 120), 0.9, "person"),), NAMES, "white_hot")
    assert picture[100:119, 1:159].any() and not picture[20:90, 1:159].any()


def test_words_tell_class_score_and_track() -> None:
    others = drawn(40, score=0.8), drawn(40, label="car"), drawn(40, track=4), drawn(40, track=None)
    assert not any(np.array_equal(drawn(40), other) for other in others)


def test_without_detections_it_is_the_frame_in_the_palette() -> None:
    frame = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(overlay(frame, (), NAMES, "ironbow"), colour(frame, "ironbow"))


@pytest.mark.parametrize("box", [(0.0, 0.0, 160.0, 120.0), (150.4, 110.2, 160.0, 120.0), (0.0, 0.0, 0.4, 0.4)])
def test_boxes_at_the_border_are_drawn_too(box: tuple[float, float, float, float]) -> None:
    frame = np.zeros((120, 160), np.uint8)
    assert overlay(frame, (Detection(box, 0.5, "car", 12345),), NAMES, "white_hot").any()
