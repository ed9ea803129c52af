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

"""Frames of a rosbag2 bag (mcap, sqlite3); broken and hostile bags give their readable part or one line."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path, PurePosixPath

import yaml
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.bag_files import McapFile, RawMessage, Sqlite3File, Topic, inflate_file, inflate_message
from infrared_ir_ros.media.frames import DEFAULT_FRAME_RATE, Frame, Report, log_problem
from infrared_ir_ros.media.image_message import frame_of_compressed, frame_of_image
from infrared_ir_ros.media.paths import natural_key, printable, read_file, safe_name

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
_PEEK = 16  # messages that tell the frame rate
_TOLD = 3  # bad messages that are told one by one


@cache
def typestore() -> Typestore:
    """The message definitions of ROS 2 Jazzy; those in a bag are not trusted."""
    return get_typestore(Stores.ROS2_JAZZY)


class BagSource:
    """The frames of one image topic of a bag (a folder, or one of its files); stamps are those of the headers.

    topic: its name; "" takes the first image topic. What cannot be read is told to `report`.
    Raises SourceError: no such topic, no image topic, files outside the folder, nothing readable.
    """

    def __init__(self, path: Path, topic: str = "", report: Report = log_problem) -> None:
        self.name = printable(path.name)
        self._report = report
        self._files, self._packed_messages = _bag_files(path, report) if path.is_dir() else ([path], False)
        topics = self._topics()
        self.topic = self._choose(topics, topic)
        self.frame_count = topics[self.topic].count
        self.frame_rate = self._rate()

    def _topics(self) -> dict[str, Topic]:
        topics: dict[str, Topic] = {}
        for path in self._files:
            with self._opened(path) as file:
                if file is None:
                    continue
                for name, (kind, count) in file.topics().items():
                    topics[name] = Topic(kind, topics.get(name, Topic(kind, 0)).count + count)
        return topics

    @contextmanager
    def _opened(self, path: Path) -> Iterator[McapFile | Sqlite3File | None]:
        """A file of the bag; None, told, if it is not readable while the bag has others."""
        with ExitStack() as stack:
            try:
                if path.suffix == ".zstd":
                    room = stack.enter_context(tempfile.TemporaryDirectory(prefix="infrared-bag-"))
                    inflate_file(path, Path(room, path.stem))
                    path = Path(room, path.stem)
                file = McapFile(path) if path.suffix.lower() == ".mcap" else Sqlite3File(path)
            except (SourceError, OSError) as error:
                if len(self._files) == 1:
                    raise SourceError(str(error)) from None
                self._report(f"bag {self.name}: {error}")
                file = None
            yield file

    def _choose(self, topics: dict[str, Topic], wanted: str) -> str:
        images = [name for name, (kind, _) in topics.items() if kind in (IMAGE, COMPRESSED)]
        offered = ", ".join(printable(name) for name in images[:20]) or "none"
        if wanted and wanted not in images:
            raise SourceError(f"bag {self.name} has no image topic {printable(wanted)}: it has {offered}")
        if not images:
            others = ", ".join(printable(name) for name in list(topics)[:20]) or "nothing readable"
            raise SourceError(f"bag {self.name} has no image topic: it has {others}")
        filled = [name for name in images if topics[name].count]
        return wanted or (filled or images)[0]

    def _rate(self) -> float:
        """From the stamps of the first messages: the median gap."""
        stamps: list[int] = []
        for path in self._files:
            with self._opened(path) as file:
                for message in file.messages(self.topic) if file else ():
                    stamps.append(message.stamp_ns)
                    if len(stamps) == _PEEK:
                        break
            if len(stamps) == _PEEK:
                break
        gaps = sorted(b - a for a, b in zip(stamps[:-1], stamps[1:], strict=True))
        middle = gaps[len(gaps) // 2] if gaps else 0
        return min(1e9 / middle, 1000.0) if middle > 0 else DEFAULT_FRAME_RATE

    def __iter__(self) -> Iterator[Frame]:
        count = bad = 0
        label = safe_name(self.topic)
        for message in self._messages():
            what = f"bag {self.name}: message {count + bad} of {printable(self.topic)}"
            try:
                frame = self._frame(message, f"{label}#{count + bad:06d}", what)
            except SourceError as error:
                bad += 1
                if bad <= _TOLD:
                    self._report(str(error))
                continue
            yield frame
            count += 1
        if bad > _TOLD:
            self._report(f"bag {self.name}: {bad} messages of {printable(self.topic)} are no frames")

    def _messages(self) -> Iterator[RawMessage]:
        for path in self._files:
            with self._opened(path) as file:
                if file is None:
                    continue
                count = 0
                for message in file.messages(self.topic):
                    count += 1
                    yield message
                for damage in file.damage[:_TOLD]:
                    self._report(f"bag {self.name}: {printable(path.name)}: {damage}")
                if file.damage:
                    self._report(f"bag {self.name}: {printable(path.name)}: {count} messages could be read")

    def _frame(self, message: RawMessage, name: str, what: str) -> Frame:
        try:
            data = inflate_message(message.data) if self._packed_messages else message.data
            content = typestore().deserialize_cdr(data, message.kind)
        except Exception as error:  # bytes from outside: whatever they make the reader raise
            raise SourceError(f"{what} is damaged: {type(error).__name__}: {printable(str(error))}") from None
        if message.kind == IMAGE:
            image = frame_of_image(content, what)
        else:
            image = frame_of_compressed(content.data, str(content.format), what)
        stamp = content.header.stamp
        return Frame(image, stamp.sec * 1_000_000_000 + stamp.nanosec or message.stamp_ns, name)


def _bag_files(folder: Path, report: Report) -> tuple[list[Path], bool]:
    """The files of a bag's folder in order, and whether each message is compressed by itself."""
    what = printable(folder.name)
    try:
        text = read_file(folder / "metadata.yaml", 1 << 20).decode("utf-8")
        described = _load_yaml(text)["rosbag2_bagfile_information"]
        names = [str(name) for name in described["relative_file_paths"]]
        packed = str(described.get("compression_mode") or "").lower() == "message"
    except (SourceError, yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        found = [path for path in folder.iterdir() if path.suffix.lower() in (".mcap", ".db3") and path.is_file()]
        if not found:
            raise SourceError(f"bag {what} has no .mcap or .db3 file") from None
        reason = printable(str(error) if isinstance(error, SourceError) else type(error).__name__)
        report(f"bag {what}: metadata.yaml cannot be used ({reason}): reading the files beside it")
        return sorted(found, key=lambda path: natural_key(path.name)), False
    files = []
    for name in names:
        path = _inside(folder, name)
        if path.is_file():
            files.append(path)
        else:
            report(f"bag {what}: {printable(name)} is missing: its messages are lost")
    if not files:
        raise SourceError(f"bag {what}: none of the files that metadata.yaml names is there")
    return files, packed


def _load_yaml(text: str) -> dict:
    """ValueError for brackets in brackets in brackets: the parser takes seconds for ten thousand, and then gives up."""
    depth = 0
    for bracket in re.finditer(r"[\[\]{}]", text):
        depth += 1 if bracket.group() in "[{" else -1
        if depth > 50:
            raise ValueError("brackets nested more than 50 deep")
    return yaml.safe_load(text)


def _inside(folder: Path, name: str) -> Path:
    """The file `name` of a bag; SourceError if it lies, itself or by a link, outside of the bag's folder.

    Old bags name their files with the bag's folder in front.
    """
    parts = PurePosixPath(name).parts
    path = folder / name if len(parts) == 1 else folder / PurePosixPath(name).name
    climbs = ".." in parts or PurePosixPath(name).is_absolute() or len(parts) not in (1, 2)
    if climbs or path.resolve().parent != folder.resolve():
        raise SourceError(
            f"bag {printable(folder.name)}: metadata.yaml names {printable(name)}, which is outside of the bag: refused"
        )
    return path
