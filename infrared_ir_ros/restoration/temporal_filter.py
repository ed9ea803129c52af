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

"""Averages what stands still over time, so that a restored video does not flicker; what moves is left alone."""

from __future__ import annotations

import cv2
import numpy as np

SIGMAS = 3.0  # of the compared values' noise: more is motion; from twice as much on, the past weighs nothing
CAMERA_MOVES = (0.1, 0.3)  # moving shares of the frame: from the first on less is averaged, from the second on nothing
AROUND = 3  # pixels of the frame at half size; a square of them is compared


class TemporalFilter:
    """A recursive mean of the restored frames, per pixel, for as long as the incoming frame does not change there.

    The incoming frame is compared with its own running mean, not with the last frame, so that slow motion shows once
    it has gone far enough; at half size and over AROUND x AROUND pixels, where noise is small.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._seen: np.ndarray | None = None
        self._restored = np.empty(0, np.float32)

    def __call__(self, seen: np.ndarray, restored: np.ndarray, weight: float) -> np.ndarray:
        """seen, restored: (height, width) float32. weight: 0..1, of the past where nothing moves. Returns the mean."""
        height, width = restored.shape
        half = cv2.resize(seen, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
        if self._seen is None or weight == 0:
            self._seen, self._restored = half, restored
            return restored
        change = half - self._seen
        kept = np.float32(weight) * _stillness(change)
        self._seen = half - kept * change
        kept = cv2.resize(kept, (width, height), interpolation=cv2.INTER_LINEAR)
        self._restored = restored + kept * (self._restored - restored)
        return self._restored


def _stillness(change: np.ndarray) -> np.ndarray:
    """1 where a change is only noise, 0 where something moved: (height, width) float32."""
    together = cv2.blur(change, (AROUND, AROUND))
    noise = float(np.median(np.abs((change - together)[::2, ::2]))) / 0.6745 / AROUND
    moved = np.abs(together) * np.float32(1 / (SIGMAS * noise + 1e-4)) - 1
    np.clip(moved, 0, 1, out=moved)
    low, high = CAMERA_MOVES
    camera = np.clip((float(np.count_nonzero(moved)) / moved.size - low) / (high - low), 0, 1)
    moved = cv2.dilate(moved, np.ones((3, 3), np.uint8))
    return (1 - moved) * np.float32(1 - camera)
