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

"""The fine pattern: a robust running mean of each pixel over the frames that teach (design section 1.9)."""

from __future__ import annotations

import cv2
import numpy as np

LIFE = 3000.0 / np.log(2)  # frames that teach; after 3000 more, one counts half
PRIOR_FRAMES = 4.0  # of a prior without pattern: what is subtracted grows with the evidence
AROUND, NEAR_WIDTH = 9, 2.0  # pixels; times the median: nothing is learned next to an outlier
WIDTH = 3.5  # times the median residual: what is further away is scene
LEAST_MEMORY = 30.0  # frames
MEMORY_SHARE = 0.5  # of all frames that taught: the first ones, which are judged badly, soon fade
STRIP = 32  # rows processed at a time: they stay in the processor's cache


def learn_fine(fine: np.ndarray, pattern: np.ndarray, weight: np.ndarray, taught: int) -> None:
    """Update the pattern and each pixel's sum of weights in place. All (height, width) float32.

    fine: the frame without its coarse part. taught: number of frames before this one.
    """
    few = fine[::4, ::4] - pattern[::4, ::4]
    scale = WIDTH * float(np.median(np.abs(few))) + 1e-3 * float(fine[::4, ::4].std()) + 1e-9
    memory = min(max(LEAST_MEMORY, taught * MEMORY_SHARE), LIFE)
    kept = np.float32(1 - 1 / memory)
    far = cv2.subtract(fine, pattern)
    np.multiply(far, far, out=far)
    around = cv2.blur(far, (AROUND, AROUND))
    around *= np.float32(scale * scale / (NEAR_WIDTH * float(np.median(around[::4, ::4])) + 1e-9))
    np.maximum(far, around, out=far)
    for top in range(0, len(fine), STRIP):
        rows = slice(top, top + STRIP)
        _towards(fine[rows], pattern[rows], weight[rows], far[rows], np.float32(scale), kept)


def _towards(
    fine: np.ndarray, centre: np.ndarray, seen: np.ndarray, far: np.ndarray, scale: np.float32, kept: np.float32
) -> None:
    """Update the running centre of each pixel and its sum of weights (`seen`) in place, by Cauchy weights, cubed.

    far: squared distance of each pixel from its centre, or the mean of those around it if that is larger."""
    rest = fine - centre
    weight = far * (1 / (scale * scale))
    weight += 1
    np.multiply(weight * weight, weight, out=weight)
    np.reciprocal(weight, out=weight)
    seen *= kept
    seen += weight
    rest *= weight
    rest /= seen + np.float32(PRIOR_FRAMES)
    centre += rest
