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

"""The simulated camera: publishes a scene, or recorded frames, and the ground truth of each."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import numpy as np
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header, String

from infrared_ir_ros.errors import InfraredError, OptionError, SourceError
from infrared_ir_ros.media import Source, open_source
from infrared_ir_ros.media.image_message import ENCODING_OF_DTYPE
from infrared_ir_ros.media.paths import printable
from infrared_ir_ros.ros.bridge import PlainBridge
from infrared_ir_ros.ros.camera_parameters import CAMERA_TABLE
from infrared_ir_ros.ros.declaration import declare_checked
from infrared_ir_ros.ros.parameter import path_of
from infrared_ir_ros.ros.qos import open_publisher
from infrared_ir_ros.simulation.camera import (
    RAW_CORE,
    SCENE_RATE,
    Degrader,
    Shot,
    boxes_json,
    film_recording,
    film_scene,
)
from infrared_ir_ros.simulation.moving_scene import MovingScene
from infrared_ir_ros.simulation.pacing import Pace
from infrared_ir_ros.simulation.scene import ThermalScene

SETTLE = 4.0  # seconds that subscribers must be known before the first frame, so that they have discovered us, too


class CameraNode(Node):
    """Publishes `image` and `camera_info`, and `truth/clean`, `truth/temperature`, `truth/boxes`, `truth/pattern` with
    the same stamps while somebody subscribes to them. A thread of its own produces and publishes the frames.

    failed: whether the thread ended with an error. Raises InfraredError if the source cannot be opened or a parameter
    is wrong.
    """

    def __init__(self) -> None:
        super().__init__("thermal_camera")
        self.failed = False
        self._stopping = threading.Event()
        values = self._values = declare_checked(self, CAMERA_TABLE)
        self._shots, self._rate, self._scene = self._open()
        self._bridge = PlainBridge()
        self._image = open_publisher(self, Image, "image")
        self._info = open_publisher(self, CameraInfo, "camera_info")
        self._clean = open_publisher(self, Image, "truth/clean")
        self._temperature = open_publisher(self, Image, "truth/temperature") if self._scene else None
        self._boxes = open_publisher(self, String, "truth/boxes") if isinstance(self._scene, ThermalScene) else None
        self._pattern = open_publisher(self, Image, "truth/pattern") if values["degradation"] == RAW_CORE else None
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the camera's thread; called before the node is destroyed."""
        self._stopping.set()
        self._thread.join(timeout=2.0)

    def _open(self) -> tuple[Iterator[Shot], float, ThermalScene | MovingScene | None]:
        """The shots, their rate in Hz (0: by their stamps), and the scene if there is one."""
        values = self._values
        seed, rate, shutter = int(values["seed"]), float(values["rate"]), float(values["shutter_s"])
        if not values["source"]:
            rate = rate or SCENE_RATE
            degrader = Degrader(path_of(values, "degradation"), seed, shutter, rate)
            scene = self._make_scene(seed, int(values["height"]), int(values["width"]))
            return film_scene(scene, str(values["encoding"]), rate, degrader), rate, scene
        source = open_source(str(values["source"]), str(values["topic"]), report=self._report)
        degrader = Degrader(path_of(values, "degradation"), seed, shutter, rate or source.frame_rate)
        shots = film_recording(self._repeat(source), degrader)
        return shots, rate, None

    def _make_scene(self, seed: int, height: int, width: int) -> ThermalScene | MovingScene:
        motion, pan = str(self._values["motion"]), float(self._values["pan"])
        if motion == "still":
            return ThermalScene(seed, height, width, pan)
        if pan:
            raise OptionError(f"pan is {pan:g}: it needs motion still, motion is {motion}")
        return MovingScene(motion, seed, height, width)

    def _repeat(self, source: Source) -> Iterator:
        """The frames of the source, repeated with `loop`. Raises SourceError if it has none."""
        while not self._stopping.is_set():
            count = 0
            for frame in source:
                count += 1
                yield frame
            if count == 0:
                raise SourceError(f"source {source.name} holds no readable frame")
            if not self._values["loop"]:
                return

    def _report(self, problem: str) -> None:
        self.get_logger().warning(problem)

    def _run(self) -> None:
        """Publish all frames, then end the process; an error is logged in one line."""
        try:
            self._wait_for_subscriber()
            count = self._film()
            self.get_logger().info(f"{count} frames published")
            if not self._stopping.is_set():
                self._image.wait_for_all_acked(Duration(seconds=2))
        except InfraredError as error:
            self.failed = True
            self.get_logger().error(str(error))
        except Exception as error:
            if self._stopping.is_set():
                return  # the middleware was shut down while a frame was being published
            self.failed = True
            self.get_logger().error(f"the camera failed: {type(error).__name__}: {printable(str(error))}")
        if not self._stopping.is_set():
            os.kill(os.getpid(), signal.SIGTERM)

    def _wait_for_subscriber(self) -> None:
        patience, wanted = float(self._values["wait_for_subscriber_s"]), int(self._values["subscribers"])
        if not patience:
            return
        deadline, seen = time.monotonic() + patience, None
        while not self._stopping.is_set():
            now, listening = time.monotonic(), self._image.get_subscription_count()
            if listening < wanted:
                seen = None
                if now >= deadline:
                    audience = f"{listening} of {wanted} subscribers on {self._image.topic_name}"
                    self.get_logger().warning(f"{audience} within {patience:g} s: starting")
                    return
            elif seen is None:
                seen = now
            elif now - seen >= SETTLE:
                return
            self._stopping.wait(0.02)

    def _film(self) -> int:
        """Publish each frame at its time; returns their number."""
        limit = int(self._values["frames"])
        count = 0
        pace = Pace(self._rate, SCENE_RATE)
        for shot in self._shots:
            due = pace.due(shot.stamp_ns, time.monotonic())
            if self._stopping.wait(max(due - time.monotonic(), 0)):
                break
            if pace.skipped:
                self.get_logger().warning("this machine cannot produce frames at this rate", once=True)
            self._publish(shot)
            count += 1
            if count == limit:
                break
        return count

    def _publish(self, shot: Shot) -> None:
        stamp = self.get_clock().now()
        header = Header(stamp=stamp.to_msg(), frame_id=str(self._values["frame_id"]))
        self._publish_truth(shot, header, stamp.nanoseconds)
        height, width = shot.image.shape
        self._info.publish(_camera_info(header, height, width, self._scene))
        self._image.publish(self._message(shot.image, header))

    def _publish_truth(self, shot: Shot, header: Header, stamp_ns: int) -> None:
        if self._wanted(self._clean):
            self._clean.publish(self._message(shot.clean, header))
        if shot.temperature is not None and self._wanted(self._temperature):
            self._temperature.publish(self._message(shot.temperature, header))
        if shot.pattern is not None and self._pattern is not None and self._wanted(self._pattern):
            self._pattern.publish(self._message(shot.pattern, header))
        if shot.boxes is not None and self._boxes is not None and self._wanted(self._boxes):
            self._boxes.publish(String(data=boxes_json(shot.boxes, stamp_ns, header.frame_id)))

    def _wanted(self, publisher: Publisher) -> bool:
        return bool(self._values["publish_truth"]) or publisher.get_subscription_count() > 0

    def _message(self, image: np.ndarray, header: Header) -> Image:
        return self._bridge.cv2_to_imgmsg(image, ENCODING_OF_DTYPE[image.dtype.name], header)


def _camera_info(header: Header, height: int, width: int, scene: ThermalScene | MovingScene | None) -> CameraInfo:
    """A pinhole without distortion for a scene; all zero (not calibrated) for recordings."""
    info = CameraInfo(header=header, height=height, width=width, distortion_model="plumb_bob", d=[0.0] * 5)
    if scene is not None:
        view = scene.view
        info.k = [view.focal, 0.0, view.centre, 0.0, view.focal, view.horizon, 0.0, 0.0, 1.0]
        info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
        info.p = [view.focal, 0.0, view.centre, 0.0, 0.0, view.focal, view.horizon, 0.0, 0.0, 0.0, 1.0, 0.0]
    return info
