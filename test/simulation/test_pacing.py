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

import random

import pytest

from infrared_ir_ros.simulation.pacing import LONGEST_GAP, Pace


def test_frames_are_due_at_multiples_of_the_period_however_long_each_takes() -> None:
    pace, rng, now = Pace(20.0, 30.0), random.Random(0), 100.0
    for number in range(500):
        due = pace.due(0, now)
        assert due == pytest.approx(100.0 + number / 20.0)
        now = max(now, due) + rng.uniform(0, 0.09)  # slower than the period now and then
    assert pace.skipped == 0


def test_a_camera_that_cannot_keep_up_never_bursts() -> None:
    pace, now = Pace(100.0, 30.0), 0.0
    for _ in range(50):
        due = pace.due(0, now)
        assert due >= now - 1.0
        now = max(now, due) + 0.2
    assert pace.skipped > 5
    assert pace.due(0, now + 60) == now + 60  # after a pause, too


def test_without_a_rate_the_stamps_decide_and_holes_and_jumps_are_bounded() -> None:
    pace = Pace(0.0, 25.0)
    stamps = [7.0, 7.1, 7.3, 5000.0, 7.0, 7.0]  # a hole of hours, the begin of a loop, a stamp that stands still
    due = [pace.due(round(stamp * 1e9), 0.0) for stamp in stamps]
    gaps = [b - a for a, b in zip(due, due[1:], strict=False)]
    assert gaps == pytest.approx([0.1, 0.2, LONGEST_GAP, 0.04, 0.04])
