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

"""The pattern of a camera as a file: the next run knows it from the first frame on, and no other camera's."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from raw_camera import SHAPE, error, sequence, true_pattern

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media import write_atomically
from infrared_ir_ros.restoration.pattern import Camera, PatternStage, SavedPattern, read_pattern

IMPOSSIBLE = (("fine.used", float("nan")), ("coarse.used", 1e30), ("fine.ratio", float("nan")))
CAMERA = Camera("boson 12", *SHAPE, "float32")


@cache
def known() -> tuple[SavedPattern, np.ndarray]:
    """What is saved of a camera that turns, whose coarse pattern is corrected by pairs; and what was subtracted."""
    stage = PatternStage()
    for clean in sequence(200):
        stage(clean * 0.4 + true_pattern() + 60, "on")
    saved = stage.saved(CAMERA.name, CAMERA.dtype)
    assert saved is not None
    return saved, stage.pattern


def learned() -> SavedPattern:
    return known()[0]


def write(folder: Path, content: bytes | None = None) -> Path:
    path = folder / "boson.pattern"
    write_atomically(path, learned().to_bytes() if content is None else content)
    return path


def test_the_next_run_knows_the_pattern_from_the_first_frame_on(tmp_path: Path) -> None:
    saved = read_pattern(write(tmp_path))
    saved.check(CAMERA)
    stage = PatternStage()
    stage.resume(saved)
    errors = []
    for clean in sequence(40, seed=6):
        raw = (clean * 0.4 + true_pattern() + 60).astype(np.float32)
        errors.append(error(stage(raw, "on"), clean * 0.4) / error(raw, clean * 0.4))
    assert max(errors) < 0.4 and errors[-1] < 1.1 * errors[0]
    assert stage.state.frames > saved.frames > 150


def test_what_was_subtracted_is_what_is_saved() -> None:
    saved, subtracted = known()
    next_run = PatternStage()
    next_run.resume(saved, learn=False)
    assert np.allclose(next_run.pattern, subtracted, atol=1e-3)


def test_what_is_saved_at_the_end_of_a_first_pass_is_up_to_date() -> None:
    stage, errors = PatternStage(), []
    for clean in sequence(26):
        stage(clean * 0.4 + true_pattern() + 60, "on")
    for settled in (False, True):
        saved = stage.saved(CAMERA.name, CAMERA.dtype, settled)
        assert saved is not None
        errors.append(error(saved.memory().pattern, true_pattern()))
    assert errors[1] < 0.9 * errors[0]


def test_what_is_resumed_without_learning_stays_as_it_is_until_a_reset() -> None:
    stage = PatternStage()
    stage.resume(learned(), learn=False)
    before = stage.pattern
    for clean in sequence(12, seed=6):
        stage(clean * 0.4 + true_pattern() + 60, "on")
    assert np.array_equal(stage.pattern, before) and stage.state.frames == learned().frames
    stage.reset()
    for clean in sequence(12, seed=6):
        stage(clean * 0.4 + true_pattern() + 60, "on")
    assert stage.state.frames > 6


def test_what_is_written_is_read_bit_for_bit(tmp_path: Path) -> None:
    saved = read_pattern(write(tmp_path))
    assert saved.to_bytes() == learned().to_bytes()
    for name, array in learned().arrays.items():
        assert np.array_equal(saved.arrays[name], array), name


def test_a_pattern_that_no_longer_fits_is_forgotten_at_once() -> None:
    stage = PatternStage()
    stage.resume(learned())
    for clean in sequence(6, seed=5):
        raw = (clean * 0.4 - true_pattern() + 60).astype(np.float32)
        assert np.array_equal(stage(raw, "on"), raw)


def test_frames_of_another_size_or_depth_forget_it() -> None:
    for other in (np.zeros((60, 80), np.float32), np.zeros(SHAPE, np.uint16)):
        stage = PatternStage()
        stage.resume(learned())
        stage(np.zeros(SHAPE, np.float32), "on")
        assert np.array_equal(stage(other, "on"), other)
        assert stage.state.frames == 0


@pytest.mark.parametrize(
    "other",
    [
        Camera("boson 13", *SHAPE, "float32"),
        Camera("boson 12", 240, 320, "float32"),
        Camera("boson 12", *SHAPE, "uint8"),
    ],
)
def test_the_pattern_of_another_camera_is_refused_with_both(other: Camera) -> None:
    with pytest.raises(SourceError, match=r"boson 12.*but this one is .*boson"):
        learned().check(other)


def test_a_damaged_file_is_refused_with_its_reason(tmp_path: Path) -> None:
    good = learned().to_bytes()
    rng = np.random.default_rng(0)
    for at in [0, 9, 60, len(good) - 1, *rng.integers(0, len(good), 20)]:
        flipped = bytearray(good)
        flipped[at] ^= 1 << int(rng.integers(8))
        for content in (bytes(flipped), good[:at]):
            with pytest.raises(SourceError, match="pattern not loaded"):
                read_pattern(write(tmp_path, content))


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "missing", "."):
        with pytest.raises(SourceError, match="pattern not loaded"):
            read_pattern(tmp_path / name)


def test_content_that_lies_is_refused(tmp_path: Path) -> None:
    good = learned()
    lies = [
        SavedPattern(Camera("a", 5000, 60000, "uint8"), good.arrays, good.numbers),
        SavedPattern(CAMERA, good.arrays | {"keys": np.zeros((999, 2, 2), np.float32)}, good.numbers),
        SavedPattern(CAMERA, good.arrays | {"coarse": np.zeros((3, 3), np.float32)}, good.numbers),
        SavedPattern(CAMERA, good.arrays | {"fine": np.zeros((3, 3), np.float32)}, good.numbers),
        SavedPattern(CAMERA, {"fine": good.arrays["fine"]}, good.numbers),
        SavedPattern(CAMERA, good.arrays, {}),
        SavedPattern(CAMERA, good.arrays, good.numbers | {"frames": float("inf")}),
        *(SavedPattern(CAMERA, good.arrays, good.numbers | {name: value}) for name, value in IMPOSSIBLE),
    ]
    for lie in lies:
        with pytest.raises(SourceError, match="pattern not loaded"):
            read_pattern(write(tmp_path, lie.to_bytes()))
