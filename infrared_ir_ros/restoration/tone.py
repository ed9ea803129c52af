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

"""Tone of the output: that of the restored frame or that of the input (design section 1.4)."""

from __future__ import annotations

import cv2
import numpy as np

from infrared_ir_ros.records import Estimate

MEAN_GRID = (10, 8)  # columns, rows of the local means that `preserve` keeps


def preserve(restored: np.ndarray, frame: np.ndarray, estimate: Estimate) -> np.ndarray:
    """Give a restored frame the level, contrast, shading and local mean of its input, but not its noise or lines.

    restored, frame: (height, width) float32, unit range. Inverts `gain * frame + offset - shading`, then corrects the
    mean of each cell of a coarse grid, so that temperatures stay temperatures.
    """
    size = frame.shape[::-1]
    shading = cv2.resize(estimate.shading, size, interpolation=cv2.INTER_LINEAR)
    toned = (restored - np.float32(estimate.offset) + shading) / np.float32(estimate.gain)
    drift = cv2.resize(frame - toned, MEAN_GRID, interpolation=cv2.INTER_AREA)
    return toned + cv2.resize(drift, size, interpolation=cv2.INTER_LINEAR)


def mixed(frame: np.ndarray, restored: np.ndarray, strength: float) -> np.ndarray:
    """strength 0: the frame; 1: the restored one."""
    return restored if strength == 1 else frame + np.float32(strength) * (restored - frame)


def noise_of(frame: np.ndarray, step: float) -> float:
    """Standard deviation of the white noise of a frame (height, width), in its units.

    Measured in the finest diagonal sub-band, which stripes do not reach, of every fourth pair of rows.
    step: between two counts; their rounding is noise, too.
    """
    upper, lower = (frame[row : frame.shape[0] // 2 * 2 : 8] for row in (0, 1))
    rows = upper - lower
    diagonal = (rows[:, 0:-1:2] - rows[:, 1::2]) / 2
    return max(float(np.median(np.abs(diagonal))) / 0.6745, step / 12**0.5)
