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

"""A few faults of each kind of the list (1-9, 12, 20), injected over DDS; benchmarks/faults.py injects many.

Survived: the node lives, answers the next good frame, and received = published + drops by reason, exactly.
"""

from __future__ import annotations

from collections.abc import Iterator

import inject_messages
import inject_streams
import pytest
from domains import free_domain
from harness import PATIENCE
from injection import Rig
from outcome import assert_survived


@pytest.fixture(scope="module")
def rig(domain: int) -> Iterator[Rig]:
    with Rig(domain) as rig:
        yield rig
        rig.alive()
        assert rig.node.stop() == 0


def test_lying_messages(rig: Rig) -> None:
    outcome = inject_messages.lying_messages(rig, 24)
    assert_survived(outcome, "dropped, malformed: ")
    assert outcome.figures["dropped.malformed"] >= 8


def test_text_that_is_not_utf8(rig: Rig) -> None:
    assert_survived(inject_messages.text_that_is_not_utf8(rig, 4), "dropped, malformed: ", "is not UTF-8")


def test_odd_pixels(rig: Rig) -> None:
    assert_survived(inject_messages.odd_pixels(rig, 10), "dropped, refused: ")


def test_odd_stamps(rig: Rig) -> None:
    said = ("zero stamps", "repeated stamps", "backward stamps", "future stamps")
    assert_survived(inject_messages.odd_stamps(rig, 8), *said)


def test_a_frozen_camera(rig: Rig) -> None:
    assert_survived(inject_streams.frozen_cameras(rig, 1), "stuck: the same pixels for")


def test_another_type_on_the_topic(rig: Rig) -> None:
    assert_survived(inject_streams.other_types(rig, 1), "/image is published as std_msgs/msg/String")


def test_qos_that_does_not_match(rig: Rig) -> None:
    assert_survived(inject_streams.mismatched_qos(rig, 1), "is incompatible")


def test_a_flood(rig: Rig) -> None:
    outcome = inject_streams.floods(rig, 1, limit=PATIENCE)
    assert_survived(outcome, "dropped, superseded: ")
    assert outcome.figures["received"] > outcome.figures["published"]


def test_decompression_bombs(rig: Rig) -> None:
    """The plain camera leaves, and comes back for the next test."""
    outcome = inject_messages.decompression_bombs(rig, 14)
    assert_survived(outcome, "dropped, undecodable: the ")
    assert outcome.figures["dropped.undecodable"] >= 10


def test_a_silent_camera(rig: Rig) -> None:
    assert_survived(inject_streams.silent_cameras(rig, 1), "no frame for")


def test_a_killed_camera(rig: Rig) -> None:
    assert_survived(inject_streams.killed_cameras(rig, 1, limit=PATIENCE))


def test_a_killed_node() -> None:
    """In a domain without the node of the other tests."""
    assert_survived(inject_streams.killed_nodes(free_domain(), 1, limit=PATIENCE))
