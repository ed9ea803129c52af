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

"""Dead pixels: what is replaced, and what must stay."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from infrared_ir_ros.restoration.dead_pixels import replace_dead_pixels


def scene(rng: np.random.Generator, noise: float) -> np.ndarray:
    """(120, 160) float32: a smooth scene of about 100 levels, with noise."""
    smooth = cv2.resize(rng.uniform(60, 160, (8, 10)).astype(np.float32), (160, 120), interpolation=cv2.INTER_CUBIC)
    return smooth + rng.normal(0, noise, smooth.shape).astype(np.float32)


@pytest.mark.parametrize(("dtype", "scale"), [(np.uint8, 1), (np.uint16, 100), (np.float32, 0.001)])
@pytest.mark.parametrize("level", [0, 255])
def test_single_pixels_far_outside_their_neighbours_are_replaced(dtype: type, scale: float, level: int) -> None:
    rng = np.random.default_rng(0)
    clean = (scene(rng, 3) * scale).astype(dtype)
    broken = clean.copy()
    rows, columns = np.arange(5, 115, 10), np.arange(5, 115, 10)
    broken[rows, columns] = level * scale
    repaired = replace_dead_pixels(broken)
    assert repaired.dtype == dtype
    assert np.abs(repaired[rows, columns].astype(float) - clean[rows, columns]).max() < 20 * scale
    untouched = np.ones(clean.shape, bool)
    untouched[rows, columns] = False
    assert (repaired == broken)[untouched].mean() > 0.999


def test_the_image_of_a_point_stays() -> None:
    """Even the smallest hot target warms its neighbours, through any lens."""
    frame = scene(np.random.default_rng(1), 1)
    target = np.zeros_like(frame)
    target[60, 80] = 400
    frame += cv2.GaussianBlur(target, (0, 0), 0.6)
    assert replace_dead_pixels(frame)[60, 80] == frame[60, 80]


def test_noise_and_edges_stay() -> None:
    frame = scene(np.random.default_rng(2), 12)
    frame[:, 80:] += 120
    assert (replace_dead_pixels(frame) != frame).sum() <= 2


def test_a_count_or_two_are_no_dead_pixel() -> None:
    """Whole numbers hide the noise of a calm frame."""
    frame = np.full((48, 64), 100, np.uint8)
    frame[10, 10], frame[20, 30] = 103, 98
    assert replace_dead_pixels(frame) is frame


def test_a_whole_frame_is_not_copied() -> None:
    frame = scene(np.random.default_rng(3), 0)
    assert replace_dead_pixels(frame) is frame
