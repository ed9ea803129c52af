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

"""Reads the recordings that a task is adapted on, and splits each by time; the last part is for validation."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from infrared_ir_ros.errors import FrameError, InfraredError, OptionError, SourceError
from infrared_ir_ros.evaluation.profiling import measure
from infrared_ir_ros.evaluation.recordings import Wanted, instants, nanoseconds, recordings
from infrared_ir_ros.media import open_source
from infrared_ir_ros.media.frames import Frame, Report
from infrared_ir_ros.media.images import IMAGE_SUFFIXES
from infrared_ir_ros.media.paths import printable
from infrared_ir_ros.records import Counts
from infrared_ir_ros.restoration.counts import checked
from infrared_ir_ros.restoration.repeats import without_repeats
from infrared_ir_ros.restoration.unknown import without_blank
from infrared_ir_ros.simulation import stretch
from infrared_ir_ros.simulation.camera import GreyScale
from infrared_ir_ros.simulation.profile import is_profile
from infrared_ir_ros.training.adapt_examples import (
    Draw,
    Moment,
    Noise,
    degraded,
    labelled,
    paired,
    recorrupted,
)
from infrared_ir_ros.training.adapt_plan import SUPERVISIONS
from infrared_ir_ros.training.alignment import offset

JUDGING = 4  # the last of this many parts of a recording is for validation
MOST_BYTES = 1 << 30  # of all frames together
PROFILED = (8, 64)  # fewest and most frames to measure noise on


@dataclass(frozen=True)
class Lesson:
    """What to learn from. sources: bags, videos, npz, pictures, folders of these, or glob patterns.

    topic: of the frames in a bag; "": the first. reference_topic, reference: for `pairs`, the topic of the clean frames
    in the same bag, or another recording. label_topic, detector: for `labels`, the topic of labels in a bag, matched by
    stamp (Detection2DArray), and the file of a YOLOv8 of ultralytics that judges. degradation: for `clean` a preset or
    profile (.yaml); for `self` a profile, or "" to measure the frames. frames: at most, spread over all sources.
    """

    sources: tuple[str, ...]
    supervision: str = "clean"
    topic: str = ""
    reference_topic: str = ""
    reference: str = ""
    tolerance_ms: float = 5.0
    label_topic: str = ""
    detector: str = ""
    degradation: str = ""
    frames: int = 400
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        if self.supervision not in SUPERVISIONS:
            raise OptionError(f"supervision is {self.supervision!r}: use one of {', '.join(SUPERVISIONS)}")
        if (self.supervision == "labels") != bool(self.label_topic and self.detector):
            raise OptionError("supervision 'labels' needs a label topic and a detector, the others take neither")
        if not self.sources:
            raise OptionError("no source is given: name bags, videos, pictures or folders")
        if self.frames < 2:
            raise OptionError(f"frames is {self.frames}: use 2 or more")
        if (self.supervision == "pairs") != (bool(self.reference_topic) != bool(self.reference)):
            raise OptionError(
                "supervision 'pairs' needs a reference topic or a reference recording, the others take neither"
            )
        if self.supervision == "clean" and not self.degradation:
            raise OptionError("supervision 'clean' degrades good frames: name a degradation, such as sensor_normal")
        if self.supervision == "self" and self.degradation and not is_profile(self.degradation):
            raise OptionError(
                f"degradation is {self.degradation!r}: supervision 'self' takes a .yaml of profile_sensor, not a preset"
            )


@dataclass(frozen=True)
class Material:
    """What was read. draw: makes an example of a moment. varies: whether examples of a moment differ. detection: the
    loss of a frozen detector, (restored, target) as in training.semantic, for `labels`. taught: supervision and
    degradation, in words."""

    training: list[Moment]
    judging: list[Moment]
    draw: Draw
    varies: bool
    detection: Any = None
    taught: str = ""


def read_material(lesson: Lesson, report: Report) -> Material:
    """Read all recordings. Skipped inputs go to `report`. Raises InfraredError if nothing is left to learn from."""
    paths = find_sources(lesson.sources)
    detection = None
    if lesson.supervision == "labels":
        from infrared_ir_ros.training import semantic  # imports torch

        detection = semantic.load_detection(lesson.detector)
    draw = _draw(lesson, paths, detection)
    training: list[Moment] = []
    judging: list[Moment] = []
    for moments in _read(lesson, paths, report):
        first = max(len(moments) - max(len(moments) // JUDGING, 1), 1)
        training += moments[:first]
        judging += moments[first:]
    if not judging:
        raise SourceError("the recordings hold no two usable frames: one is needed to learn from, one to validate on")
    _report_offset(training, report)
    taught = f"{lesson.supervision} {lesson.degradation}".strip()
    return Material(training, judging, draw, lesson.supervision in ("clean", "self"), detection, taught)


def _report_offset(moments: list[Moment], report: Report) -> None:
    rows, columns = offset([(one.frame, one.clean) for one in moments if one.clean is not None])
    if rows or columns:
        report(
            f"the clean frames are shifted by {rows:+d} rows and {columns:+d} columns: align them, or the task learns "
            "to blur"
        )


def find_sources(sources: Sequence[str]) -> list[Path]:
    """The recordings that paths and glob patterns match. Raises SourceError for one that matches nothing."""
    paths: list[Path] = []
    for source in sources:
        matched = [] if Path(source).exists() else sorted(glob.glob(source, recursive=True))
        paths += map(Path, matched or [source])
    return recordings(paths)


def _draw(lesson: Lesson, paths: list[Path], detection: Any) -> Draw:
    if lesson.supervision == "labels":
        return labelled(list(detection.model.names.values()), lesson.counts)
    if lesson.supervision == "clean":
        return degraded(lesson.degradation, lesson.counts)
    if lesson.supervision == "pairs":
        return paired(lesson.counts)
    noise = Noise.of_profile(Path(lesson.degradation)) if lesson.degradation else measure_noise(paths, lesson.topic)
    return recorrupted(noise, lesson.counts)


def measure_noise(paths: list[Path], topic: str) -> Noise:
    """The noise of the first recording that is long enough. Raises SourceError if none is."""
    unread: list[SourceError] = []
    for path in paths:
        try:
            frames = list(islice(_usable(open_source(path, topic)), PROFILED[1]))
        except SourceError as error:  # `_read` reports it; another recording will do
            unread.append(error)
            continue
        if len(frames) >= PROFILED[0] and len({frame.shape for frame in frames}) == 1:
            grey = GreyScale.of(frames)
            found = measure(np.stack([grey.levels(frame) for frame in frames]))
            return Noise(float(np.hypot(found.noise, found.pixel_offset)), found.columns, found.rows)
    why = f"no recording begins with {PROFILED[0]} frames of one size, to measure noise on: give a profile"
    raise unread[0] if unread else SourceError(why)


def _usable(frames: Iterable[Frame]) -> Iterator[np.ndarray]:
    """Those that can be restored, at the resolution of the sensor; `_moments` reports the others."""
    for frame in frames:
        with suppress(FrameError):
            yield without_repeats(checked(frame.image))[0]


def _read(lesson: Lesson, paths: list[Path], report: Report) -> list[list[Moment]]:
    """The moments of each recording, evenly thinned; pictures that were named individually are one recording."""
    tolerance = nanoseconds(lesson.tolerance_ms)
    reference = {"reference_topic": lesson.reference_topic, "reference": lesson.reference}
    wanted = Wanted(topic=lesson.topic, label_topic=lesson.label_topic, **reference, tolerance_ns=tolerance)
    thinned, problems = _Thinned(lesson.frames), list[InfraredError]()
    for number, path in enumerate(paths):
        recording = -1 if path.suffix.lower() in IMAGE_SUFFIXES else number
        try:
            for moment in _moments(path, wanted, report):
                thinned.add(recording, moment)
        except InfraredError as error:
            problems.append(error)
            report(f"{printable(path.name)}: {error}")
    if len(problems) == len(paths):
        raise SourceError(f"no recording could be read: {problems[0]}")
    return thinned.recordings()


def _moments(path: Path, wanted: Wanted, report: Report) -> Iterator[Moment]:
    """The moments of one recording, without frames that cannot be restored or stretched, or lack their clean frame or
    labels."""
    bad: list[str] = []
    lonely = 0
    for instant in instants(path, wanted, report):
        if wanted.label_topic and instant.labels is None:
            continue
        if instant.clean is None and wanted.has_reference:
            lonely += 1
            continue
        try:
            moment = prepared(Moment(instant.frame.image, instant.clean, instant.labels or ()))
            stretch(moment.frame if moment.clean is None else moment.clean)
        except (FrameError, OptionError) as error:
            bad.append(str(error))
            continue
        yield moment
    if lonely:
        report(f"{printable(path.name)}: {lonely} frames have no clean one and are left out")
    if bad:
        report(f"{printable(path.name)}: {len(bad)} frames cannot be restored and are left out: {bad[0]}")


def prepared(moment: Moment) -> Moment:
    """A moment at the resolution of the sensor and without bars, as in the restorer: beyond the window, bars would
    dominate the loss. Raises FrameError if it cannot be restored."""
    frame, (down, right) = without_repeats(checked(moment.frame))
    clean = None if moment.clean is None else without_blank(checked(moment.clean)[::down, ::right])[0]
    shrink = np.array([right, down, right, down])
    labels = [replace(one, box=tuple((np.array(one.box) / shrink).tolist())) for one in moment.labels]
    return Moment(without_blank(frame)[0], clean, tuple(labels))


class _Thinned:
    """Keeps at most `most` moments, evenly spread over all added ones: drops every second one whenever it is full."""

    def __init__(self, most: int) -> None:
        self._most, self._step, self._seen, self._bytes = most, 1, 0, 0
        self._kept: list[tuple[int, Moment]] = []

    def add(self, recording: int, moment: Moment) -> None:
        if self._seen % self._step == 0:
            self._kept.append((recording, moment))
            self._bytes += moment.frame.nbytes + (0 if moment.clean is None else moment.clean.nbytes)
        self._seen += 1
        if len(self._kept) >= 2 * self._most or self._bytes > MOST_BYTES:
            self._kept, self._step, self._bytes = self._kept[::2], 2 * self._step, self._bytes // 2

    def recordings(self) -> list[list[Moment]]:
        """By recording, in the order of time."""
        count = min(len(self._kept), self._most)
        chosen = [self._kept[int((i + 0.5) * len(self._kept) / count)] for i in range(count)]
        by_recording: dict[int, list[Moment]] = {}
        for recording, moment in chosen:
            by_recording.setdefault(recording, []).append(moment)
        return list(by_recording.values())
