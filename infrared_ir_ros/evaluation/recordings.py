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

"""Evaluated recordings: their frames, each with its clean frame, labels and the results of other methods."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from infrared_ir_ros.errors import OptionError, SourceError
from infrared_ir_ros.evaluation.labels import LabelFolder
from infrared_ir_ros.media import open_source
from infrared_ir_ros.media.detections import DetectionTopic, Seen
from infrared_ir_ros.media.frames import Frame, Report, Source
from infrared_ir_ros.media.images import IMAGE_SUFFIXES
from infrared_ir_ros.media.paths import existing, printable, regular_files
from infrared_ir_ros.media.sources import BAG_SUFFIXES, is_bag, whole_bags
from infrared_ir_ros.media.video import VIDEO_SUFFIXES
from infrared_ir_ros.records import Detection
from infrared_ir_ros.simulation.camera import Degrader

CLEAN = "clean"  # listed like a method in a bag of results
SEQUENCES = VIDEO_SUFFIXES | BAG_SUFFIXES | {".npz"}


@dataclass(frozen=True)
class Wanted:
    """What belongs to each frame.

    topic: image topic in a bag, "": the first. methods: topics of other methods' frames in the same bag.
    detection_topics: topics of other detections in the same bag. label_topic: ground truth in the same bag; labels: the
    same as a folder of YOLO's files, with label_names as class names.
    reference_topic: clean frames in the same bag. reference: another recording with the clean frames.
    degradation: preset that makes the input from the frames, which are then the clean ones; seed: its seed.
    tolerance_ns: largest difference between the stamps of a frame and what belongs to it. frames: at most, 0: all.
    """

    topic: str = ""
    methods: tuple[str, ...] = ()
    detection_topics: tuple[str, ...] = ()
    label_topic: str = ""
    labels: str = ""
    label_names: tuple[str, ...] = ()
    reference_topic: str = ""
    reference: str = ""
    degradation: str = ""
    seed: int = 0
    tolerance_ns: int = 5_000_000
    frames: int = 0

    @property
    def has_reference(self) -> bool:
        """Whether recorded clean frames belong to the frames."""
        return bool(self.reference or self.reference_topic)


@dataclass(frozen=True)
class Instant:
    """A frame of the input and what belongs to it; None, or a missing topic, means that it has none. clean: its clean
    frame. others, found: other methods' frames and detections, by topic. labels: its ground truth."""

    frame: Frame
    clean: np.ndarray | None
    others: dict[str, np.ndarray] = field(default_factory=dict)
    found: dict[str, tuple[Detection, ...]] = field(default_factory=dict)
    labels: tuple[Detection, ...] | None = None


def nanoseconds(tolerance_ms: float) -> int:
    """Milliseconds as nanoseconds. Raises OptionError."""
    if not 0 <= tolerance_ms < math.inf:
        raise OptionError(f"tolerance_ms is {tolerance_ms}: use 0 or more milliseconds")
    return round(1e6 * tolerance_ms)


def recordings(paths: Sequence[Path]) -> list[Path]:
    """The recordings at `paths`: bags, videos, npz sequences, folders of images; for any other folder, those in it.

    Raises SourceError for a missing path.
    """
    found: list[Path] = []
    for path in map(existing, paths):
        inside = [] if path.is_file() or is_bag(path) else regular_files(path, SEQUENCES)
        whole = whole_bags(inside)
        found += [*whole, *_picture_folders(path, whole)] if whole else [path]
    return list(dict.fromkeys(found))


def _picture_folders(folder: Path, others: list[Path]) -> list[Path]:
    """The outermost folders of images that do not belong to other recordings."""
    found: list[Path] = []
    for inner in sorted(
        {path.parent for path in regular_files(folder, IMAGE_SUFFIXES)}, key=lambda one: (len(one.parts), one)
    ):
        if not any(inner.is_relative_to(one) for one in (*others, *found)):
            found.append(inner)
    return found


def instants(
    path: Path, wanted: Wanted, report: Report, expect: Callable[[int | None], object] = lambda count: None
) -> Iterator[Instant]:
    """The frames of one recording with what belongs to them, in order.

    expect: called before the first with the expected number, None if unknown. report: called with problems that do not
    stop the recording. Raises SourceError: unreadable, no such topic, empty, clean frames of another size.
    """
    source = open_source(path, wanted.topic, report=report)
    gathering = _Gathering(path, wanted, source, report)
    expect(min(wanted.frames or source.frame_count, source.frame_count) or None)
    for frame in source:
        if wanted.frames and gathering.count == wanted.frames:
            break
        instant = gathering.of(frame)
        if instant:
            yield instant
    gathering.account(report)


class _Gathering:
    """Collects what belongs to each frame of a recording, and counts what is left out."""

    def __init__(self, path: Path, wanted: Wanted, source: Source, report: Report) -> None:
        self._name, self._wanted = printable(path.name), wanted
        self._clean = _reference(path, wanted, source, report)
        self._degrader = Degrader(wanted.degradation, wanted.seed) if wanted.degradation else None
        self._others = {topic: _Partner(_open(path, topic, report), wanted.tolerance_ns) for topic in wanted.methods}
        self._found = {topic: _Partner(DetectionTopic(path, topic, report), wanted.tolerance_ns)
                       for topic in wanted.detection_topics}  # fmt: skip
        self._labels = _labels(path, wanted, report)
        self._like: tuple[tuple[int, ...], np.dtype] | None = None
        self._odd = self._labelled = 0
        self.count = 0  # instants

    def of(self, frame: Frame) -> Instant | None:
        """None for a frame that is left out: its size or depth differs from the first."""
        self._like = self._like or (frame.image.shape, frame.image.dtype)
        if (frame.image.shape, frame.image.dtype) != self._like:
            self._odd += 1
            return None
        truth = self._truth(frame)
        if self._degrader:
            truth, frame = frame.image, replace(frame, image=self._degrader(frame.image))
        images = {topic: one.image for topic, partner in self._others.items() if (one := partner.of(frame))}
        found = {topic: one.detections for topic, partner in self._found.items() if (one := partner.of(frame))}
        there = self._labels(frame) if self._labels else None
        self._labelled += there is not None
        self.count += 1
        return Instant(frame, truth, images, found, there)

    def _truth(self, frame: Frame) -> np.ndarray | None:
        beside = self._clean.of(frame) if self._clean else None
        if beside is None:
            return None
        if beside.image.shape != frame.image.shape:
            raise SourceError(
                f"frames are {frame.image.shape} and their clean ones {beside.image.shape}: they must be of one size"
            )
        return beside.image

    def account(self, report: Report) -> None:
        """Report what was left out or is missing. Raises SourceError if nothing is left."""
        if self._odd and self._like:
            shape, dtype = self._like
            report(f"{self._odd} frames are of another size or depth than the first, {shape} {dtype}: left out")
        if not self.count:
            raise SourceError(f"{self._name} holds no frame")
        if self._clean and self._clean.missed == self.count:
            raise SourceError(f"{self._name}: no frame has a clean one {self._clean.where}")
        if self._labels and not self._labelled:
            report(f"none of the {self.count} frames has labels in {printable(_where_labels(self._wanted))}")
        for topic, partner in (*self._others.items(), *self._found.items()):
            if partner.missed == self.count:
                report(f"none of the {self.count} frames has one on {printable(topic)} {partner.where}")


def _where_labels(wanted: Wanted) -> str:
    if wanted.labels:
        return f"{wanted.labels}: files are called as the pictures, or by number, as 000000.txt"
    return f"{wanted.label_topic} within {wanted.tolerance_ns / 1e6:g} ms"


Beside = TypeVar("Beside", Frame, Seen)


class _Partner(Generic[Beside]):
    """Finds the items of another source for each frame, by stamp, or by number without a common clock.

    missed: number of frames without one. where: the source, in words.
    """

    def __init__(self, source: Iterable[Beside], tolerance_ns: int, by_stamp: bool = True) -> None:
        self._frames, self._tolerance = iter(source), tolerance_ns if by_stamp else 0
        self._place = attrgetter("stamp_ns" if by_stamp else "number")
        self.where = f"within {tolerance_ns / 1e6:g} ms" if by_stamp else "of the same number"
        self._held: list[Beside] = []
        self._ahead: Beside | None = None  # read, but not yet held
        self._last = self._last_read = -math.inf
        self._lead = 0  # passes of a recording played in a loop, by which the other source was read further
        self.missed = 0

    def of(self, frame: Frame) -> Beside | None:
        """The item that belongs to a frame; call it in the order of recording.

        If stamps go back, as in a recording played in a loop, they must do so in both sources; items of one pass never
        belong to frames of another. Frames with the same stamp get different items.
        """
        wanted = self._place(frame)
        if wanted < self._last - self._tolerance:
            self._held.clear()
            self._lead -= 1
            while self._peek() is not None and self._lead < 0:
                self._ahead = None
        is_again, self._last = wanted == self._last, wanted
        while is_again or not self._held or not self._suffices(self._place(self._held[-1]), wanted):
            is_again = False
            partner = self._peek()
            if partner is None or self._lead > 0:
                break
            self._held.append(partner)
            self._ahead = None
        self._held = [one for one in self._held if self._place(one) >= wanted - self._tolerance]
        near = min(reversed(self._held), key=lambda one: abs(self._place(one) - wanted), default=None)
        if near is None or abs(self._place(near) - wanted) > self._tolerance:
            self.missed += 1
            return None
        return near

    def _peek(self) -> Beside | None:
        """The next item, which is read only once."""
        if self._ahead is None and (ahead := next(self._frames, None)) is not None:
            place = self._place(ahead)
            self._lead += place < self._last_read - self._tolerance
            self._ahead, self._last_read = ahead, place
        return self._ahead

    def _suffices(self, last: int, wanted: int) -> bool:
        """Whether no item after one at `last` can be nearer."""
        return last == wanted or last >= wanted + self._tolerance


def _labels(path: Path, wanted: Wanted, report: Report) -> Callable[[Frame], tuple[Detection, ...] | None] | None:
    """The ground truth of a frame."""
    if wanted.labels:
        return LabelFolder(Path(wanted.labels), path.name, wanted.label_names).of
    if not wanted.label_topic:
        return None
    partner = _Partner(DetectionTopic(path, wanted.label_topic, report), wanted.tolerance_ns)
    return lambda frame: None if (one := partner.of(frame)) is None else one.detections


def _reference(path: Path, wanted: Wanted, source: Source, report: Report) -> _Partner[Frame] | None:
    if wanted.reference_topic:
        return _Partner(_open(path, wanted.reference_topic, report), wanted.tolerance_ns)
    if wanted.reference:
        other = open_source(wanted.reference, report=report)
        by_stamp = hasattr(source, "topic") and hasattr(other, "topic")
        if not by_stamp and 0 < source.frame_count != other.frame_count > 0:
            report(
                f"{source.frame_count} frames and {other.frame_count} clean ones, matched by number: "
                "frames after a missing one are compared with wrong ones"
            )
        return _Partner(other, wanted.tolerance_ns, by_stamp)
    return None


def _open(path: Path, topic: str, report: Report) -> Source:
    source = open_source(path, topic, report=report)
    if not hasattr(source, "topic"):
        raise SourceError(f"{printable(path.name)} is not a bag: it has no topic {printable(topic)}")
    return source


def result_topic(name: str) -> str:
    """The topic of a method in a bag of results."""
    return "/evaluation/" + "".join(c if c.isalnum() and c.isascii() else "_" for c in name.strip("/"))
