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

"""What keeps a camera from being heard is told."""

from __future__ import annotations

import time

import rclpy
from harness import PATIENCE
from rclpy.context import Context
from sensor_msgs.msg import Image

from infrared_ir_ros.media.image_message import IMAGE
from infrared_ir_ros.ros.input import RawInput


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


def _wait_for_publishers(node: rclpy.node.Node, number: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while node.count_publishers("/image") < number and time.monotonic() < deadline:
        time.sleep(0.01)
