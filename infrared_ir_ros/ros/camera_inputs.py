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

"""The subscriptions to a camera: frames, plain or compressed, its calibration, and the state of its shutter."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Bool

from infrared_ir_ros.media.image_message import CAMERA_INFO, COMPRESSED, IMAGE
from infrared_ir_ros.ros.cdr import BOOL, parse
from infrared_ir_ros.ros.input import RawInput
from infrared_ir_ros.ros.messages import (
    MessageError,
    Picture,
    inspect_compressed,
    inspect_image,
    read_camera_info,
    read_compressed,
    read_image,
)
from infrared_ir_ros.ros.pipeline import Arrival, Pipeline
from infrared_ir_ros.ros.qos import companion_topic


class CameraInputs:
    """Passes everything that arrives to a pipeline.

    The compressed topic is subscribed only while it alone has publishers: otherwise each frame would arrive twice, and
    the camera would compress it only for us.
    """

    def __init__(self, node: Node, pipeline: Pipeline, setting: str) -> None:
        self._node = node
        self._pipeline = pipeline
        self.last_arrival = time.monotonic()  # of the last frame; before the first, when this was created
        self.arrivals = 0
        self.damaged = ""  # what was wrong with the last damaged camera_info or shutter message
        self._compressed = companion_topic(node, "image/compressed", "image", "compressed")
        self.compressed_topic = node.resolve_topic_name(self._compressed)
        info = companion_topic(node, "camera_info", "image", "camera_info")
        self._inputs: dict[str, RawInput] = {}
        try:
            self._inputs["image"] = RawInput(
                node,
                Image,
                IMAGE,
                "image",
                self._frame_receiver(inspect_image, read_image),
                setting,
                lose=pipeline.lose,
            )
            self._inputs["info"] = RawInput(node, CameraInfo, CAMERA_INFO, info, self._on_info, setting, latched=True)
            self._inputs["shutter"] = RawInput(node, Bool, BOOL, "~/shutter", self._on_shutter, setting)
            self.follow(setting)
        except Exception:
            self.destroy()
            raise

    def follow(self, setting: str) -> None:
        """Adapt to the publishers: plain or compressed frames, reliable or best effort."""
        for one in self._inputs.values():
            one.follow(setting)
        plain = self._offered("image", IMAGE)
        if plain and "compressed" in self._inputs:
            self._inputs.pop("compressed").destroy()
        elif not plain and "compressed" not in self._inputs and self._offered(self._compressed, COMPRESSED):
            receive = self._frame_receiver(inspect_compressed, read_compressed)
            self._inputs["compressed"] = RawInput(
                self._node,
                CompressedImage,
                COMPRESSED,
                self._compressed,
                receive,
                setting,
                lose=self._pipeline.lose,
            )

    @property
    def image(self) -> RawInput:
        return self._inputs["image"]

    @property
    def frames(self) -> RawInput:
        """Where frames come from: the compressed topic while it is subscribed."""
        return self._inputs.get("compressed", self.image)

    @property
    def frame_publishers(self) -> int:
        return sum(self._inputs[name].publishers for name in ("image", "compressed") if name in self._inputs)

    def problems(self) -> list[str]:
        """Why publishers cannot be received."""
        return [problem for one in self._inputs.values() for problem in one.problems()]

    def destroy(self) -> None:
        while self._inputs:
            self._inputs.popitem()[1].destroy()

    def _offered(self, name: str, type_name: str) -> bool:
        return any(info.topic_type == type_name for info in self._node.get_publishers_info_by_topic(name))

    def _frame_receiver(
        self, inspect: Callable[[bytes], None], read: Callable[[bytes], Picture]
    ) -> Callable[[bytes, float], None]:
        def receive(raw: bytes, seconds: float) -> None:
            self.last_arrival = seconds
            self.arrivals += 1
            self._pipeline.offer(Arrival(raw, seconds, inspect, read))

        return receive

    def _on_info(self, raw: bytes, seconds: float) -> None:
        try:
            self._pipeline.camera_info = read_camera_info(raw)
        except MessageError as error:
            self.damaged = str(error)

    def _on_shutter(self, raw: bytes, seconds: float) -> None:
        try:
            (closed,) = parse(raw, BOOL)
        except ValueError as error:
            self.damaged = f"a damaged {BOOL} on ~/shutter: {error}"
            return
        if closed:
            self._pipeline.reset()
