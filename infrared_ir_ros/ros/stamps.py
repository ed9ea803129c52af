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

"""Judges the stamps of a stream. They are always kept, but trusted only after a check."""

from __future__ import annotations

from collections import Counter
from enum import Enum

SECOND = 1_000_000_000
FUTURE = SECOND // 2  # nanoseconds ahead of our clock before a stamp is called future
JUMP = SECOND  # a clock that gains or loses this much against the steady clock has jumped


class StampFault(str, Enum):
    """What can be wrong with a stamp."""

    ZERO = "zero"
    REPEATED = "repeated"
    BACKWARD = "backward"
    FUTURE = "future"


class StampWatch:
    """Counts faulty stamps, and computes the age of frames while the stamps can be trusted.

    Clocks of two machines may differ, bags are played years later, and some cameras stamp with time since boot. So
    stamps are trusted once one agrees with our clock within the age limit, and until the next faulty stamp or jump of
    a clock. All times in nanoseconds.
    """

    def __init__(self) -> None:
        self.faults: Counter[StampFault] = Counter()
        self.trusted = False
        self.clock_silent = False  # simulated time has not begun: stamps cannot be judged
        self._reported: Counter[StampFault] = Counter()
        self._last: int | None = None
        self._offset: int | None = None

    def age(self, stamp: int, now: int, steady: int, limit: int) -> int | None:
        """Age of a frame stamped `stamp`, or None if its stamp cannot be trusted.

        now: the node's clock; steady: a clock that never jumps; limit: age up to which frames are wanted.
        """
        offset = now - steady
        jump = min(JUMP, limit // 2)  # a jump that is not noticed must not make every later frame too old
        if self._offset is not None and abs(offset - self._offset) > jump:
            self.trusted = False
        self._offset = offset
        self.clock_silent = now == 0
        fault = self._fault(stamp, now)
        self._last = stamp
        if fault is not None:
            self.faults[fault] += 1
            self.trusted = False
            return None
        age = now - stamp
        if 0 <= age <= limit:
            self.trusted = True
        return age if self.trusted else None

    def new_faults(self) -> Counter[StampFault]:
        """Faulty stamps since the last call."""
        faults = self.faults.copy()
        new, self._reported = faults - self._reported, faults
        return new

    def _fault(self, stamp: int, now: int) -> StampFault | None:
        if stamp == 0:
            return StampFault.ZERO
        if stamp > now + FUTURE and not self.clock_silent:
            return StampFault.FUTURE
        if stamp == self._last:
            return StampFault.REPEATED
        if self._last is not None and stamp < self._last:
            return StampFault.BACKWARD
        return None
