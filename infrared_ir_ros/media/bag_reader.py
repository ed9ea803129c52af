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

"""The frames of a rosbag2 bag."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.bag import Bag, stamp_of
from infrared_ir_ros.media.bag_files import RawMessage, Topic
from infrared_ir_ros.media.frames import DEFAULT_FRAME_RATE, Frame, Report, log_problem
from infrared_ir_ros.media.image_message import COMPRESSED, IMAGE, frame_of_compressed, frame_of_image
from infrared_ir_ros.media.paths import printable, safe_name

_PEEK = 16  # messages from which the frame rate is estimated


class BagSource:
    """The frames of one image topic of a bag (a folder, or one of its files); stamps are those of the headers.

    topic: its name; "" takes the first image topic. What cannot be read goes to `report`. image_topics: those with
    messages.
    Raises SourceError: no such topic, no image topic, files outside the folder, nothing readable.
    """

    def __init__(self, path: Path, topic: str = "", report: Report = log_problem) -> None:
        self._bag = Bag(path, report)
        self.name = self._bag.name
        self.image_topics: tuple[str, ...] = ()
        self.topic = self._choose(self._bag.topics, topic)
        self.frame_count = self._bag.topics[self.topic].count
        self.frame_rate = self._rate()

    def _choose(self, topics: dict[str, Topic], wanted: str) -> str:
        images = [name for name, (kind, _) in topics.items() if kind in (IMAGE, COMPRESSED)]
        offered = ", ".join(printable(name) for name in images[:20]) or "none"
        if wanted and wanted not in images:
            raise SourceError(f"bag {self.name} has no image topic {printable(wanted)}: it has {offered}")
        if not images:
            others = ", ".join(printable(name) for name in list(topics)[:20]) or "nothing readable"
            raise SourceError(f"bag {self.name} has no image topic: it has {others}")
        self.image_topics = tuple(name for name in images if topics[name].count)
        return wanted or (self.image_topics or images)[0]

    def _rate(self) -> float:
        """The frame rate, from the median gap between the first stamps."""
        stamps = self._bag.first_stamps(self.topic, _PEEK)
        gaps = sorted(b - a for a, b in zip(stamps[:-1], stamps[1:], strict=True))
        middle = gaps[len(gaps) // 2] if gaps else 0
        return min(1e9 / middle, 1000.0) if middle > 0 else DEFAULT_FRAME_RATE

    def __iter__(self) -> Iterator[Frame]:
        return self._bag.read(self.topic, self._frame)

    def _frame(self, message: RawMessage, number: int, what: str) -> Frame:
        content = self._bag.content(message, what)
        if message.kind == IMAGE:
            image = frame_of_image(content, what)
        else:
            image = frame_of_compressed(content.data, str(content.format), what)
        return Frame(image, stamp_of(content, message.stamp_ns), f"{safe_name(self.topic)}#{number:06d}", number)
