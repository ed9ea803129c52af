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

"""The pattern memory: what it learns, and above all what it does not."""

from __future__ import annotations

import pickle
from functools import cache

import cv2
import numpy as np
import pytest
from raw_camera import SHAPE, error, pictures, sequence, true_pattern

from infrared_ir_ros.restoration.pattern import PatternMemory
from infrared_ir_ros.simulation.motion import Pan
from infrared_ir_ros.simulation.shading import border_glow


@cache
def taught() -> bytes:
    """A memory that has seen 189 frames of a moving camera, pickled."""
    memory = PatternMemory()
    for clean in sequence(189):
        memory(clean * 0.4 + true_pattern() + 60)
    return pickle.dumps(memory)


@pytest.mark.parametrize("scale", [1, 200])
def test_learns_the_pattern_of_a_moving_camera(scale: int) -> None:
    memory, pattern = PatternMemory(), true_pattern()
    dtype = np.uint8 if scale == 1 else np.uint16
    for clean in sequence(200):
        raw = np.clip(np.rint(scale * (clean * 0.4 + pattern + 60)), 0, 255 * scale).astype(dtype)
        corrected = memory(raw)
    before, after = (error(image / scale, clean * 0.4) for image in (raw, corrected))
    assert after < 0.35 * before
    assert memory.state.used == (1, 1, 0)
    assert error(memory.pattern / scale, pattern) < 0.35 * pattern.std()


def test_a_still_camera_burns_nothing_in() -> None:
    memory = PatternMemory()
    for clean in sequence(300, moving=False):
        raw = clean + true_pattern()
        assert np.array_equal(memory(raw), raw)
    assert memory.state.frames == 0 and not memory.pattern.any()


def test_something_that_moves_before_a_still_camera_teaches_nothing() -> None:
    memory = PatternMemory()
    for index, clean in enumerate(sequence(200, moving=False)):
        clean[40:90, index % 130 : index % 130 + 25] = 230
        memory(clean)
    assert memory.state.frames == 0


@pytest.mark.parametrize("sure", [True, False])
def test_a_still_camera_whose_shading_drifts_changes_nothing(sure: bool) -> None:
    memory, drift = PatternMemory(sure=sure), border_glow(np.random.default_rng(3), SHAPE, 1.0)
    for index, clean in enumerate(sequence(200, moving=False)):
        raw = clean + index / 100 * drift
        assert np.array_equal(memory(raw), raw.astype(np.float32))
    assert memory.state.frames < 10


@pytest.mark.parametrize("sure", [False, True])
def test_noise_that_lasts_is_no_motion(sure: bool) -> None:
    """A still camera whose noise looks alike over some frames and is gone after a second or two, as a Lepton's."""
    rng, noise, still = np.random.default_rng(5), np.zeros(SHAPE), 0.1 * pictures(1)[0]
    memory = PatternMemory(sure=sure)
    for _ in range(250):
        noise = 0.92 * noise + rng.normal(0, 2, SHAPE)
        raw = (still + cv2.GaussianBlur(noise, (0, 0), 1)).astype(np.float32)
        assert np.array_equal(memory(raw), raw)


def test_a_clean_moving_stream_stays_as_it_is() -> None:
    memory = PatternMemory()
    worst = max(float(np.abs(memory(clean) - clean).max()) for clean in sequence(250))
    assert worst == 0


def test_a_slow_pan_with_stripes_takes_no_scene_for_shading() -> None:
    pan, rng, memory = Pan(pictures(4), 4, SHAPE), np.random.default_rng(4), PatternMemory()
    stripes = rng.normal(0, 12, (1, SHAPE[1]))
    for index in range(150):
        clean = pan.frame(0.2 * index) + rng.normal(0, 0.3, SHAPE).astype(np.float32)
        raw = (clean + stripes).astype(np.float32)
        assert error(memory(raw), clean) <= error(raw, clean)
    assert memory.state.used == (1, 0, 1)


def test_what_stays_in_one_place_for_long_leaves_no_ghost() -> None:
    pattern, learned = true_pattern(), []
    for hot in (False, True):
        memory = PatternMemory()
        for index, clean in enumerate(sequence(300)):
            if hot and 80 <= index < 280:
                clean[50:70, 70:90] = 250
            memory(clean * 0.5 + pattern + 50)
        learned.append(memory.pattern)
    ghost = cv2.blur(learned[1] - learned[0], (3, 3))[45:75, 65:95]
    assert np.abs(ghost).max() < 0.01 * 255


def test_another_camera_after_a_cut_is_not_corrected_with_the_old_pattern() -> None:
    memory = pickle.loads(taught())
    assert memory.state.used == (1, 1, 0)
    for clean in sequence(6, seed=5):
        raw = clean * 0.4 - true_pattern() + 60
        assert np.array_equal(memory(raw), raw)
    assert memory.state.frames < 6, "what was learned is forgotten"


@pytest.mark.parametrize("change", [0.5, 1.6])
def test_the_pattern_follows_another_exposure_at_once(change: float) -> None:
    memory, left = pickle.loads(taught()), []
    for index, clean in enumerate(list(sequence(200))[189:]):
        exposure = change if index else 1.0
        raw = exposure * (clean * 0.4 + true_pattern()) + 60
        left.append(error(memory(raw), exposure * clean * 0.4) / error(raw, exposure * clean * 0.4))
    assert max(left[1:]) < 1.1 * left[0] < 0.5


def test_auto_subtracts_nothing_before_the_evidence_is_strong_and_then_all() -> None:
    memory, used = PatternMemory(sure=False), []
    for clean in sequence(300):
        raw = clean * 0.4 + true_pattern() + 60
        corrected = memory(raw)
        used.append(memory.state.used)
        assert any(used[-1]) or np.array_equal(corrected, raw.astype(np.float32))
    fine, coarse, overlaid = np.array(used).T
    assert not fine[:10].any() and not coarse[:20].any() and not overlaid.any()
    assert used[-1] == (1, 1, 0)


def test_another_size_starts_anew_and_memory_does_not_grow() -> None:
    wide = 20 * cv2.GaussianBlur(np.random.default_rng(2).standard_normal((48, 1600)).astype(np.float32), (0, 0), 2)
    memory, sizes = PatternMemory(), []
    for index in range(500):
        memory(wide[:, 3 * index : 3 * index + 64])
        if index % 20 == 0:
            sizes.append(len(pickle.dumps(memory)))
    assert memory.state.frames > 450 and memory.pattern.any()
    assert max(sizes[15:]) < 1.1 * max(sizes[10:15])
    small = np.full((60, 80), 7, np.uint8)
    assert np.array_equal(memory(small), small)
    assert memory.state.frames == 0 and not memory.pattern.any()


def test_the_background_finds_the_same_and_what_it_finds_too_late_is_thrown_away() -> None:
    here, beside = PatternMemory(), PatternMemory(background=True)
    frames = [clean * 0.4 + true_pattern() + 60 for clean in sequence(160)]
    for raw in frames:
        here(raw), beside(raw)
    here.settle(), beside.settle()
    assert error(here.pattern, beside.pattern) < 0.05 * true_pattern().std()  # found a little earlier or later
    beside.reset()
    beside(frames[0])
    assert not beside.pattern.any()


def test_the_mean_temperature_stays() -> None:
    memory, worst = PatternMemory(), 0.0
    for clean in sequence(200):
        kelvin = 280 + 0.1 * (clean * 0.4 + true_pattern())
        worst = max(worst, abs(float(memory(kelvin).mean(dtype=float) - kelvin.mean(dtype=float))))
    assert memory.state.strength > 0.5
    assert worst < 0.002
