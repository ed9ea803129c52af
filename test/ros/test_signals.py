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

"""SIGINT, SIGTERM and SIGHUP at any moment: exit code 0, no traceback."""

from __future__ import annotations

import random
import signal
import time

import pytest
from harness import PATIENCE, NodeProcess, Peer, make_image, scene
from sensor_msgs.msg import Image

PARAMETERS = {"engine": "onnxruntime"}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _assert_clean_end(node: NodeProcess, number: int) -> None:
    assert node.stop(number) == 0, node.output()
    assert "Traceback" not in node.output(), node.output()


@pytest.mark.parametrize("turn", range(6))
def test_a_signal_at_a_random_moment_ends_with_zero(domain: int, turn: int) -> None:
    moment = random.Random(turn).uniform(0.0, 3.0)
    with NodeProcess(domain, PARAMETERS) as node:
        while not node.catches_signals():
            assert node.process.poll() is None
        time.sleep(moment)
        _assert_clean_end(node, SIGNALS[turn % 3])


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_frames_come_ends_with_zero_and_closes_the_books(domain: int, number: int) -> None:
    with NodeProcess(domain, PARAMETERS) as node, Peer(domain) as peer:
        restored = peer.collect(Image, "restored")
        camera = peer.publisher(Image, "image")
        deadline = time.monotonic() + PATIENCE
        while not restored and time.monotonic() < deadline:
            camera.publish(make_image(scene(), "mono16"))
            time.sleep(0.01)
        node.process.send_signal(number)
        while node.process.poll() is None and time.monotonic() < deadline:
            camera.publish(make_image(scene(), "mono16"))
            time.sleep(0.01)
        _assert_clean_end(node, number)
        assert "received " in node.output()


def test_a_second_signal_changes_nothing(domain: int) -> None:
    with NodeProcess(domain, PARAMETERS) as node, Peer(domain) as peer:
        peer.wait_state("active")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            node.process.send_signal(number)
            time.sleep(0.02)
        _assert_clean_end(node, signal.SIGINT)


@pytest.mark.parametrize(
    ("name", "value", "text"), [("strength", 7.5, "strength"), ("tone", "loud", "use one of auto")]
)
def test_a_wrong_parameter_at_start_ends_with_one_line(domain: int, name: str, value: object, text: str) -> None:
    with NodeProcess(domain, {name: value}) as node:
        assert node.process.wait(PATIENCE) == 1
        assert "cannot start: " in node.output() and text in node.output()
        assert "Traceback" not in node.output()
