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

"""An uncooled core without shutter or calibration: a fixed pattern stronger than the scene (design section 1.9)."""

from __future__ import annotations

import cv2
import numpy as np

from infrared_ir_ros.simulation.sensor import to_levels
from infrared_ir_ros.simulation.shading import border_glow, cos4_dome, polynomial, smooth_field

CONTRAST, LEVEL = 0.25, 70.0  # of the scene in the output, as in real_pair/lynred_car1: 9 levels of 255
NOISE, NOISE_CORRELATION = 0.9, 0.6  # levels; from frame to frame
DRIFT_FRAMES = 900  # time constant of the housing's warming, or 30 s


class RawCore:
    """Turns clean frames into raw ones; `pattern` is what it adds, (height, width) float32, levels of 0..255.

    step: between two levels of the output. drift: levels that the warming housing adds over time, near the edges.
    """

    def __init__(self, rng: np.random.Generator, shape: tuple[int, int], step: float = 1.0, drift: float = 0.0) -> None:
        self._rng, self._shape, self._step = rng, shape, step
        self._drift, self._warmth = np.float32(drift), polynomial(rng, shape, 1.0) if drift else None
        self._age = 0
        self._smooth = self._draw_smooth()
        self._noise = rng.standard_normal(shape, np.float32)
        self.exposure = 1.0
        self.shutter()

    def shutter(self) -> None:
        """Redraw the pixels' pattern and halve the shading, as a shutter event does."""
        rng, (height, width) = self._rng, self._shape
        fine = rng.uniform(1, 3) * rng.standard_normal((1, width)) + rng.uniform(0.3, 1.2) * rng.standard_normal(
            (height, 1)
        )
        fine = fine + rng.uniform(0.5, 1.5) * rng.standard_normal(self._shape)
        self._smooth = self._smooth / 2 if hasattr(self, "pattern") else self._smooth
        self.pattern = (self._smooth + fine + smooth_field(rng, (1, width), 8, rng.uniform(1, 3))).astype(np.float32)

    def _draw_smooth(self) -> np.ndarray:
        rng, (height, width) = self._rng, self._shape
        smooth = border_glow(rng, self._shape, rng.uniform(0.7, 1.5))
        smooth = smooth + rng.uniform(-25, 25) * cos4_dome(height, width, rng.uniform(0, height), rng.uniform(0, width))
        smooth = smooth + polynomial(rng, self._shape, rng.uniform(2, 6))
        return smooth + smooth_field(rng, self._shape, 64, rng.uniform(0.5, 2))

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """(height, width) float32 0..255 in and out; the input is not changed."""
        fresh = np.float32(np.sqrt(1 - NOISE_CORRELATION**2))
        self._noise = NOISE_CORRELATION * self._noise + fresh * self._rng.standard_normal(self._shape, np.float32)
        if self._warmth is not None:
            step = np.exp(-self._age / DRIFT_FRAMES) / DRIFT_FRAMES
            self.pattern = self.pattern + self._drift * np.float32(step) * self._warmth
            self._age += 1
        raw = np.float32(CONTRAST) * cv2.GaussianBlur(np.float32(frame), (0, 0), 0.5) + self.pattern
        return to_levels(
            np.float32(self.exposure) * (raw + np.float32(NOISE) * self._noise) + np.float32(LEVEL), self._step
        )
