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

"""Frames that show nothing in places, or flames, or hardly anything: the rest is restored as well as without them."""

from __future__ import annotations

import numpy as np
import pytest

from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import Restorer, load_restorer
from infrared_ir_ros.simulation import layout, stretch

SHAPE = (256, 320)
ROWS, COLUMNS = np.indices(SHAPE)
TRUTH = stretch(layout(np.random.default_rng(3), *SHAPE)).astype(np.float32)
NOISE = np.random.default_rng(0).normal(0, 8, SHAPE)
BARS = (ROWS < 28) | (ROWS >= 228)
PLACES = {"bars": BARS, "lens": np.hypot(ROWS - 128, COLUMNS - 160) > 195, "strip": COLUMNS >= 316}


@pytest.fixture(scope="module")
def restorer() -> Restorer:
    return load_restorer(engine="onnxruntime", precision="fp32")


def error(image: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    """After the best gain and offset, in levels of the truth."""
    image, truth = image[where].astype(np.float64), truth[where].astype(np.float64)
    return float(np.std(np.polyval(np.polyfit(image, truth, 1), image) - truth))


def raw(levels: np.ndarray) -> np.ndarray:
    """Counts of a 14-bit camera."""
    return np.rint(7000 + 4 * np.clip(levels, 0, 255)).astype(np.uint16)


@pytest.mark.parametrize("tone", ["preserve", "restore"])
@pytest.mark.parametrize("counts", [0, 65535])
@pytest.mark.parametrize("place", PLACES)
def test_bars_stay_and_do_not_spoil_the_rest(restorer: Restorer, place: str, counts: int, tone: str) -> None:
    restorer.options = Options(tone=tone, smoothing=0.0)
    frame, nothing = raw(TRUTH + NOISE), PLACES[place]
    undisturbed = error(restorer.restore(frame).image, TRUTH, ~nothing)
    frame[nothing] = counts
    restored = restorer.restore(frame).image
    assert (restored[nothing] == counts).all()
    assert error(restored, TRUTH, ~nothing) < 1.15 * undisturbed


def test_noise_is_removed_beside_a_half_that_is_not_a_number(restorer: Restorer) -> None:
    restorer.options = Options(smoothing=0.0)
    half, frame = COLUMNS < 160, (290 + 0.08 * (TRUTH + NOISE)).astype(np.float32)
    undisturbed = error(restorer.restore(frame).image, TRUTH, half)
    frame[~half] = np.nan
    restored = restorer.restore(frame).image
    assert np.isfinite(restored).all()
    assert error(restored, TRUTH, half) < 1.15 * undisturbed


@pytest.mark.parametrize("radius", [12, 20, 28])
def test_a_fire_does_not_spoil_the_rest(restorer: Restorer, radius: int) -> None:
    """In centikelvin; the fire has 400 degrees, the rest 20 kelvin of contrast."""
    restorer.options = Options(tone="preserve", smoothing=0.0)
    frame = np.rint(29000 + 8 * (TRUTH + NOISE)).astype(np.uint16)
    undisturbed = error(restorer.restore(frame).image, TRUTH, ROWS >= 0)
    distance = np.hypot(ROWS - 150, COLUMNS - 200)
    fire = 38000 * np.clip(1 - (distance / radius) ** 2, 0, 1)
    restored = restorer.restore(np.rint(frame + fire).astype(np.uint16)).image
    assert error(restored, TRUTH, distance > radius + 5) < 1.3 * undisturbed
    assert restored.max() > 64000


@pytest.mark.parametrize("contrast", [0.1, 0.15, 0.2])
def test_a_faint_scene_is_restored_as_well_as_a_strong_one(restorer: Restorer, contrast: float) -> None:
    """In 8 bit, with as much noise for its contrast."""
    restorer.options = Options(tone="restore", smoothing=0.0)
    truth = stretch(layout(np.random.default_rng(4), *SHAPE)).astype(np.float32)
    noisy = truth + NOISE
    strong, faint = (np.rint(np.clip(100 + c * (noisy - 128), 0, 255)).astype(np.uint8) for c in (0.5, contrast))
    everywhere = ROWS >= 0
    as_usual = error(restorer.restore(strong).image, truth, everywhere)
    assert error(restorer.restore(faint).image, truth, everywhere) < 1.1 * as_usual


def test_nothing_drifts_after_something_hot_has_come_into_view(restorer: Restorer) -> None:
    """What was estimated before, when the counts had another window, would be faded out over many frames."""
    truth = stretch(layout(np.random.default_rng(6), *SHAPE)).astype(np.float32)
    restorer.options = Options(tone="restore", smoothing=0.8)
    rng, seen = np.random.default_rng(1), []
    for index in range(16):
        frame = raw(truth + rng.normal(0, 3, SHAPE))
        if index >= 4:
            frame[80:180, 60:150] = 14000 + rng.normal(0, 30, (100, 90))
        seen.append(restorer.restore(frame).image[200:].mean())
    assert np.ptp(seen[4:]) < 0.03 * np.ptp(raw(truth))
