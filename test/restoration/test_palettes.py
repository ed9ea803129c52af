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

"""Palettes: their ends, their order, and comparisons on one scale."""

from __future__ import annotations

import numpy as np
import pytest

from infrared_ir_ros.restoration.palettes import PALETTES, colour, comparison, levels, palette


@pytest.mark.parametrize("name", PALETTES)
def test_a_palette_is_a_monotonous_scale_of_256_colours(name: str) -> None:
    colours = palette(name).astype(int)
    assert colours.shape == (256, 3)
    luma = colours @ np.array([0.114, 0.587, 0.299])
    rises = np.diff(luma) if name != "black_hot" else -np.diff(luma)
    assert rises.min() > -1.0 and abs(luma[-1] - luma[0]) > 200


def test_white_hot_is_white_where_it_is_hot() -> None:
    frame = np.array([[0, 128, 255]], np.uint8)
    assert colour(frame, "white_hot")[0].tolist() == [[0, 0, 0], [128, 128, 128], [255, 255, 255]]
    assert colour(frame, "black_hot")[0].tolist() == [[255, 255, 255], [127, 127, 127], [0, 0, 0]]


def test_ironbow_goes_from_blue_through_purple_and_orange_to_white() -> None:
    (blue, purple, orange, white) = palette("ironbow")[[16, 72, 192, 255]].astype(int)
    assert blue.argmax() == 0 and max(blue[1:]) < 20
    assert min(purple[0], purple[2]) > purple[1] + 100
    assert orange[2] > orange[1] + 50 > orange[0] + 150
    assert min(white) > 240


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_equal_frames_look_equal_side_by_side(dtype: type) -> None:
    frame = np.random.default_rng(0).uniform(10, 240, (40, 50)).astype(dtype)
    sides = comparison(frame, frame.copy(), "ironbow")
    assert sides.shape == (40, 100, 3) and sides.dtype == np.uint8
    assert np.array_equal(sides[:, :50], sides[:, 50:])
    assert len(np.unique(sides.reshape(-1, 3), axis=0)) > 50


def test_both_sides_share_one_scale() -> None:
    frame = np.random.default_rng(0).uniform(1000, 2000, (40, 50)).astype(np.uint16)
    sides = comparison(frame, frame + 500, "white_hot").astype(int)
    assert (sides[:, 50:] - sides[:, :50]).mean() > 50


def test_odd_values_have_a_level() -> None:
    frame = np.array([[np.nan, -np.inf, np.inf, 5.0]], np.float32)
    assert levels(frame, 0.0, 10.0)[0].tolist() == [0, 0, 255, 128]
    nothing = np.full((4, 4), np.nan, np.float32)
    assert comparison(nothing, nothing, "inferno").shape == (4, 8, 3)


@pytest.mark.parametrize("unknown", [np.nan, np.inf, -np.inf, np.finfo(np.float32).max, -np.finfo(np.float32).max])
def test_unknown_pixels_do_not_make_the_others_black(unknown: float) -> None:
    """However a driver marks them."""
    kelvin = np.linspace(280, 300, 48 * 64, dtype=np.float32).reshape(48, 64)
    kelvin[:, ::16] = unknown
    shown = comparison(kelvin, kelvin, "white_hot")[..., 0]
    assert shown[0, 1:9].max() < 5 and shown[-1, 1:9].min() > 245
