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

"""Smooth fields that optics and housing add to a frame: domes, border glow, polynomials, random fields."""

from __future__ import annotations

import cv2
import numpy as np

from infrared_ir_ros.simulation import ranges


def cos4_dome(height: int, width: int, row: float, column: float) -> np.ndarray:
    """cos^4(pi/2 * r/r_max), r the distance from (row, column): (height, width) float32, 1 at the centre."""
    rows = np.arange(height, dtype=np.float32)[:, None] - np.float32(row)
    columns = np.arange(width, dtype=np.float32)[None] - np.float32(column)
    radius = np.sqrt(rows * rows + columns * columns)
    cosine = np.cos(radius * np.float32(np.pi / 2 / radius.max()))
    return (cosine * cosine) ** 2


def border_glow(rng: np.random.Generator, shape: tuple[int, int], severity: float) -> np.ndarray:
    """Warm borders of an uncooled core; each side has its own strength and decay."""
    rows, columns = (np.linspace(0, 1, n, dtype=np.float32) for n in shape)
    sides = (rows[:, None], 1 - rows[:, None], columns[None], 1 - columns[None])
    glow = np.zeros(shape, np.float32)
    for side in sides:
        strength = np.float32(ranges.GLOW.draw(rng) * severity)
        glow = glow + strength * np.exp(-side / np.float32(ranges.GLOW_DECAY.draw(rng)))
    return glow


def polynomial(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> np.ndarray:
    """A random polynomial of degree 2 of standard deviation about `sigma`: a temperature gradient along the housing."""
    y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in shape)
    y, x = y[:, None], x[None]
    terms = (y, x, y * y - 1 / 3, x * x - 1 / 3, x * y)
    field = sum(np.float32(weight) * term for weight, term in zip(rng.standard_normal(5), terms, strict=True))
    return np.float32(sigma) * field


def smooth_field(rng: np.random.Generator, shape: tuple[int, int], period: float, sigma: float) -> np.ndarray:
    """A random field of standard deviation about `sigma` with features of `period` pixels."""
    coarse = tuple(1 if n == 1 else max(round(n / max(period, 1)), 2) for n in shape)
    field = np.float32(sigma) * rng.standard_normal(coarse, np.float32)
    return cv2.resize(field, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC).reshape(shape)
