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

"""The publishers of one part of a node, created and destroyed together."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile

from infrared_ir_ros.ros.qos import open_publisher


class Publishers:
    """Publishers that are opened one by one and destroyed together."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._opened: dict[str, Publisher] = {}

    def open(self, kind: type, topic: str, profile: QoSProfile | None = None) -> Publisher:
        """Open one more with `open_publisher`. If that raises, all are destroyed."""
        try:
            self._opened[topic] = open_publisher(self._node, kind, topic, profile)
        except Exception:
            self.destroy()
            raise
        return self._opened[topic]

    @property
    def topics(self) -> dict[str, str]:
        """The resolved topics, by the names that they were opened with."""
        return {name: publisher.topic_name for name, publisher in self._opened.items()}

    def destroy(self) -> None:
        while self._opened:
            self._node.destroy_publisher(self._opened.popitem()[1])
