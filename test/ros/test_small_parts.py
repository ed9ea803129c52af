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

"""The parts of the node that need no ROS: counters, mailbox, stamps, stillness."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

from infrared_ir_ros.restoration.stillness import StillnessWatch
from infrared_ir_ros.ros.counters import Counters, Drop
from infrared_ir_ros.ros.mailbox import Mailbox
from infrared_ir_ros.ros.process import use_transport_profile
from infrared_ir_ros.ros.stamps import SECOND, StampFault, StampWatch

LIMIT = SECOND // 2


def test_counters_balance_at_any_moment_from_two_threads() -> None:
    counters = Counters()
    unbalanced = []

    def work() -> None:
        for turn in range(3000):
            counters.arrive()
            if turn % 3:
                counters.publish(passed_through=turn % 2 == 0)
            else:
                counters.drop(Drop.STALE, "old")

    def look() -> None:
        for _ in range(3000):
            tally = counters.tally()
            if tally.received != tally.published + tally.dropped or tally.pending not in (0, 1, 2):
                unbalanced.append(tally)

    threads = [threading.Thread(target=task) for task in (work, work, look)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not unbalanced
    tally = counters.tally()
    assert (tally.received, tally.published, tally.passed_through, tally.pending) == (6000, 4000, 2000, 0)
    assert tally.dropped == tally.drops[Drop.STALE] == 2000
    assert tally.messages == {Drop.STALE: "old"}


def test_mailbox_keeps_the_newest_and_hands_back_the_rest() -> None:
    box: Mailbox[int] = Mailbox()
    assert box.put(1) is None
    assert box.put(2) == 1
    assert box.take() == 2
    assert box.put(3) is None
    assert box.close() == 3
    assert box.take() is None
    assert box.put(4) == 4


def test_an_item_and_the_end_wake_the_reader_of_a_mailbox() -> None:
    box: Mailbox[int] = Mailbox()
    taken: list[int | None] = []
    reader = threading.Thread(target=lambda: taken.extend((box.take(), box.take())), daemon=True)
    reader.start()
    for act in (lambda: box.put(5), box.close):
        time.sleep(0.05)  # it waits by now
        act()
    reader.join(10)
    assert taken == [5, None]


def test_stamps_that_agree_with_the_clock_give_an_age() -> None:
    watch = StampWatch()
    assert watch.age(100 * SECOND, 100 * SECOND + 5, 5, LIMIT) == 5
    assert watch.age(101 * SECOND, 104 * SECOND, 4 * SECOND, LIMIT) == 3 * SECOND
    assert watch.trusted and not watch.faults


def test_stamps_of_a_skewed_clock_or_an_old_bag_are_no_age() -> None:
    watch = StampWatch()
    for step in range(5):
        now = 10_000 * SECOND + step * SECOND
        assert watch.age(now - 9000 * SECOND, now, now, LIMIT) is None
    assert not watch.trusted and not watch.faults


def test_odd_stamps_are_counted_and_end_the_trust() -> None:
    cases = {
        StampFault.ZERO: 0,
        StampFault.REPEATED: 100 * SECOND,
        StampFault.BACKWARD: 99 * SECOND,
        StampFault.FUTURE: 200 * SECOND,
    }
    for fault, stamp in cases.items():
        watch = StampWatch()
        watch.age(100 * SECOND, 100 * SECOND, 0, LIMIT)
        assert watch.trusted
        assert watch.age(stamp, 100 * SECOND, 0, LIMIT) is None
        assert not watch.trusted
        assert watch.new_faults() == {fault: 1}
        assert not watch.new_faults()


def test_a_jump_of_the_clock_ends_the_trust() -> None:
    watch = StampWatch()
    watch.age(100 * SECOND, 100 * SECOND, 0, LIMIT)
    assert watch.age(101 * SECOND, 3701 * SECOND, SECOND, LIMIT) is None
    assert watch.age(3702 * SECOND, 3702 * SECOND, 2 * SECOND, LIMIT) == 0


def test_a_clock_that_is_stepped_by_little_makes_no_later_frame_too_old() -> None:
    """By more than the age limit, less than a second, while the camera goes on stamping by another clock."""
    watch, step = StampWatch(), 8 * SECOND // 10
    assert watch.age(100 * SECOND, 100 * SECOND, 0, LIMIT) == 0
    for number in range(1, 4):
        stamp = 100 * SECOND + number * SECOND // 10
        assert watch.age(stamp, stamp + step, number * SECOND // 10, LIMIT) is None
    assert not watch.faults


def test_a_freeze_is_a_shutter_event_once_it_ends() -> None:
    watch, frame = StillnessWatch(), np.zeros((4, 4), np.uint16)
    assert watch.still_for == 0.0
    assert [watch.shutter(frame.copy(), now / 10) for now in range(6)] == [False] * 6
    assert watch.still_for == 0.5
    assert watch.shutter(frame + 1, 0.6)
    assert watch.still_for == 0.0
    assert not watch.shutter(frame + 2, 1.6), "frames that come slowly are no freeze"


def test_a_camera_that_sends_each_frame_three_times_has_no_shutter_events() -> None:
    watch = StillnessWatch()
    events = [watch.shutter(np.full((4, 4), number // 3, np.uint8), number / 27) for number in range(30)]
    assert not any(events)


def test_stillness_compares_bit_for_bit() -> None:
    watch, frame = StillnessWatch(), np.full((4, 4), np.nan, np.float32)
    for now in range(4):
        watch.shutter(frame.copy(), float(now))
    assert watch.still_for == 3.0
    watch.shutter(frame.astype(np.float64), 4.0)
    assert watch.still_for == 0.0


@pytest.mark.parametrize(
    ("chosen", "ours"), [("", True), ("DEFAULT_PROFILES_FILE", False), ("BUILTIN_TRANSPORTS", False)]
)
def test_the_users_choice_of_transports_is_left_alone(monkeypatch: pytest.MonkeyPatch, chosen: str, ours: bool) -> None:
    given = {f"FASTDDS_{chosen}": "UDPv4"} if chosen else {}
    monkeypatch.setattr(os, "environ", dict(given))
    use_transport_profile()
    assert (os.environ != given) == ours
