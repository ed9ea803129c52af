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

"""A camera in numbers: atmosphere and lens, detector pattern, coloured temporal noise, readout (design section 2).

Ranges are in grey levels of 0..255 at severity 1 and were set by hand around what the field recordings show: column
noise of 2 to 8 levels on raw cores, noise correlated by 0.92 from frame to frame, a pattern that a shutter redraws.
"""

from __future__ import annotations

import cv2
import numpy as np

from infrared_ir_ros.simulation.shading import border_glow, cos4_dome, polynomial, smooth_field

SEVERITY = {"sensor_light": 0.4, "sensor_normal": 1.0, "sensor_hard": 1.4}

NOISE_CORRELATION = 0.92  # from frame to frame, Lepton 3


class SensorModel:
    """One camera, drawn from `rng`; call it with one clean frame after the other.

    severity: scales blur, pattern and noise. shape: (height, width). scale: sensor pixels per pixel of the frame.
    """

    def __init__(self, severity: float, rng: np.random.Generator, shape: tuple[int, ...], scale: float) -> None:
        self._severity, self._rng, self._shape, self._scale = severity, rng, (int(shape[0]), int(shape[1])), scale
        self._draw_optics()
        self._draw_pattern()
        self._noise_sigma = rng.uniform(0, 14) * severity / scale
        self._noise = rng.standard_normal(self._shape, np.float32)
        self._drift = 0.0
        self._started = False
        self._draw_readout()

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Degrade (height, width) float32 0..255; returns the same on 8-bit levels."""
        if self._started:
            self._step_time()
        self._started = True
        out = self._through_optics(np.asarray(frame, np.float32))
        out = out * self._pixel_gain + self._offset + self._noise_sigma * self._noise + self._drift
        return self._read_out(out)

    def _chance(self, probability: float) -> bool:
        return bool(self._rng.random() < probability)

    def _draw_optics(self) -> None:
        rng, severity = self._rng, self._severity
        self._blur_sigma = (rng.uniform(0.4, 1.6) * severity + 0.05) / self._scale if self._chance(0.7) else 0.0
        length = 1 + rng.uniform(1, 6) * severity / self._scale if self._chance(0.15) else 1.0
        self._motion = _motion_kernel(length, rng.uniform(0, np.pi)) if length > 1.5 else None
        self._contrast = 1.0 - rng.uniform(0, 0.7) * min(severity, 1.0) if self._chance(0.7) else 1.0
        self._radiance = rng.uniform(0, 255)

    def _through_optics(self, frame: np.ndarray) -> np.ndarray:
        if self._blur_sigma > 0.1:
            frame = cv2.GaussianBlur(frame, (0, 0), self._blur_sigma)
        if self._motion is not None:
            frame = cv2.filter2D(frame, -1, self._motion, borderType=cv2.BORDER_REFLECT)
        return self._contrast * frame + (1 - self._contrast) * self._radiance  # towards the path radiance

    def _draw_pattern(self) -> None:
        rng, severity, (height, width) = self._rng, self._severity, self._shape
        line = severity * self._scale**-0.5  # a pixel of a thumbnail averages `scale` lines
        offset = np.zeros(self._shape, np.float32)
        if self._chance(0.8):
            offset += _normal(rng, (1, width), rng.uniform(0, 8) * line)
        if self._chance(0.5):
            offset += _normal(rng, (height, 1), rng.uniform(0, 6) * line)
        if self._chance(0.5):
            offset += smooth_field(rng, (1, width), 8 / self._scale, rng.uniform(0, 8) * severity)
        if self._chance(0.25):  # odd and even lines are read by different amplifiers
            sign = np.where(np.arange(width) % 2, 1, -1).astype(np.float32)[None]
            offset += sign * np.float32(rng.uniform(0, 4) * severity * (self._scale == 1))
        if self._chance(0.5):
            offset += smooth_field(rng, self._shape, rng.choice([64, 128]) / self._scale, rng.uniform(0, 12) * severity)
        if self._chance(0.25):
            offset += border_glow(rng, self._shape, severity)
        if self._chance(0.3):  # vignetting of the lens, and of the housing's warmth
            centre = rng.uniform(0, height), rng.uniform(0, width)
            offset += np.float32(rng.uniform(-30, 30) * severity) * cos4_dome(height, width, *centre)
        if self._chance(0.3):
            offset += polynomial(rng, self._shape, rng.uniform(0, 10) * severity)
        if self._chance(0.6):
            offset += _normal(rng, self._shape, rng.uniform(0, 10) * severity / self._scale)
        self._offset = offset
        self._pixel_gain = 1 + _normal(rng, self._shape, rng.uniform(0, 0.03) * severity / self._scale)
        self._dead = None
        if self._chance(0.4) and self._scale == 1:
            self._dead = rng.random(self._shape, np.float32) < rng.uniform(0, 0.003)
            self._dead_level = np.float32(rng.choice([0.0, 255.0]))

    def _draw_readout(self) -> None:
        self._stretch = self._chance(0.2)  # the camera's own gain control fills the range, noise and all
        self._quality = int(self._rng.integers(60, 96)) if self._chance(0.15) and self._scale == 1 else 0

    def _read_out(self, frame: np.ndarray) -> np.ndarray:
        if self._stretch:
            low, high = np.percentile(frame[::3, ::3], (0.5, 99.5))
            frame = (frame - low) * (255 / max(high - low, 16.0))
        if self._dead is not None:
            frame = np.where(self._dead, self._dead_level, frame)
        frame = np.rint(np.clip(frame, 0, 255))
        if self._quality:
            _, packed = cv2.imencode(".jpg", frame.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, self._quality])
            frame = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
        return frame.astype(np.float32)

    def _step_time(self) -> None:
        fresh = np.float32(np.sqrt(1 - NOISE_CORRELATION**2))
        self._noise = NOISE_CORRELATION * self._noise + fresh * self._rng.standard_normal(self._shape, np.float32)
        self._drift += 0.05 * self._severity * self._rng.standard_normal()


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
