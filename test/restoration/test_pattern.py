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

import gc
import os
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import Restorer, load_restorer, pattern_kept
from infrared_ir_ros.restoration.pattern import PatternMemory
from infrared_ir_ros.restoration.pattern_field import common_field
from infrared_ir_ros.restoration.pattern_stage import PatternStage
from infrared_ir_ros.simulation.motion import Pan
from infrared_ir_ros.simulation.shading import border_glow

SHAPE = (120, 160)


def pictures(seed: int) -> list[np.ndarray]:
    """Four scenes of soft rectangles, 20..220."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(4):
        scene = np.full(SHAPE, 120, np.float32)
        for _ in range(25):
            top, left = rng.integers(0, SHAPE[0] - 20), rng.integers(0, SHAPE[1] - 20)
            tall, wide = rng.integers(6, 40, 2)
            scene[top : top + tall, left : left + wide] = rng.uniform(20, 220)
        found.append(cv2.GaussianBlur(scene, (0, 0), 0.8))
    return found


@cache
def true_pattern(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    glow = border_glow(rng, SHAPE, 1.0)
    return (glow - glow.mean() + rng.normal(0, 6, (1, SHAPE[1])) + rng.normal(0, 2, SHAPE)).astype(np.float32)


def sequence(count: int, moving: bool = True, seed: int = 1) -> Iterator[np.ndarray]:
    """Clean frames, with their noise."""
    pan, rng = Pan(pictures(seed), seed, SHAPE), np.random.default_rng(seed)
    for index in range(count):
        yield pan.frame(index * 2 if moving else 0) + rng.normal(0, 1, SHAPE).astype(np.float32)


def error(image: np.ndarray, truth: np.ndarray) -> float:
    """Root mean square, blind to the mean level."""
    return float(np.std(image - truth))


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
    memory = PatternMemory()
    for clean in sequence(200):
        memory(clean * 0.4 + true_pattern() + 60)
    assert memory.state.used == (1, 1, 0)
    for clean in sequence(6, seed=5):
        raw = clean * 0.4 - true_pattern() + 60
        assert np.array_equal(memory(raw), raw)


@pytest.mark.parametrize("change", [0.5, 1.6])
def test_the_pattern_follows_another_exposure_at_once(change: float) -> None:
    memory, left = PatternMemory(), []
    for index, clean in enumerate(sequence(200)):
        exposure = change if index >= 190 else 1.0
        raw = exposure * (clean * 0.4 + true_pattern()) + 60
        left.append(error(memory(raw), exposure * clean * 0.4) / error(raw, exposure * clean * 0.4))
    assert max(left[190:]) < 1.1 * left[189] < 0.5


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
    memory = PatternMemory()
    sizes = []
    for index, clean in enumerate(sequence(240)):
        memory(clean + true_pattern())
        if index in (200, 239):
            sizes.append(sum(v.nbytes for v in vars(memory).values() if isinstance(v, np.ndarray)))
    assert sizes[0] == sizes[1]
    small = np.full((60, 80), 7, np.uint8)
    assert np.array_equal(memory(small), small)
    assert memory.state.frames == 0


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


@pytest.fixture(scope="module")
def restorer() -> Restorer:
    return load_restorer(engine="onnxruntime")


def raw_frames(count: int, moving: bool = True) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Clean and raw, 14 bit."""
    for clean in sequence(count, moving):
        yield clean, np.rint(40 * (clean * 0.4 + true_pattern() + 100)).astype(np.uint16)


def test_a_restorer_with_the_memory_on_repairs_a_raw_camera(restorer: Restorer) -> None:
    errors, options = {}, Options(pattern_memory="on", tone="preserve")
    frames = list(raw_frames(200))
    clean, raw = frames[-1]
    restorer.options = replace(options, pattern_memory="off")
    errors["off"] = error(restorer.restore(raw).image, 16 * clean)
    assert restorer.patterns.state is None
    restorer.options = options
    restorer.reset()
    image = [restorer.restore(frame).image for _, frame in frames][-1]
    errors["on"] = error(image, 16 * clean)
    assert errors["on"] < 0.5 * errors["off"]
    assert restorer.patterns.state.confidence > 0.5 and restorer.patterns.state.strength > 100
    for strength in (0.5, 0.0):
        restorer.options = replace(options, strength=strength)
        mixed = restorer.restore(raw).image
        np.testing.assert_allclose(mixed, strength * image.astype(np.float32) + (1 - strength) * raw, atol=10)
    assert np.array_equal(mixed, raw)
    restorer.reset()
    restorer.restore(raw)
    assert restorer.patterns.state.frames == 0


def restored(restorer: Restorer, frames: list[np.ndarray], setting: str, which: tuple[int, ...]) -> list[np.ndarray]:
    """Some of the frames, after all of them have gone through the memory in their order."""
    restorer.options = Options(pattern_memory=setting, tone="preserve")
    restorer.reset()
    images = []
    for index, frame in enumerate(frames):
        if index in which:
            images.append(restorer.restore(frame).image)
        else:
            restorer.patterns(frame, setting)
    return images


def test_with_auto_a_raw_camera_profits_behind_the_network(restorer: Restorer) -> None:
    truths, frames = zip(*raw_frames(150), strict=True)
    marks, errors = (30, 60, 100, 149), {}
    for setting in ("off", "auto"):
        images = restored(restorer, list(frames), setting, marks)
        errors[setting] = np.array([error(image, 16 * truths[i]) for image, i in zip(images, marks, strict=True)])
    assert (errors["auto"] <= 1.02 * errors["off"]).all()
    assert errors["auto"][-1] < 0.5 * errors["off"][-1]


def test_with_auto_a_calibrated_camera_is_untouched(restorer: Restorer) -> None:
    frames = [np.rint(40 * (clean + 100)).astype(np.uint16) for clean in sequence(150)]
    off, auto = (restored(restorer, frames, setting, (60, 149)) for setting in ("off", "auto"))
    assert all(np.array_equal(*pair) for pair in zip(off, auto, strict=True))


def test_auto_turned_on_goes_on_with_what_it_knows() -> None:
    stage = PatternStage()
    for _, raw in raw_frames(25):
        stage(raw, "auto")
    learned = stage.state
    assert learned.frames > 10 and not any(learned.used), "auto wants more than this"
    for _, raw in raw_frames(10):
        stage(raw, "on")
    assert stage.state.frames > learned.frames and any(stage.state.used)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_on_a_still_scene_on_is_bit_equal_to_off(restorer: Restorer, dtype: type) -> None:
    frames = [raw / (1 if dtype == np.uint16 else 40) for _, raw in raw_frames(8, moving=False)]
    images = {}
    for setting in ("off", "on"):
        restorer.options = Options(pattern_memory=setting, smoothing=0.5)
        restorer.reset()
        images[setting] = [restorer.restore(frame.astype(dtype)).image for frame in frames]
    assert all(np.array_equal(off, on) for off, on in zip(images["off"], images["on"], strict=True))


def test_whoever_waits_for_a_live_memory_finds_no_thread_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(*evidence: np.ndarray) -> np.ndarray:
        time.sleep(0.3)
        return common_field(*evidence)

    monkeypatch.setattr(pattern_kept, "common_field", slowly)
    stage = PatternStage()
    stage.live = True
    for _, raw in raw_frames(20):
        stage(raw, "on")
    searching = [thread for thread in threading.enumerate() if thread.name == "pattern"]
    assert searching
    if sys.platform == "linux":
        priorities = [os.getpriority(os.PRIO_PROCESS, thread.native_id) for thread in searching]
        assert min(priorities) > os.getpriority(os.PRIO_PROCESS, 0), "frames go first"
    stage.wait()
    assert not any(thread.name == "pattern" for thread in threading.enumerate())


def test_a_live_memory_leaves_no_thread_and_goes_with_its_restorer() -> None:
    live = load_restorer(engine="onnxruntime", options=Options(pattern_memory="on"))
    live.patterns.live = True
    for _, raw in raw_frames(40):
        live.restore(raw)
    memory = weakref.ref(live.patterns._memory)
    gc.disable()
    try:
        del live
        assert memory() is None
    finally:
        gc.enable()
    for thread in threading.enumerate():
        if thread.name == "pattern":
            thread.join(20)
            assert not thread.is_alive()
