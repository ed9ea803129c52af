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

import re

import numpy as np
import pytest

from infrared_ir_ros.errors import FrameError, OptionError
from infrared_ir_ros.records import Counts
from infrared_ir_ros.restoration.counts import Window, checked, split_excess, window


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (None, "is of type NoneType: give an array"),
        (np.zeros((64, 64), np.int32), "dtype int32"),
        (np.zeros((64, 64, 3), np.uint8), r"shape \(64, 64, 3\)"),
        (np.zeros((8, 64), np.uint8), "16 to 4096"),
        (np.zeros((0, 0), np.uint8), r"shape \(0, 0\)"),
        (np.full((64, 64), 7, np.uint16), "every pixel of the frame is 7"),
        (np.full((64, 64), np.nan, np.float32), "no pixel of the frame is finite"),
    ],
)
def test_what_cannot_be_restored_is_refused_with_its_value(frame: np.ndarray | None, message: str) -> None:
    with pytest.raises(FrameError, match=message):
        checked(frame)


def test_holes_are_filled_from_their_surroundings() -> None:
    frame = np.tile(np.linspace(280, 300, 64, dtype=np.float32), (64, 1))
    broken = frame.copy()
    broken[10:14, 20:30] = np.nan
    broken[40, 5] = np.inf
    broken[50, 9] = np.finfo(np.float32).max  # as some drivers mark what they do not know
    kept = broken.copy()
    filled = checked(broken)
    np.testing.assert_array_equal(broken, kept)
    assert np.isfinite(filled).all()
    assert np.abs(filled - frame).max() < 3


def test_one_finite_pixel_is_enough_to_fill_but_not_to_restore() -> None:
    frame = np.full((32, 32), np.nan, np.float32)
    frame[3, 4] = 290
    with pytest.raises(FrameError, match="every pixel"):
        checked(frame)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_counts_return_through_the_window(dtype: type) -> None:
    rng = np.random.default_rng(0)
    frame = rng.integers(20, 250, (48, 64)).astype(dtype)
    for counts in (Counts(), Counts("fixed", 0, 300), Counts("percentile"), Counts("tlinear")):
        there = window(frame, counts)
        np.testing.assert_allclose(there.to_counts(there.to_unit(frame), np.dtype(dtype)), frame, atol=1e-3)


def test_percentiles_land_on_the_levels_of_clean_frames() -> None:
    rng = np.random.default_rng(0)
    frame = rng.normal(30000, 100, (400, 400)).astype(np.uint16)
    low, high = np.percentile(window(frame, Counts("percentile")).to_unit(frame), (0.3, 99.7)) * 255
    assert low == pytest.approx(14, abs=3)
    assert high == pytest.approx(229, abs=3)


@pytest.mark.parametrize("width", [0.0, 1e-42])
def test_a_window_without_width_is_refused(width: float) -> None:
    """Denormal counts, too, have no inverse in float32."""
    with pytest.raises(FrameError, match="only single pixels of the frame vary"):
        Window(0.0, width).to_unit(np.zeros((16, 16), np.float32))


def test_a_target_too_small_for_the_percentiles_before_a_flat_sky_is_not_lost() -> None:
    frame = np.full((128, 160), 5000, np.uint16)
    frame[31:35, 41:45] = 5200
    unit = window(frame, Counts("percentile")).to_unit(frame) * 255
    assert (unit.min(), unit.max()) == pytest.approx((14, 229), abs=0.1)


def test_counts_beyond_the_dtype_are_clipped() -> None:
    unit = np.array([[-1.0, 2.0]], np.float32)
    np.testing.assert_array_equal(Window(0, 255).to_counts(unit, np.dtype(np.uint8)), [[0, 255]])


def test_flames_go_around_the_networks() -> None:
    unit = np.full((16, 16), 0.5, np.float32)
    assert split_excess(unit)[1] is None
    unit[3, 3] = 40
    seen, excess = split_excess(unit)
    assert seen.max() < 2
    np.testing.assert_allclose(seen + excess, unit)


@pytest.mark.parametrize(
    "values",
    [
        {"mapping": "log"},
        {"minimum": 5, "maximum": 5},
        {"low_percentile": 70},
        {"resolution": 0.5},
        {"maximum": float("nan")},
    ],
)
def test_impossible_mappings_are_refused(values: dict) -> None:
    with pytest.raises(OptionError):
        Counts(**values)


def test_a_narrow_window_is_widened_around_its_middle() -> None:
    assert Window(0.4, 0.5).widened(0.5).ends == pytest.approx((0.2, 0.7))
    assert Window(0.0, 1.0).widened(0.5).ends == (0.0, 1.0)


def spread(low: float, high: float, dtype: type = np.uint16) -> np.ndarray:
    """Counts from `low` to `high`, but for one dead and one hot pixel."""
    frame = np.linspace(low, high, 256 * 320).reshape(256, 320).astype(dtype)
    frame[0, 0], frame[64, 64] = 0, 255 if dtype == np.uint8 else 65535
    return frame


@pytest.mark.parametrize(
    ("counts", "frame"),
    [
        (Counts("fixed"), spread(21, 226, np.uint8)),  # the default bounds: white
        (Counts("fixed", 0, 1000), spread(21, 226, np.uint8)),  # white: 8 bit cannot hold what is restored
        (Counts("fixed"), spread(30000, 30100)),
        (Counts("fixed", 0, 255), spread(7000, 9000)),
        (Counts("fixed", 290, 310), spread(15, 35, np.float32)),  # kelvin, and degrees Celsius
    ],
)
def test_fixed_bounds_that_do_not_fit_are_told_with_what_comes(counts: Counts, frame: np.ndarray) -> None:
    low, high = np.percentile(frame, (0.3, 99.7))
    said = counts.misfit(frame)
    assert f"({counts.minimum:g} to {counts.maximum:g}) does not fit the frames ({frame.dtype}, " in said
    assert [float(number) for number in re.findall(r", (\S+) to ([^)]+)\)", said)[0]] == pytest.approx(
        (low, high), rel=0.05
    )


@pytest.mark.parametrize(
    ("counts", "frame"),
    [
        (Counts(), spread(21, 22)),
        (Counts("percentile"), spread(21, 226)),
        (Counts("tlinear"), spread(21, 226)),
        (Counts("fixed", 0, 255), spread(100, 110, np.uint8)),
        (Counts("fixed"), spread(30000, 32000)),
        (Counts("fixed", 7000, 9000), spread(6500, 10000)),
        (Counts("fixed", 290, 310), np.full((64, 80), 20, np.float32)),  # a covered lens
        (Counts("fixed", 290, 310), np.full((64, 80), np.nan, np.float32)),
    ],
)
def test_of_bounds_that_fit_nothing_is_said(counts: Counts, frame: np.ndarray) -> None:
    assert counts.misfit(frame) == ""


def test_percentiles_that_the_user_has_chosen_are_taken_even_with_a_flame() -> None:
    frame = np.random.default_rng(0).normal(7000, 100, (128, 160)).astype(np.uint16)
    frame[40:60, 40:60] = np.random.default_rng(1).normal(16000, 100, (20, 20))
    assert window(frame, Counts("percentile", low_percentile=0, high_percentile=100)).high > 16000
    assert window(frame, Counts("percentile")).high < 8000
