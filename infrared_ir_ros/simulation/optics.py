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

"""Projects points of the scene into the frame, and paints shapes there."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

_SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class View:
    """A level pinhole camera: x right, y up, z forward in metres; its own height above the ground is `eye`.

    focal: pixels. centre: column, horizon: row of the principal point.
    """

    height: int
    width: int
    focal: float
    centre: float
    horizon: float
    eye: float = 2.2

    @classmethod
    def of_size(cls, height: int, width: int) -> View:
        """The view of a frame of (height, width): 58 degrees wide, the horizon a little above the middle."""
        return cls(height, width, 0.9 * width, 0.5 * (width - 1), 0.44 * height)

    def scaled(self, factor: int, margin: int = 0) -> View:
        """The same view with `margin` more pixels left and right, at `factor` times the resolution."""
        width = (self.width + 2 * margin) * factor
        centre = (self.centre + margin + 0.5) * factor - 0.5
        horizon = (self.horizon + 0.5) * factor - 0.5
        return View(self.height * factor, width, self.focal * factor, centre, horizon, self.eye)

    def project(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) metres with z > 0 -> (N, 2) float64 column and row in pixels."""
        x, y, z = np.asarray(points, np.float64).T
        return np.stack([self.centre + self.focal * x / z, self.horizon + self.focal * (self.eye - y) / z], axis=1)


def fractal(rng: np.random.Generator, height: int, width: int, coarsest: float, finest: float = 1.5) -> np.ndarray:
    """Texture with several scales, (height, width) float32, standard deviation 1: octaves of smooth random fields from
    `coarsest` to `finest` pixels, each 0.7 times as strong as the one before."""
    out = np.zeros((height, width), np.float32)
    period, strength = coarsest, 1.0
    while period >= finest:
        shape = (max(int(height / period), 1) + 3, max(int(width / period), 1) + 3)
        field = cv2.resize(
            rng.standard_normal(shape, np.float32), None, fx=period, fy=period, interpolation=cv2.INTER_CUBIC
        )
        top, left = int(period), int(period)
        out += np.float32(strength) * field[top : top + height, left : left + width]
        period, strength = period / 2, strength * 0.7
    return (out - out.mean()) / max(float(out.std()), 1e-6)


def paint(
    canvas: np.ndarray,
    outline: np.ndarray,
    temperature: float | tuple[float, float],
    texture: np.ndarray | None = None,
    amplitude: float = 0.0,
) -> None:
    """Fill a polygon with smooth edges, in place.

    canvas: (H, W) float32 kelvin. outline: (N, 2) column and row, may exceed the canvas.
    temperature: of the whole, or of its upper and lower end. texture: a tile of standard deviation 1, `amplitude`
    kelvin.
    """
    left, top = (int(value) - 1 for value in outline.min(axis=0))
    right, bottom = (int(value) + 3 for value in outline.max(axis=0))
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right, canvas.shape[1]), min(bottom, canvas.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    points = ((outline - (x0, y0)) * (1 << _SUBPIXEL_BITS) + 0.5).astype(np.int32)
    cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    region = canvas[y0:y1, x0:x1]
    target = _ramp(temperature, top, bottom, y0, y1)
    if texture is not None:
        target = target + np.float32(amplitude) * _tile(texture, y0 - top, x0 - left, y1 - y0, x1 - x0)
    region += mask * np.float32(1 / 255) * (target - region)


def _tile(texture: np.ndarray, top: int, left: int, height: int, width: int) -> np.ndarray:
    """A part of the texture, repeated periodically."""
    top, left = top % texture.shape[0], left % texture.shape[1]
    if top + height <= texture.shape[0] and left + width <= texture.shape[1]:
        return texture[top : top + height, left : left + width]
    rows, columns = np.arange(top, top + height), np.arange(left, left + width)
    return texture[np.ix_(rows % texture.shape[0], columns % texture.shape[1])]


def _ramp(temperature: float | tuple[float, float], top: int, bottom: int, y0: int, y1: int) -> np.float32 | np.ndarray:
    if not isinstance(temperature, tuple):
        return np.float32(temperature)
    at = (np.arange(y0, y1, dtype=np.float32) - top) / max(bottom - top, 1)
    return (temperature[0] + (temperature[1] - temperature[0]) * at)[:, None].astype(np.float32)


_TURN = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
_BACK = np.linspace(np.pi / 2, 3 * np.pi / 2, 7)
_HALF_TURN = np.stack([np.cos(_BACK), np.sin(_BACK)])


def capsule(start: tuple[float, float], end: tuple[float, float], radius0: float, radius1: float) -> np.ndarray:
    """Outline (14, 2) of a limb: a stadium from `start` to `end` with a radius at each end."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy) or 1.0
    cap = (np.array([[dx, -dy], [dy, dx]]) / length @ _HALF_TURN).T
    outline = np.empty((14, 2))
    outline[:7] = radius0 * cap + start
    outline[7:] = end - radius1 * cap
    return outline


def ellipse(x: float, y: float, radius_x: float, radius_y: float) -> np.ndarray:
    """Outline (20, 2) of an ellipse."""
    return _CIRCLE * (radius_x, radius_y) + (x, y)
