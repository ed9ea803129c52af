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

"""A camera model: atmosphere and lens, detector pattern, correlated temporal noise, readout (design section 2)."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import cv2
import numpy as np

from infrared_ir_ros.simulation import ranges
from infrared_ir_ros.simulation.ranges import Range
from infrared_ir_ros.simulation.shading import border_glow, cos4_dome, polynomial, smooth_field


class SensorModel:
    """One camera, drawn from `rng`; call it with the clean frames in order.

    Lens, pattern, shading, dead pixels and readout are drawn once. Noise, which is correlated in time, and a common
    drift of all levels change from frame to frame.
    severity: scales blur, pattern and noise. shape: (height, width). scale: sensor pixels per pixel of the frame.
    step: between two levels of the output; JPEG artefacts only if it is 1 (8 bits).
    drawn: the ranges of the parameters, by the names of `ranges`; a measured camera has its own.
    """

    def __init__(
        self,
        severity: float,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        scale: float,
        step: float = 1.0,
        drawn: SimpleNamespace | ModuleType = ranges,
    ) -> None:
        self._ranges = drawn
        self._severity, self._rng, self._shape, self._scale = severity, rng, (int(shape[0]), int(shape[1])), scale
        self._step = step
        self._draw_optics()
        self._draw_pattern()
        self._noise_sigma = self._uniform(self._ranges.NOISE) * severity / scale
        self._noise = rng.standard_normal(self._shape, np.float32)
        self._drift = 0.0
        self._started = False
        self._draw_readout()

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Degrade (height, width) float32 0..255; returns the same shape, on levels that are `step` apart."""
        if self._started:
            self._step_time()
        self._started = True
        out = self._through_optics(np.asarray(frame, np.float32))
        out = out * self._pixel_gain + self._offset + self._noise_sigma * self._noise + self._drift
        return self._read_out(out)

    def _present(self, drawn: Range) -> bool:
        return bool(self._rng.random() < drawn.chance)

    def _uniform(self, drawn: Range) -> float:
        return drawn.draw(self._rng)

    def _draw_optics(self) -> None:
        severity, scale = self._severity, self._scale
        self._blur_sigma = 0.0
        if self._present(self._ranges.LENS_BLUR):
            self._blur_sigma = (self._uniform(self._ranges.LENS_BLUR) * severity + self._ranges.LEAST_BLUR) / scale
        length = (
            1 + self._uniform(self._ranges.MOTION) * severity / scale if self._present(self._ranges.MOTION) else 1.0
        )
        self._motion = _motion_kernel(length, self._rng.uniform(0, np.pi)) if length > 1.5 else None
        self._contrast = 1.0
        if self._present(self._ranges.CONTRAST_LOSS):
            self._contrast = 1.0 - self._uniform(self._ranges.CONTRAST_LOSS) * min(severity, 1.0)
        self._radiance = self._uniform(self._ranges.RADIANCE)

    def _through_optics(self, frame: np.ndarray) -> np.ndarray:
        if self._blur_sigma > 0.1:
            frame = cv2.GaussianBlur(frame, (0, 0), self._blur_sigma)
        if self._motion is not None:
            frame = cv2.filter2D(frame, -1, self._motion, borderType=cv2.BORDER_REFLECT)
        return self._contrast * frame + (1 - self._contrast) * self._radiance  # towards the path radiance

    def _draw_pattern(self) -> None:
        rng, severity, shape, draw = self._rng, self._severity, self._shape, self._uniform
        height, width = shape
        line = severity * self._scale**-0.5  # a pixel of a thumbnail averages `scale` lines
        offset = np.zeros(shape, np.float32)
        if self._present(self._ranges.COLUMNS):
            offset += _normal(rng, (1, width), draw(self._ranges.COLUMNS) * line)
        if self._present(self._ranges.ROWS):
            offset += _normal(rng, (height, 1), draw(self._ranges.ROWS) * line)
        if self._present(self._ranges.SMOOTH_COLUMNS):
            period = self._ranges.SMOOTH_COLUMNS_PERIOD / self._scale
            offset += smooth_field(rng, (1, width), period, draw(self._ranges.SMOOTH_COLUMNS) * severity)
        if self._present(self._ranges.ODD_EVEN):
            sign = np.where(np.arange(width) % 2, 1, -1).astype(np.float32)[None]
            offset += sign * np.float32(draw(self._ranges.ODD_EVEN) * severity * (self._scale == 1))
        if self._present(self._ranges.CLOUDS):
            period = rng.choice(self._ranges.CLOUDS_PERIODS) / self._scale
            offset += smooth_field(rng, shape, period, draw(self._ranges.CLOUDS) * severity)
        if self._present(self._ranges.GLOW):
            offset += border_glow(rng, shape, severity)
        if self._present(self._ranges.VIGNETTING):
            centre = rng.uniform(0, height), rng.uniform(0, width)
            offset += np.float32(draw(self._ranges.VIGNETTING) * severity) * cos4_dome(height, width, *centre)
        if self._present(self._ranges.POLYNOMIAL):
            offset += polynomial(rng, shape, draw(self._ranges.POLYNOMIAL) * severity)
        if self._present(self._ranges.PIXEL_OFFSET):
            offset += _normal(rng, shape, draw(self._ranges.PIXEL_OFFSET) * severity / self._scale)
        self._offset = offset
        self._pixel_gain = 1 + _normal(rng, shape, draw(self._ranges.PIXEL_GAIN) * severity / self._scale)
        self._dead = None
        if self._present(self._ranges.DEAD) and self._scale == 1:
            self._dead = rng.random(shape, np.float32) < draw(self._ranges.DEAD)
            self._dead_level = np.float32(rng.choice(self._ranges.DEAD_LEVELS))

    def _draw_readout(self) -> None:
        self._stretch = bool(self._rng.random() < self._ranges.AGC_CHANCE)
        self._quality = 0
        if self._present(self._ranges.JPEG_QUALITY) and self._scale == 1:
            self._quality = int(self._rng.integers(self._ranges.JPEG_QUALITY.low, self._ranges.JPEG_QUALITY.high + 1))

    def _read_out(self, frame: np.ndarray) -> np.ndarray:
        if self._stretch:
            low, high = np.nanpercentile(frame[::3, ::3], self._ranges.AGC_PERCENTILES)
            frame = (frame - low) * (255 / max(high - low, self._ranges.AGC_LEAST_SPAN))
        if self._dead is not None:
            frame = np.where(self._dead, self._dead_level, frame)
        frame = to_levels(frame, self._step)
        if self._quality and self._step == 1:
            _, packed = cv2.imencode(".jpg", frame.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, self._quality])
            frame = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
        return frame.astype(np.float32)

    def _step_time(self) -> None:
        fresh = np.float32(np.sqrt(1 - self._ranges.NOISE_CORRELATION**2))
        self._noise = self._ranges.NOISE_CORRELATION * self._noise + fresh * self._rng.standard_normal(
            self._shape, np.float32
        )
        self._drift += self._ranges.DRIFT * self._severity * self._rng.standard_normal()


def to_levels(frame: np.ndarray, step: float) -> np.ndarray:
    """Clipped to 0..255 and rounded to multiples of `step`, float32."""
    clipped = np.clip(frame, 0, 255)
    return (np.rint(clipped) if step == 1 else np.rint(clipped / step) * step).astype(np.float32)


def _normal(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> np.ndarray:
    return np.float32(sigma) * rng.standard_normal(shape, np.float32)


def _motion_kernel(length: float, angle: float) -> np.ndarray:
    size = 2 * int(np.ceil(length / 2)) + 1
    kernel = np.zeros((size, size), np.float32)
    middle = size // 2
    for t in np.linspace(-length / 2, length / 2, 4 * size):
        row, column = middle + t * np.sin(angle), middle + t * np.cos(angle)
        kernel[min(max(round(row), 0), size - 1), min(max(round(column), 0), size - 1)] += 1
    return kernel / kernel.sum()
