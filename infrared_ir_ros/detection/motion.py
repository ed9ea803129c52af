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

"""The motion of a box: the Kalman filter with constant velocity of SORT and DeepSORT.

Wojke et al., Simple Online and Realtime Tracking with a Deep Association Metric, ICIP 2017 (arXiv 1703.07402).
The state is centre x, centre y, aspect (width / height) and height, and their changes per frame. Standard deviations
are proportional to the height.
"""

from __future__ import annotations

import numpy as np

POSITION, VELOCITY = 1 / 20, 1 / 160
STEP = np.eye(8) + np.eye(8, k=4)
SEEN = np.eye(4, 8)
Box = tuple[float, float, float, float]  # left, top, right, bottom


class BoxMotion:
    """The predicted position of a box, in pixels."""

    def __init__(self, box: Box) -> None:
        self._mean = np.concatenate([_measured(box), np.zeros(4)])
        self._covariance = np.diag(_deviations(self._mean[3], 2 * POSITION, 1e-2, 10 * VELOCITY) ** 2)

    @property
    def box(self) -> Box:
        x, y, aspect, height = self._mean[:4]
        half_width, half_height = aspect * height / 2, height / 2
        return (x - half_width, y - half_height, x + half_width, y + half_height)

    def predict(self, growing: bool = True) -> None:
        """Advance by one frame. growing: whether its height may go on changing; out of sight it should not."""
        if not growing:
            self._mean[7] = 0
        noise = np.diag(_deviations(self._mean[3], POSITION, 1e-2, VELOCITY) ** 2)
        self._mean = STEP @ self._mean
        self._covariance = STEP @ self._covariance @ STEP.T + noise

    def correct(self, box: Box) -> None:
        """Take in a detected box."""
        noise = np.diag(_deviations(self._mean[3], POSITION, 1e-1, VELOCITY)[:4] ** 2)
        spread = SEEN @ self._covariance @ SEEN.T + noise
        gain = np.linalg.solve(spread, SEEN @ self._covariance).T
        self._mean = self._mean + gain @ (_measured(box) - SEEN @ self._mean)
        self._covariance = self._covariance - gain @ spread @ gain.T


def _measured(box: Box) -> np.ndarray:
    left, top, right, bottom = box
    height = max(bottom - top, 1e-3)
    return np.array([(left + right) / 2, (top + bottom) / 2, (right - left) / height, height])


def _deviations(height: float, position: float, aspect: float, velocity: float) -> np.ndarray:
    scale = max(height, 1.0)
    place, speed = position * scale, velocity * scale
    return np.array([place, place, aspect, place, speed, speed, 1e-5, speed])
