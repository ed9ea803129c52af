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

"""What stands still is averaged, what moves is not touched."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from infrared_ir_ros.restoration.temporal_filter import TemporalFilter

SHAPE = (121, 160)


def scene(seed: int = 0, width: int = SHAPE[1]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.5 + 2 * cv2.GaussianBlur(rng.standard_normal((SHAPE[0], width)), (0, 0), 3)).astype(np.float32)


def noisy(clean: np.ndarray, rng: np.random.Generator, sigma: float = 0.02) -> np.ndarray:
    return clean + sigma * rng.standard_normal(clean.shape).astype(np.float32)


def test_a_still_scene_flickers_less_and_stays_where_it_is() -> None:
    rng, smooth, clean = np.random.default_rng(1), TemporalFilter(), scene()
    before, after = [], []
    for _ in range(40):
        frame = noisy(clean, rng)
        before.append(frame)
        after.append(smooth(frame, frame, 0.8))
    ratio = np.std(after[20:], axis=0).mean() / np.std(before[20:], axis=0).mean()
    assert ratio < 0.45  # sqrt(0.2 / 1.8) is 0.33
    assert np.abs(np.mean(after[20:], axis=0) - clean).mean() < 0.01


def test_a_thing_that_moves_is_not_smeared_and_leaves_nothing_behind() -> None:
    rng, smooth = np.random.default_rng(1), TemporalFilter()
    for index in range(30):
        clean = scene()
        left = 4 * index
        clean[50:62, left : left + 12] += 0.4
        frame = noisy(clean, rng)
        shown = smooth(frame, frame, 0.8)
    rest = cv2.blur(shown - clean, (3, 3))
    assert np.abs(rest[48:64]).max() < 0.04


def test_a_thing_that_moves_slowly_leaves_nothing_behind() -> None:
    rng, smooth = np.random.default_rng(1), TemporalFilter()
    for index in range(100):
        clean = scene()
        left = 20 + index // 4
        clean[50:62, left : left + 12] += 0.4
        frame = noisy(clean, rng)
        shown = smooth(frame, frame, 0.8)
    assert np.abs(cv2.blur(shown - clean, (3, 3))).max() < 0.05


def test_frames_of_a_camera_that_moves_stay_as_they_are() -> None:
    rng, smooth, wide = np.random.default_rng(1), TemporalFilter(), scene(width=600)
    for index in range(20):
        frame = noisy(wide[:, 6 * index : 6 * index + SHAPE[1]], rng, 0.005)
        shown = smooth(frame, frame, 0.8)
    assert np.array_equal(shown, frame)


def test_a_change_of_level_passes_at_once() -> None:
    rng, smooth = np.random.default_rng(1), TemporalFilter()
    for index in range(20):
        frame = noisy(scene(), rng) + np.float32(0.2 * (index == 19))
        shown = smooth(frame, frame, 0.8)
    assert np.array_equal(shown, frame)


@pytest.mark.parametrize("reset", [False, True])
def test_without_a_past_nothing_changes(reset: bool) -> None:
    rng, smooth = np.random.default_rng(1), TemporalFilter()
    for _ in range(3):
        frame = noisy(scene(), rng)
        shown = smooth(frame, frame, 0.8 if reset else 0.0)
        if reset:
            smooth.reset()
        assert shown is frame
