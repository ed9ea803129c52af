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

"""Holds the node's optional detector; frames are restored whatever is wrong with it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from rclpy.node import Node

from infrared_ir_ros.detection import Detector, load_detector
from infrared_ir_ros.errors import InfraredError
from infrared_ir_ros.records import DetectionOptions
from infrared_ir_ros.ros.messages import Picture
from infrared_ir_ros.ros.parameter import Value, path_of
from infrared_ir_ros.ros.parameters import detection_options_from, options_from

if TYPE_CHECKING:
    from infrared_ir_ros.ros.detecting import Detecting, DetectionSettings

NO_MESSAGES = (
    "vision_msgs is missing: install ros-$ROS_DISTRO-vision-msgs, or, without a sourced ROS, run "
    "scripts/build_vision_msgs.py"
)


class DetectorSlot:
    """The detector of `detector.model`, or the reason why there is none. Nothing here raises for a bad detector."""

    def __init__(self, node: Node) -> None:
        self.problem = ""  # why there are no detections although a detector was asked for, or empty
        self._node = node
        self._detector: Detector | None = None
        self._detecting: Detecting | None = None
        self._versions = itertools.count(1)

    @property
    def running(self) -> Detecting | None:
        """The running detection; None while the node is not active or has no detector."""
        return self._detecting

    def load(self, values: Mapping[str, Value], warm_up: tuple[int, int]) -> None:
        """Load and try the detector; it is kept if only `detector.classes` are not its own: they may be set later.

        warm_up: height and width of a frame.
        """
        self._detector, self.problem = None, ""
        model = path_of(values, "detector.model")
        if not model:
            return
        with self._telling():
            from infrared_ir_ros.ros import detecting  # noqa: F401 - raises if vision_msgs is missing

            detector = load_detector(
                model, bool(values["detector.allow_pickle"]), str(values["engine"]), str(values["device"])
            )
            detector.warm_up(*warm_up)
            self._detector = detector
            self.check(detection_options_from(values))

    def start(self, values: Mapping[str, Value], prompt: tuple[str, int]) -> None:
        if self._detector is None:
            return
        from infrared_ir_ros.ros.detecting import Detecting

        with self._telling():
            self._detecting = Detecting(self._node, self._detector, settings_from(values), prompt, self._versions)

    def stop(self, patience: float | None = None) -> None:
        detecting, self._detecting = self._detecting, None
        if detecting is not None:
            detecting.close(patience)

    def unload(self) -> None:
        self._detector = None

    def check(self, options: DetectionOptions) -> None:
        """Raises OptionError for a class that the loaded detector does not know."""
        if self._detector is not None:
            self._detector.check(options)

    def apply(self, values: Mapping[str, Value], prompt: tuple[str, int] | None) -> None:
        """Take parameters that were set; a detector that did not know its classes starts. prompt: None: not active."""
        if self._detecting is not None:
            self._detecting.settings = settings_from(values)
        elif prompt is not None:
            self.start(values, prompt)
        elif self._detector is not None:
            with self._telling():
                self.check(detection_options_from(values))

    def offer(self, picture: Picture, published: np.ndarray, prompt: tuple[str, int]) -> None:
        """Hand in a frame as received and as published, see `Detecting.offer`."""
        if self._detecting is not None:
            self._detecting.offer(picture, published, prompt)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Makes an exception the problem; frames are restored without. A new one is logged."""
        reason = ""
        try:
            yield
        except ImportError as error:
            reason = NO_MESSAGES if "vision_msgs" in str(error) else str(error)
        except InfraredError as error:
            reason = str(error)
        except Exception as error:  # a library may raise anything on an untrusted file
            reason = f"{type(error).__name__}: {error}"
        problem, self.problem = self.problem, f"no detections: {reason}" if reason else ""
        if self.problem not in ("", problem):
            self._node.get_logger().error(self.problem)


def settings_from(values: Mapping[str, Value]) -> DetectionSettings:
    """The parameters that may change while frames arrive."""
    from infrared_ir_ros.ros.detecting import DetectionSettings

    return DetectionSettings(
        options=detection_options_from(values),
        counts=options_from(values).counts,
        track=bool(values["detector.track"]),
        on=str(values["detect_on"]),
        every_n=int(values["detect_every_n"]),
        palette=str(values["palette"]),
    )
