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

"""What keeps a camera, or single frames of it, from being heard is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from harness import PATIENCE, NodeProcess, Peer, make_image, scene
from lifecycle_msgs.msg import Transition
from rclpy.context import Context
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from infrared_ir_ros.media.image_message import IMAGE
from infrared_ir_ros.ros import input
from infrared_ir_ros.ros.camera_inputs import CameraInputs
from infrared_ir_ros.ros.input import RawInput
from infrared_ir_ros.ros.output import Output

WARN = DiagnosticStatus.WARN


def test_a_node_that_hears_itself_says_so(domain: int) -> None:
    """As with image:=restored: it would restore for ever what it has restored."""
    context = Context()
    rclpy.init(context=context, domain_id=domain)
    node, other = rclpy.create_node("one", context=context), rclpy.create_node("other", context=context)
    try:
        heard = RawInput(node, Image, IMAGE, "/image", lambda raw, seconds: None, "auto")
        other.create_publisher(Image, "/image", 1)
        _wait_for_publishers(node, 1)
        assert heard.problems() == []
        node.create_publisher(Image, "/image", 1)
        _wait_for_publishers(node, 2)
        assert heard.problems() == ["/image is this node's own output: remap image to the camera's topic"]
    finally:
        node.destroy_node()
        other.destroy_node()
        context.shutdown()


def test_a_setting_that_fits_no_publisher_ends_the_earlier_subscription(
    domain: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reliable, of a camera that is not: frames came all the same, while the diagnostics said that none can."""
    monkeypatch.setattr(input, "HANDOVER", 0.0)
    context = Context()
    rclpy.init(context=context, domain_id=domain)
    node, other = rclpy.create_node("one", context=context), rclpy.create_node("other", context=context)
    try:
        heard = RawInput(node, Image, IMAGE, "/image", lambda raw, seconds: None, "auto")
        camera = other.create_publisher(Image, "/image", qos_profile_sensor_data)
        _wait(lambda: heard.publishers == camera.get_subscription_count() == 1)
        for _ in range(2):
            heard.follow("reliable")
        _wait(lambda: camera.get_subscription_count() == 0)
        assert camera.get_subscription_count() == heard.publishers == 0 and "incompatible" in heard.problems()[0]
    finally:
        node.destroy_node()
        other.destroy_node()
        context.shutdown()


def test_topics_are_remapped_once(domain: int) -> None:
    """As of a second node, which restores what the first has restored; where both topics have a rule of their own."""
    context = Context()
    rclpy.init(context=context, domain_id=domain)
    swapped = ["--ros-args", "-r", "image:=restored", "-r", "restored:=image"]
    node, other = rclpy.create_node("one", context=context, cli_args=swapped), rclpy.create_node("a", context=context)
    try:
        output = Output(node)
        inputs = CameraInputs(node, Mock(), "auto")
        for _ in range(2):
            other.create_publisher(Image, "/restored", 1)
        _wait_for_publishers(node, 2, "/restored")
        assert (inputs.image.topic, inputs.compressed_topic) == ("/restored", "/restored/compressed")
        assert inputs.problems() == [] and output.problems() == []
        _wait(lambda: inputs.frame_publishers == 2)
        assert inputs.frame_publishers == 2
    finally:
        node.destroy_node()
        other.destroy_node()
        context.shutdown()


def _wait_for_publishers(node: rclpy.node.Node, number: int, topic: str = "/image") -> None:
    _wait(lambda: node.count_publishers(topic) >= number)


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


NARROW = """<dds xmlns="http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles"><profiles>
<transport_descriptors><transport_descriptor><transport_id>narrow</transport_id><type>UDPv4</type>
<sendBufferSize>16384</sendBufferSize><receiveBufferSize>16384</receiveBufferSize>
<maxMessageSize>8192</maxMessageSize></transport_descriptor></transport_descriptors>
<participant profile_name="narrow" is_default_profile="true"><rtps><userTransports><transport_id>narrow</transport_id>
</userTransports><useBuiltinTransports>false</useBuiltinTransports></rtps></participant></profiles></dds>
"""
CAMERA = {"rate": 20.0, "qos_overrides./image.publisher.reliability": "best_effort"}


def test_frames_that_the_network_loses_are_counted_and_told(domain: int, tmp_path: Path) -> None:
    """640x512 pixels through socket buffers of 16 kB. What fits is restored all the same."""
    (tmp_path / "narrow.xml").write_text(NARROW)
    chosen = {f"FAST{name}_DEFAULT_PROFILES_FILE": str(tmp_path / "narrow.xml") for name in ("RTPS", "DDS")}
    with NodeProcess(domain, {"engine": "onnxruntime"}, environment=chosen) as node, Peer(domain) as peer:
        with NodeProcess(domain, CAMERA, module="infrared_ir_ros.ros.thermal_camera", environment=chosen):
            peer.wait_message("frames", "lost by the middleware", WARN)
        lost = int(peer.values()["lost_before_arrival"])
        assert lost > 0
        restored = peer.collect(Image, "restored")
        camera = peer.publisher(Image, "image", reliable=False)

        def answered() -> int:
            camera.publish(make_image(scene(shape=(30, 40)), "mono16"))
            time.sleep(0.1)
            return len(restored)

        peer.wait(answered, "a small frame restored")
        assert peer.change_state(Transition.TRANSITION_DEACTIVATE)
        assert int(peer.fresh_values()["lost_before_arrival"]) >= lost
        assert node.stop() == 0
