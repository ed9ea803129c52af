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

"""The publishers of the restored frame and its side topics."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node
from rclpy.topic_endpoint_info import TopicEndpointInfo
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Float32, Header

from infrared_ir_ros.records import Restored
from infrared_ir_ros.restoration.palettes import comparison
from infrared_ir_ros.restoration.pattern import PatternStage
from infrared_ir_ros.ros import qos
from infrared_ir_ros.ros.bridge import PlainBridge
from infrared_ir_ros.ros.messages import Picture, write_compressed, write_image
from infrared_ir_ros.ros.publishers import Publishers


class Output:
    """Publishes restored frames and what belongs to them, from the pipeline's thread (but for `publish_pattern`)."""

    def __init__(self, node: Node) -> None:
        self._node = node
        base = node.resolve_topic_name("restored")
        self._publishers = Publishers(node)
        self.restored = self._publishers.open(Image, "restored")
        self.compressed = self._publishers.open(CompressedImage, f"{base}/compressed")
        self.camera_info = self._publishers.open(CameraInfo, f"{base}/camera_info")
        self.log_snr = self._publishers.open(Float32, "log_snr")
        self.timing = self._publishers.open(DiagnosticArray, "timing")
        self.comparison = self._publishers.open(Image, "~/comparison")
        self.pattern = self._publishers.open(Image, "~/pattern", qos.latched_profile())
        self._shown: tuple[int, int] | None = None  # when last published: frames learned from, number of subscribers

    def publish(self, image: np.ndarray, picture: Picture, camera_info: CameraInfo | None) -> None:
        """Publish the frame, with the header of `picture`, and its calibration."""
        self.restored.publish(write_image(image, picture))
        if camera_info is not None:
            info = copy.copy(camera_info)
            info.header = picture.header
            self.camera_info.publish(info)

    def publish_estimate(self, restored: Restored, picture: Picture, milliseconds: Mapping[str, float]) -> None:
        """Publish the frame's log-SNR and the duration of its steps."""
        self.log_snr.publish(Float32(data=float(restored.log_snr)))
        values = {"log_snr": f"{restored.log_snr:.4f}", "timestep": str(restored.timestep)}
        values |= {f"{name}_ms": f"{value:.3f}" for name, value in milliseconds.items()}
        status = DiagnosticStatus(name=f"{self._node.get_name()}: timing", message=f"restored for {restored.task}")
        status.hardware_id = picture.header.frame_id
        status.values = [KeyValue(key=key, value=value) for key, value in values.items()]
        self.timing.publish(DiagnosticArray(header=picture.header, status=[status]))

    def publish_views(self, image: np.ndarray, picture: Picture, palette: str) -> None:
        """Publish the compressed frame and the comparison, each only while somebody subscribes."""
        if self.compressed.get_subscription_count():
            compressed = write_compressed(image, picture)
            if compressed is None:
                self._node.get_logger().warning(
                    f"{self.compressed.topic_name} stays silent for {picture.encoding}: neither png nor jpeg holds it",
                    once=True,
                )
            else:
                self.compressed.publish(compressed)
        if self.comparison.get_subscription_count():
            sides = comparison(picture.image, image, palette)
            self.comparison.publish(PlainBridge().cv2_to_imgmsg(sides, "bgr8", picture.header))

    def publish_pattern(self, patterns: PatternStage, frame_id: str) -> None:
        """Publish the fixed pattern in counts, if it or its subscribers have changed. From the executor's thread."""
        state, listeners = patterns.state, self.pattern.get_subscription_count()
        if state is None or not listeners or self._shown == (state.frames, listeners):
            return
        pattern = patterns.pattern
        if pattern is not None:
            self._shown = state.frames, listeners
            header = Header(stamp=self._node.get_clock().now().to_msg(), frame_id=frame_id)
            self.pattern.publish(PlainBridge().cv2_to_imgmsg(pattern, "32FC1", header))

    def problems(self) -> list[str]:
        """Why subscribers cannot receive our topics."""
        found = []
        for name, topic in self._publishers.topics.items():  # rclpy would remap a resolved topic again
            publishers = self._node.get_publishers_info_by_topic(name)
            if topic == self.restored.topic_name and len(publishers) > 1:
                found.append(f"{topic} has {len(publishers)} publishers: start each node in a namespace of its own")
            for offered in self._own(publishers):
                for info in self._node.get_subscriptions_info_by_topic(name):
                    if clash := qos.clash(offered.qos_profile, info.qos_profile):
                        found.append(f"{topic}: QoS of the subscriber {info.node_name!r} is incompatible ({clash})")
        return found

    def destroy(self) -> None:
        self._publishers.destroy()

    def _own(self, endpoints: list[TopicEndpointInfo]) -> list[TopicEndpointInfo]:
        """Those of this node, with the QoS that the system default resolved to."""
        name = (self._node.get_name(), self._node.get_namespace())
        return [info for info in endpoints if (info.node_name, info.node_namespace) == name]
