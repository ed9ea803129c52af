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

"""The times at which the frames of a camera are due."""

from __future__ import annotations

LONGEST_GAP = 5.0  # seconds; longer gaps in a recording are shortened to this
PATIENCE = 1.0  # seconds of delay after which a camera gives up catching up


class Pace:
    """Due times that do not drift: each is computed from the previous one, however long a frame takes to produce.

    rate: Hz; 0: by the stamps of the frames. default_rate: Hz where stamps do not increase (when a loop restarts).
    All times in seconds of one steady clock.
    """

    def __init__(self, rate: float, default_rate: float) -> None:
        self._rate, self._default_gap = rate, 1 / default_rate
        self._due: float | None = None
        self._last_ns = 0
        self.skipped = 0.0  # seconds of delay that were given up

    def due(self, stamp_ns: int, now: float) -> float:
        """When the next frame, stamped `stamp_ns` by its source, is to be published; `now` for the first."""
        if self._due is None:
            self._due = now
        else:
            self._due += self._gap((stamp_ns - self._last_ns) / 1e9)
        self._last_ns = stamp_ns
        if now - self._due > PATIENCE:  # too slow for this rate: continue from here, without a burst
            self.skipped += now - self._due
            self._due = now
        return self._due

    def _gap(self, by_stamps: float) -> float:
        if self._rate > 0:
            return 1 / self._rate
        return min(by_stamps, LONGEST_GAP) if by_stamps > 0 else self._default_gap
