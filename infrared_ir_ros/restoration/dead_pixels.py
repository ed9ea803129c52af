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

"""Dead pixels: single pixels that no lens could have imaged."""

from __future__ import annotations

import cv2
import numpy as np

NOISE_FACTOR, RANGE_FACTOR = 3.0, 1.0
BLUR_SHARE = 0.15  # a lens of sigma 0.5 pixels spreads 0.18 of a point's height to its neighbours, of 0.6 pixels 0.25
_RING = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.uint8)
_CROSS_OVER_CORNERS = np.array([[-1, 1, -1], [1, 0, 1], [-1, 1, -1]], np.float32) / 4


def replace_dead_pixels(frame: np.ndarray) -> np.ndarray:
    """The frame with single dead pixels replaced by the median of their 3x3 neighbourhood; a copy only if it has any.

    frame: (height, width) uint8, uint16 or float32, finite. A pixel is dead if it lies outside the range of its eight
    neighbours by more than that range plus three deviations of the noise, and if the four beside it show none of it:
    the image of a hot target, even of a point, raises these above the four at the corners, and is kept.
    """
    middle = cv2.medianBlur(frame, 3)
    values = frame.astype(np.float32)
    highest, lowest = (operation(frame, _RING).astype(np.float32) for operation in (cv2.dilate, cv2.erode))
    noise = 1.4826 * float(np.median(np.abs(values - middle)[::2, ::2]))
    if frame.dtype != np.float32:
        noise = max(noise, 1.0)
    above, below = values - highest, lowest - values
    outside = np.maximum(above, below)
    dead = outside > RANGE_FACTOR * (highest - lowest) + NOISE_FACTOR * noise
    if not dead.any():
        return frame
    spread = np.where(above > below, 1, -1) * cv2.filter2D(values, -1, _CROSS_OVER_CORNERS)
    dead &= spread < BLUR_SHARE * outside
    return np.where(dead, middle, frame) if dead.any() else frame
