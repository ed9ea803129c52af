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

"""A rosbag2 bag (mcap, sqlite3): topics and messages. Broken and hostile bags yield their readable part, or an error of
one line."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.bag_files import McapFile, RawMessage, Sqlite3File, Topic
from infrared_ir_ros.media.frames import Report, log_problem
from infrared_ir_ros.media.inflate import inflate_file, inflate_message
from infrared_ir_ros.media.paths import natural_key, printable, read_file
from infrared_ir_ros.media.yaml_text import load_yaml

TOLD = 3  # problems of a kind that are reported one by one
LATEST = (1 << 31) * 1_000_000_000 - 1  # nanoseconds, the latest stamp of a header
T = TypeVar("T")
VISION_MSGS = {  # definitions since Humble, which rosbags lacks
    "Point2D": "float64 x\nfloat64 y",
    "Pose2D": "vision_msgs/Point2D position\nfloat64 theta",
    "BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y",
    "ObjectHypothesis": "string class_id\nfloat64 score",
    "ObjectHypothesisWithPose": "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose",
    "Detection2D": "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
    "vision_msgs/BoundingBox2D bbox\nstring id",
    "Detection2DArray": "std_msgs/Header header\nvision_msgs/Detection2D[] detections",
    "VisionClass": "uint16 class_id\nstring class_name",
    "LabelInfo": "std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold",
    "VisionInfo": "std_msgs/Header header\nstring method\nstring database_location\nint32 database_version",
}


@cache
def typestore() -> Typestore:
    """The message definitions of ROS 2 Jazzy and of vision_msgs; those in a bag are not trusted."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for name, text in VISION_MSGS.items():
        store.register(get_types_from_msg(text, f"vision_msgs/msg/{name}"))
    return store


class Bag:
    """A bag's folder, or one of its files. topics: by name. What cannot be read goes to `report`.

    Raises SourceError: files outside the folder, nothing readable.
    """

    def __init__(self, path: Path, report: Report = log_problem) -> None:
        self.name = printable(path.name)
        self._report = report
        self._files = _bag_files(path, report) if path.is_dir() else [path]
        self.topics = self._topics()

    def _topics(self) -> dict[str, Topic]:
        """The topics; unreadable files are left out and reported if the bag has others."""
        topics: dict[str, Topic] = {}
        files, self._files = self._files, list[Path]()
        for path in files:
            try:
                with self._opened(path) as file:
                    found = file.topics()
            except SourceError as error:
                if len(files) == 1:
                    raise
                self._report(f"bag {self.name}: {error}")
                continue
            self._files.append(path)
            for name, (kind, count) in found.items():
                topics[name] = Topic(kind, topics.get(name, Topic(kind, 0)).count + count)
        return topics

    @contextmanager
    def _opened(self, path: Path) -> Iterator[McapFile | Sqlite3File]:
        """A file of the bag. Raises SourceError."""
        with ExitStack() as stack:
            try:
                if path.suffix.lower() == ".zstd":
                    room = stack.enter_context(tempfile.TemporaryDirectory(prefix="infrared-bag-"))
                    inflate_file(path, Path(room, path.stem))
                    path = Path(room, path.stem)
                file = McapFile(path) if path.suffix.lower() == ".mcap" else Sqlite3File(path)
            except OSError as error:
                raise SourceError(str(error)) from None
            yield file

    def first_stamps(self, topic: str, most: int) -> list[int]:
        """When the first messages of a topic were recorded; at most `most` of them."""
        stamps: list[int] = []
        for path in self._files:
            with self._opened(path) as file:
                stamps += (message.stamp_ns for message in islice(file.messages(topic), most - len(stamps)))
            if len(stamps) == most:
                break
        return stamps

    def messages(self, topic: str) -> Iterator[RawMessage]:
        """The messages of a topic, in the order of recording, as bytes; damage of the files is reported."""
        for path in self._files:
            with self._opened(path) as file:
                count = 0
                for message in file.messages(topic):
                    count += 1
                    yield message
                for damage in file.damage[:TOLD]:
                    self._report(f"bag {self.name}: {printable(path.name)}: {damage}")
                if file.damage:
                    self._report(f"bag {self.name}: {printable(path.name)}: {count} messages could be read")

    def read(self, topic: str, convert: Callable[[RawMessage, int, str], T]) -> Iterator[T]:
        """`convert(message, its number, its name)` of each message of a topic. Messages for which it raises SourceError
        are left out and reported, the first TOLD one by one."""
        bad = 0
        for number, message in enumerate(self.messages(topic)):
            try:
                converted = convert(message, number, f"bag {self.name}: message {number} of {printable(topic)}")
            except SourceError as error:
                bad += 1
                if bad <= TOLD:
                    self._report(str(error))
                continue
            yield converted
        if bad > TOLD:
            self._report(f"bag {self.name}: {bad} messages of {printable(topic)} cannot be read")

    def content(self, message: RawMessage, what: str) -> Any:
        """A message with its fields. what: its name in errors. Raises SourceError if it is damaged."""
        try:
            return typestore().deserialize_cdr(inflate_message(message.data), message.kind)
        except Exception as error:  # rosbags may raise anything on damaged bytes
            raise SourceError(f"{what} is damaged: {type(error).__name__}: {printable(str(error))}") from None


def stamp_of(content: Any, recorded_ns: int) -> int:
    """Nanoseconds of a message's header, or of its recording if the header has none; within 0..LATEST."""
    stamp = content.header.stamp
    stamped = stamp.sec * 1_000_000_000 + stamp.nanosec
    return min(stamped if stamped > 0 else max(recorded_ns, 0), LATEST)


def header(stamp_ns: int, frame_id: str) -> Any:
    """A std_msgs/Header. Raises SourceError for a stamp out of range."""
    if not 0 <= stamp_ns <= LATEST:
        raise SourceError(f"a stamp is {stamp_ns} ns: use 0 to {LATEST}")
    seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
    types = typestore().types
    return types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](seconds, nanoseconds), frame_id)


def _bag_files(folder: Path, report: Report) -> list[Path]:
    """The files of a bag's folder in order."""
    what = printable(folder.name)
    try:
        described = load_yaml(read_file(folder / "metadata.yaml", 1 << 20))["rosbag2_bagfile_information"]
        names = [str(name) for name in described["relative_file_paths"]]
    except (SourceError, ValueError, KeyError, TypeError, AttributeError) as error:
        found = _beside(folder)
        if not found:
            raise SourceError(f"bag {what} has no .mcap or .db3 file") from None
        reason = printable(str(error) if isinstance(error, SourceError) else type(error).__name__)
        report(f"bag {what}: metadata.yaml cannot be used ({reason}): reading the files beside it")
        return found
    files = []
    for name in names:
        path = _inside(folder, name)
        if os.path.isfile(path):  # unlike Path, False for a name that is too long
            files.append(path)
        else:
            report(f"bag {what}: {printable(name)} is missing: its messages are lost")
    if not files:
        raise SourceError(f"bag {what}: none of the files that metadata.yaml names exists")
    return files


def _beside(folder: Path) -> list[Path]:
    """The files of a bag without usable metadata, as a killed recorder leaves it; of a file that was just being
    compressed, the plain one."""
    names = (path.name.removesuffix(".zstd") for path in folder.iterdir() if path.is_file())
    parts = sorted({name for name in names if name.lower().endswith((".mcap", ".db3"))}, key=natural_key)
    return [folder / name if (folder / name).is_file() else folder / f"{name}.zstd" for name in parts]


def _inside(folder: Path, name: str) -> Path:
    """The file `name` of a bag. Raises SourceError if it is outside of the bag's folder, also by a link.

    Old bags prefix the names with the bag's folder.
    """
    parts = PurePosixPath(name).parts
    path = folder / PurePosixPath(name).name
    climbs = ".." in parts or PurePosixPath(name).is_absolute() or len(parts) not in (1, 2)
    try:
        outside = climbs or path.resolve().parent != folder.resolve()
    except ValueError:  # a null byte, or half a character
        outside = True
    if outside:
        raise SourceError(
            f"bag {printable(folder.name)}: metadata.yaml names {printable(name)}, which is outside of the bag: refused"
        )
    return path
