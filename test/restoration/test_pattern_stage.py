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

"""The pattern memory in the way of a frame, and its threads."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
import weakref
from dataclasses import replace

import numpy as np
import pytest
from raw_camera import error, raw_frames, sequence

from infrared_ir_ros.errors import FrameError
from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import Restorer, load_restorer
from infrared_ir_ros.restoration.pattern import PatternStage
from infrared_ir_ros.restoration.pattern.field import common_field


@pytest.fixture(scope="module")
def restorer() -> Restorer:
    return load_restorer(engine="onnxruntime")


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
    for _, raw in raw_frames(20):
        stage(raw, "auto")
    learned = stage.state
    assert learned.frames > 10 and not any(learned.used), "auto wants more than this"
    for _, raw in raw_frames(10):
        stage(raw, "on")
    assert stage.state.frames > learned.frames and any(stage.state.used)


def test_a_pattern_that_is_forgotten_has_changed_what_comes_out() -> None:
    """What was smoothed over frames without the pattern is not mixed with those that have it again."""
    frames, stage = [raw for _, raw in raw_frames(60)], PatternStage()
    for setting in ("on", "off"):
        for raw in frames:
            stage(raw, "on")
        assert stage.subtracting and not stage.changing
        if setting == "on":
            stage.reset()
        stage(frames[-1], setting)
        assert stage.changing and not stage.subtracting
        stage(frames[-1], setting)
        assert not stage.changing


def test_the_first_frame_that_has_its_pattern_again_is_restored_by_itself(restorer: Restorer) -> None:
    frames = [raw for _, raw in raw_frames(60)]
    restorer.options = Options(pattern_memory="on", smoothing=0.9)
    restorer.reset()
    for raw in frames[:-2]:
        restorer.patterns(raw, "on")
    for raw in frames[-2:]:
        restorer.restore(raw)
    assert restorer.patterns.subtracting
    restorer.options = Options(smoothing=0.9)
    image = restorer.restore(frames[-1]).image
    restorer.reset()
    assert np.array_equal(image, restorer.restore(frames[-1]).image)


class Believing:
    """An engine that sees a faint shading, and the less noise the fewer stripes there are."""

    multiple, candidates, description = 8, None, {"engine": "none"}
    shading = 0.03 * np.linspace(-1.7, 1.7, 80, dtype=np.float32) * np.ones((64, 1), np.float32)

    def estimate(self, padded: np.ndarray) -> tuple[np.ndarray, ...]:
        height, width = padded.shape[2:]
        striped = float(np.abs(np.diff(padded[0, 0].mean(0))).mean()) > 0.03
        flat = np.zeros((1, 1, 1, width), np.float32), np.zeros((1, 1, height, 1), np.float32)
        scalars = (np.array([[value]], np.float32) for value in (1, 0, -4 if striped else 4))
        gain, offset, log_snr = scalars
        return gain, offset, self.shading[None, None], *flat, np.zeros((1, 64), np.float32), log_snr

    def restore(self, padded: np.ndarray, *_: np.ndarray) -> np.ndarray:
        return padded


@pytest.mark.parametrize("setting", ["on", "off"])
def test_a_camera_without_its_pattern_is_not_taken_for_a_calibrated_one(setting: str) -> None:
    """Its shading is believed as it was while the pattern was there."""
    restorer = Restorer(Believing(), Options(pattern_memory=setting))
    frames = list(raw_frames(60))
    for _, raw in frames[:-1]:
        restorer.patterns(raw, setting)
    clean, raw = frames[-1]
    answer = restorer.restore(raw)
    assert answer.log_snr == (4 if setting == "on" else -4)
    assert np.allclose(answer.estimate.shading, Believing.shading, rtol=0.01)
    restorer.options = Options()
    assert not restorer.restore((16 * clean).astype(np.uint16)).estimate.shading.any(), "calibrated"


def test_how_much_clearer_one_camera_became_says_nothing_of_the_next() -> None:
    restorer, frames = Restorer(Believing(), Options(pattern_memory="on")), list(raw_frames(60))
    for _, raw in frames[:-1]:
        restorer.patterns(raw, "on")
    clean, raw = frames[-1]
    assert restorer.restore(raw).estimate.shading.any()
    kept = restorer.patterns.saved("another", "uint16")
    faint = {
        name: array * np.float32(1 if name in ("weight", "trust") else 1e-3) for name, array in kept.arrays.items()
    }
    restorer.reset()
    restorer.patterns.resume(replace(kept, arrays=faint))
    shading = restorer.restore((16 * clean).astype(np.uint16)).estimate.shading
    assert restorer.patterns.subtracting and not shading.any(), "it was as clear before"


@pytest.mark.parametrize("settings", [("auto", "on"), ("on", "auto")])
def test_a_kept_pattern_survives_another_setting_before_a_still_camera(settings: tuple[str, str]) -> None:
    frames = [raw for _, raw in raw_frames(100)]
    stage = PatternStage()
    for raw in frames:
        stage(raw, "on")
    kept, resumed = stage.saved("camera", "uint16"), PatternStage()
    resumed.resume(kept)
    for setting in settings:
        for _ in range(15):
            resumed(frames[-1], setting)
    assert resumed.state.frames >= kept.frames


def test_an_answer_of_nan_while_the_pattern_is_on_costs_one_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    restorer = load_restorer(engine="onnxruntime", options=Options(pattern_memory="on", smoothing=0.8))
    frames = [raw for _, raw in raw_frames(90)]
    for raw in frames[:60]:
        restorer.restore(raw)
    engine, refused = restorer._switch.current.engine, 0
    estimate = engine.estimate
    for number, raw in enumerate(frames[60:]):  # one of them measures what the camera was like before
        bad = number % 3 == 0
        monkeypatch.setattr(
            engine, "estimate", (lambda seen: tuple(np.nan * x for x in estimate(seen))) if bad else estimate
        )
        try:
            restorer.restore(raw)
        except FrameError:
            refused += not bad
    assert refused == 0


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

    monkeypatch.setattr("infrared_ir_ros.restoration.pattern.keyframes.common_field", slowly)
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
