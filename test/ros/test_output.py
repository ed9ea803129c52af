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

"""Compressed frames and comparisons cost nothing until somebody subscribes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import rclpy
from harness import Peer, make_image, scene
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage, Image

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.ros import output
from infrared_ir_ros.ros.messages import Picture
from infrared_ir_ros.ros.output import Output
from infrared_ir_ros.ros.qos import reliability_override


@pytest.fixture()
def node(domain: int) -> Iterator[Node]:
    context = Context()
    rclpy.init(context=context, domain_id=domain)
    node = Node("restore_node", context=context)
    yield node
    node.destroy_node()
    context.try_shutdown()


def test_views_are_computed_only_while_somebody_subscribes(
    node: Node, domain: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    for name in ("comparison", "write_compressed"):
        original = getattr(output, name)
        monkeypatch.setattr(output, name, lambda *a, name=name, original=original: calls.append(name) or original(*a))
    publishers = Output(node)
    picture = Picture(make_image(scene(), "mono16").header, scene(), "mono16")
    publishers.publish_views(scene(), picture, "ironbow")
    assert not calls
    with Peer(domain) as peer:
        compressed = peer.collect(CompressedImage, "restored/compressed")
        peer.wait(publishers.compressed.get_subscription_count, "the subscriber")
        publishers.publish_views(scene(), picture, "ironbow")
        assert calls == ["write_compressed"]
        sides = peer.collect(Image, "restore_node/comparison")
        peer.wait(publishers.comparison.get_subscription_count, "the second subscriber")

        def both_came() -> bool:
            publishers.publish_views(scene(), picture, "ironbow")
            return bool(compressed and sides)

        peer.wait(both_came, "a picture of each kind")
        assert "comparison" in calls
    peer.wait(lambda: not publishers.comparison.get_subscription_count(), "the end of the subscriptions")
    calls.clear()
    publishers.publish_views(scene(), picture, "ironbow")
    assert not calls
    publishers.destroy()


def test_float_frames_have_no_compressed_form(node: Node, domain: int) -> None:
    publishers = Output(node)
    frame = scene(dtype=np.float32)
    picture = Picture(make_image(frame, "32FC1").header, frame, "32FC1")
    with Peer(domain) as peer:
        compressed = peer.collect(CompressedImage, "restored/compressed")
        restored = peer.collect(Image, "restored")
        peer.wait(publishers.compressed.get_subscription_count, "the subscriber")

        def restored_came() -> bool:
            publishers.publish_views(frame, picture, "inferno")
            publishers.publish(frame, picture, None)
            return bool(restored)

        peer.wait(restored_came, "the frame")
        assert not compressed
    publishers.destroy()


@pytest.mark.parametrize(("policy", "value"), [("reliability", "nonsense"), ("depth", "many"), ("depth", -3)])
def test_overrides_that_are_none_are_one_line_and_leave_no_publisher(
    domain: int, policy: str, value: str | int
) -> None:
    context = Context()
    rclpy.init(context=context, domain_id=domain)
    override = Parameter(f"qos_overrides./timing.publisher.{policy}", value=value)
    node = Node("restore_node", context=context, parameter_overrides=[override])
    try:
        before = len(list(node.publishers))
        with pytest.raises(OptionError, match="qos_overrides of /timing: .*: use reliable or best_effort"):
            Output(node)
        assert len(list(node.publishers)) == before
    finally:
        node.destroy_node()
        context.try_shutdown()


def test_an_override_of_another_type_of_the_subscriptions_reliability_is_one_line(domain: int) -> None:
    context = Context()
    rclpy.init(context=context, domain_id=domain)
    override = Parameter("qos_overrides./image.subscription.reliability", value=5)
    node = Node("restore_node", context=context, parameter_overrides=[override])
    try:
        with pytest.raises(OptionError, match="'5' of type 'INTEGER'.*: use auto, reliable or best_effort"):
            reliability_override(node, "/image")
    finally:
        node.destroy_node()
        context.try_shutdown()
