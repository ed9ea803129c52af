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

"""A simulated camera without calibration, small and quick."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import cv2
import numpy as np

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
    """Root mean square of the differences without their mean."""
    return float(np.std(image - truth))


def raw_frames(count: int, moving: bool = True) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Clean and raw, 14 bit."""
    for clean in sequence(count, moving):
        yield clean, np.rint(40 * (clean * 0.4 + true_pattern() + 100)).astype(np.uint16)
