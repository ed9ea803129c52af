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

"""Notices frames that do not change: a stuck camera, or a shutter that closes for a moment to calibrate."""

from __future__ import annotations

import numpy as np

SHUTTER_SECONDS = 0.25  # a freeze this long, of at least SHUTTER_REPEATS frames, is a shutter event
SHUTTER_REPEATS = 2  # some cameras always publish each frame two or three times


class StillnessWatch:
    """Compares each frame with the one before. Times in seconds of a steady clock.

    An uncooled camera recalibrates behind its shutter: the fixed pattern is then a new one, and what was learned from
    earlier frames must be forgotten.
    """

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._since = 0.0
        self._seen = 0.0
        self._repeats = 0

    def shutter(self, frame: np.ndarray, now: float) -> bool:
        """Take the next frame; True if it is the first one after a freeze."""
        same = self._last is not None and _same(self._last, frame)
        self._seen = now
        if same:
            self._repeats += 1
            return False
        ended = self._repeats >= SHUTTER_REPEATS and now - self._since >= SHUTTER_SECONDS
        self._last = frame
        self._since = now
        self._repeats = 0
        return ended

    @property
    def still_for(self) -> float:
        """Seconds for which the frames have not changed."""
        return self._seen - self._since


def _same(first: np.ndarray, second: np.ndarray) -> bool:
    """Compared as bits, so that NaN equals NaN."""
    return first.dtype == second.dtype and bool(np.array_equal(first.view(np.uint8), second.view(np.uint8)))
