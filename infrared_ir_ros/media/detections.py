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

"""Detections in bags: vision_msgs, and the true boxes of our camera."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.bag import Bag, header, stamp_of, typestore
from infrared_ir_ros.media.bag_files import RawMessage
from infrared_ir_ros.media.frames import Report, log_problem
from infrared_ir_ros.media.paths import existing, printable
from infrared_ir_ros.records import Detection

DETECTIONS, LABEL_INFO = "vision_msgs/msg/Detection2DArray", "vision_msgs/msg/LabelInfo"
TRUTH = "std_msgs/msg/String"  # of thermal_camera: JSON


@dataclass(frozen=True)
class Seen:
    """The detections in the frame with a stamp (nanoseconds)."""

    stamp_ns: int
    detections: tuple[Detection, ...]


class DetectionTopic:
    """The messages of a Detection2DArray topic or of `truth/boxes`, in order; may be iterated again.

    Class numbers are named by the LabelInfo topic with the most similar name. What cannot be read goes to `report`.
    Raises SourceError: not a bag, no such topic, or one of another type.
    """

    def __init__(self, path: Path, topic: str, report: Report = log_problem) -> None:
        self._bag, self._report, self.topic = Bag(existing(path), report), report, topic
        found = {name: kind for name, (kind, _) in self._bag.topics.items() if kind in (DETECTIONS, TRUTH)}
        if topic not in found:
            offered = ", ".join(printable(name) for name, kind in found.items() if kind == DETECTIONS) or "none"
            raise SourceError(
                f"bag {self._bag.name} has no topic {printable(topic)} of Detection2DArray: it has {offered}"
            )
        self._kind, self._names = found[topic], self._class_names()

    def __iter__(self) -> Iterator[Seen]:
        return self._bag.read(self.topic, self._seen)

    def _seen(self, message: RawMessage, number: int, what: str) -> Seen:
        content = self._bag.content(message, what)
        if self._kind == TRUTH:
            return _truth(content, what)
        found = (self._detection(one) for one in content.detections)
        return Seen(stamp_of(content, message.stamp_ns), tuple(one for one in found if one is not None))

    def _detection(self, one: Any) -> Detection | None:
        """None for an invalid box. Without a hypothesis, it is an `object` of score 1."""
        best = max((each.hypothesis for each in one.results), key=lambda each: each.score, default=None)
        label, score = (best.class_id, float(best.score)) if best is not None else ("object", 1.0)
        centre, half = one.bbox.center.position, (one.bbox.size_x / 2, one.bbox.size_y / 2)
        box = (centre.x - half[0], centre.y - half[1], centre.x + half[0], centre.y + half[1])
        if not all(map(math.isfinite, (*box, score))) or min(half) <= 0:
            return None
        return Detection(box, score, printable(self._names.get(label, label)))

    def _class_names(self) -> dict[str, str]:
        """Class names by number (as text), from the LabelInfo topic with the most similar name."""
        topics = [name for name, (kind, _) in self._bag.topics.items() if kind == LABEL_INFO]
        nearest = max(topics, key=lambda name: len(os.path.commonprefix((name, self.topic))), default="")
        for message in self._bag.messages(nearest) if nearest else ():
            try:
                classes = self._bag.content(message, f"bag {self._bag.name}: {printable(nearest)}").class_map
            except SourceError as error:
                self._report(str(error))
                continue
            return {str(one.class_id): one.class_name for one in classes}
        return {}


def detections_message(detections: Sequence[Detection], stamp_ns: int, frame_id: str) -> bytes | memoryview:
    """A Detection2DArray as CDR bytes, with class names as class ids."""
    types = typestore().types
    head = header(stamp_ns, frame_id)
    point = types["geometry_msgs/msg/Point"](0.0, 0.0, 0.0)
    turn = types["geometry_msgs/msg/Quaternion"](0.0, 0.0, 0.0, 1.0)
    pose = types["geometry_msgs/msg/PoseWithCovariance"](types["geometry_msgs/msg/Pose"](point, turn), np.zeros(36))
    found = []
    for one in detections:
        left, top, right, bottom = one.box
        centre = types["vision_msgs/msg/Point2D"]((left + right) / 2, (top + bottom) / 2)
        box = types["vision_msgs/msg/BoundingBox2D"](
            types["vision_msgs/msg/Pose2D"](centre, 0.0), right - left, bottom - top
        )
        hypothesis = types["vision_msgs/msg/ObjectHypothesis"](one.label, one.score)
        result = types["vision_msgs/msg/ObjectHypothesisWithPose"](hypothesis, pose)
        track = "" if one.track is None else str(one.track)
        found.append(types["vision_msgs/msg/Detection2D"](head, [result], box, track))
    return typestore().serialize_cdr(types[DETECTIONS](head, found), DETECTIONS)


def _truth(content: Any, what: str) -> Seen:
    try:
        truth = json.loads(content.data)
        stamp = int(truth["stamp"]["sec"]) * 1_000_000_000 + int(truth["stamp"]["nanosec"])
        boxes = []
        for one in truth["boxes"]:
            left, top, width, height = (float(one[name]) for name in ("x", "y", "width", "height"))
            if not all(map(math.isfinite, (left, top, width, height))):
                raise ValueError("not finite")
            boxes.append(Detection((left, top, left + width, top + height), 1.0, printable(str(one["label"]))))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise SourceError(f"{what} holds no boxes: {type(error).__name__}") from None
    return Seen(stamp, tuple(boxes))
