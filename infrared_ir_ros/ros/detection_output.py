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

"""The publishers of detections. Needs vision_msgs, which is imported only here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image
from vision_msgs.msg import (
    BoundingBox2D,
    Detection2D,
    Detection2DArray,
    LabelInfo,
    ObjectHypothesisWithPose,
    VisionClass,
    VisionInfo,
)

from infrared_ir_ros.records import Detection
from infrared_ir_ros.ros import qos
from infrared_ir_ros.ros.bridge import PlainBridge
from infrared_ir_ros.ros.publishers import Publishers


class DetectionOutput:
    """Publishers of detections, of the names of classes, and of the overlay."""

    def __init__(self, node: Node, names: Sequence[str]) -> None:
        self._node, self._names = node, tuple(names)
        base = node.resolve_topic_name("detections")
        self._publishers = Publishers(node)
        self.of_restored = self._publishers.open(Detection2DArray, "detections")
        self.of_input = self._publishers.open(Detection2DArray, f"{base}/input")
        self.overlay = self._publishers.open(Image, "~/overlay")
        self._label_info = self._publishers.open(LabelInfo, "label_info", qos.latched_profile())
        self._vision_info = self._publishers.open(VisionInfo, "vision_info", qos.latched_profile())

    def publish_labels(self, threshold: float) -> None:
        """The class names of the numbers in detections; latched."""
        message = LabelInfo(threshold=threshold)
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.class_map = [VisionClass(class_id=index, class_name=name) for index, name in enumerate(self._names)]
        self._label_info.publish(message)

    def publish_vision_info(self, method: str, version: int, header: Any | None = None) -> None:
        """How objects are detected. version: rises with every change. header: of the first frame it applies to."""
        message = VisionInfo(method=method, database_version=version)
        message.database_location = self._label_info.topic_name
        if header is None:
            message.header.stamp = self._node.get_clock().now().to_msg()
        else:
            message.header = header
        self._vision_info.publish(message)

    def publish(self, publisher: Publisher, detections: Sequence[Detection], header: Any) -> None:
        """One array per frame, empty if nothing was found; it and each detection carry the frame's header."""
        message = Detection2DArray(header=header)
        message.detections = [self._message(each, header) for each in detections]
        publisher.publish(message)

    def publish_overlay(self, picture: np.ndarray, header: Any) -> None:
        self.overlay.publish(PlainBridge().cv2_to_imgmsg(picture, "bgr8", header))

    def destroy(self) -> None:
        self._publishers.destroy()

    def _message(self, detection: Detection, header: Any) -> Detection2D:
        """class_id is the number that `label_info` names."""
        left, top, right, bottom = detection.box
        box = BoundingBox2D(size_x=right - left, size_y=bottom - top)
        box.center.position.x, box.center.position.y = (left + right) / 2, (top + bottom) / 2
        result = ObjectHypothesisWithPose()
        result.hypothesis.class_id = str(self._names.index(detection.label))
        result.hypothesis.score = detection.score
        number = "" if detection.track is None else str(detection.track)
        return Detection2D(header=header, results=[result], bbox=box, id=number)
