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

"""Whether the camera has moved: only then do frames teach its fixed pattern (design section 1.9)."""

from __future__ import annotations

import cv2
import numpy as np

SMOOTH, NOT_SMOOTH = 9, 0.13  # cells; share of them that change by more than their neighbourhood
MOVED_SIGMAS, MOVED_SHARE, MOVED_BLOCKS = 4.0, 0.15, 8  # what counts as camera motion; blocks, of 4 x 4


class CameraMotion:
    """Whether the camera has moved since the last frame that showed motion. shape: of a frame."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._pixels = shape[0] * shape[1]
        self._reference: tuple[np.ndarray, np.ndarray] | None = None

    def forget(self) -> None:
        """Take the next frame as the reference."""
        self._reference = None

    def __call__(self, coarse: np.ndarray, few: np.ndarray) -> bool:
        """coarse: the frame's cells. few: some pixels of its fine part; both float32 counts.

        Many cells must show another part of the scene; a change of the overall level does not count. Some must change
        by more than a smooth field: a still camera whose shading drifts has not moved."""
        if self._reference is None:
            self._reference = coarse, few.copy()
            return False
        before, few_before = self._reference
        noise = float(np.median(np.abs(few - few_before))) / 0.954  # of one pixel: 0.6745 * sqrt(2)
        cell = np.sqrt(self._pixels / coarse.size)
        step = coarse - before
        limit = MOVED_SIGMAS * np.sqrt(2) * noise / cell + 1e-3 * float(coarse.std())
        changed = np.abs(step - np.median(step)) > limit
        if not _is_of_the_camera(changed, MOVED_SHARE):
            return False
        changed &= np.abs(step - cv2.blur(step, (SMOOTH, SMOOTH))) > limit
        if not _is_of_the_camera(changed, NOT_SMOOTH):
            return False
        self._reference = coarse, few.copy()
        return True


def _is_of_the_camera(changed: np.ndarray, least: float) -> bool:
    """Whether enough cells in enough parts of the frame have changed for the camera, not an object, to have moved."""
    share = changed.astype(np.float32)
    blocks = cv2.resize(share, (4, 4), interpolation=cv2.INTER_AREA)
    return bool(share.mean() > least and np.count_nonzero(blocks > least / 2) >= MOVED_BLOCKS)
