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

"""Evaluates one recording: judges its frames and writes the bag of the results."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from infrared_ir_ros.commands.evaluate_asked import Asked
from infrared_ir_ros.commands.evaluate_bench import Bench, live_name
from infrared_ir_ros.detection import Detector
from infrared_ir_ros.errors import InfraredError, SourceError
from infrared_ir_ros.evaluation.detecting import LABELS, MOST, PROTOCOL, Boxes, sure
from infrared_ir_ros.evaluation.judge import Judge, Row
from infrared_ir_ros.evaluation.methods import INPUT, Method
from infrared_ir_ros.evaluation.recordings import CLEAN, Instant, Wanted, instants, result_topic
from infrared_ir_ros.evaluation.report import Recording
from infrared_ir_ros.media.bag_writer import BagWriter
from infrared_ir_ros.media.detections import DETECTIONS, detections_message
from infrared_ir_ros.media.hashing import fingerprint
from infrared_ir_ros.media.paths import printable, safe_name
from infrared_ir_ros.records import Counts

FRAME_ID = "evaluation"
A_CLEAN_ONE = "a clean one"  # not a name of a method
LIVE = ("task", "tone", "strength", "smoothing", "pattern_memory")  # parameters passed to the node, beside the counts


@dataclass(frozen=True)
class Job:
    """number: index of the recording, added to the seed. name: in the report."""

    number: int
    path: Path
    name: str


def jobs(found: list[Path]) -> list[Job]:
    """One job per recording; a name that occurs again gets its number appended."""
    names: list[str] = []
    for number, path in enumerate(found):
        name = printable(path.name)
        names.append(name if name not in names else f"{name} ({number})")
    return [Job(number, path, name) for number, (path, name) in enumerate(zip(found, names, strict=True))]


class CannotWrite(SourceError):
    """The output cannot be written: the other recordings would fail, too."""


def attempt(job: Job, asked: Asked, bench: Bench, room: Path) -> Recording | InfraredError:
    """Judge all frames, and write the bag of the results below the folder `room`, replacing an earlier one.

    Returns the error if nothing could be judged; CannotWrite if the bag cannot be written.
    """
    try:
        return _judge(job, asked, bench, room)
    except InfraredError as error:
        return error
    except OSError as error:  # a disk that fails, or is too full for the bag of a replay
        return SourceError(f"{printable(str(job.path))} cannot be evaluated: {printable(str(error))}")


def _judge(job: Job, asked: Asked, bench: Bench, room: Path) -> Recording:
    recording = Recording(job.name, printable(str(job.path)), fingerprint(job.path))
    recording.bag = f"bags/{job.number:03d}_{safe_name(job.path.name)}"
    shutil.rmtree(room / recording.bag, ignore_errors=True)
    wanted = replace(asked.wanted, seed=asked.wanted.seed + job.number)
    methods = [_play(job.path, recording, wanted, asked)] if asked.mode == "replay" else bench.methods
    if bench.detector:
        wanted = replace(wanted, label_names=bench.detector.names)
    look = partial(_found, detector=bench.detector, counts=asked.options.counts)
    try:
        _judge_frames(job.path, recording, wanted, methods, Judge(bench.yardsticks), look, room / recording.bag)
    except CannotWrite:
        raise
    except InfraredError as error:  # what was told before it is the reason, as a rule
        raise SourceError("; ".join([str(error), *recording.problems])) from error
    return recording


def _play(path: Path, recording: Recording, wanted: Wanted, asked: Asked) -> Method:
    """Play the recording through the live node; stores the node's counters in `recording`."""
    from infrared_ir_ros.commands.evaluate_replay import play  # ROS is needed only here

    camera: dict[str, object] = {"source": str(path.absolute()), "topic": wanted.topic, "frames": wanted.frames}
    camera |= {"degradation": wanted.degradation or "clean", "seed": wanted.seed}
    node: dict[str, object] = {**asked.network}
    node |= {name: getattr(asked.options, name) for name in LIVE}
    counts = asdict(asked.options.counts)
    node |= {f"counts.{name}": float(value) if name != "mapping" else value for name, value in counts.items()}
    with tempfile.TemporaryDirectory(prefix="infrared-replay-") as room:
        live, recording.facts = play(live_name(asked), camera, node, Path(room))
    return live


def _judge_frames(
    path: Path,
    recording: Recording,
    wanted: Wanted,
    methods: list[Method],
    judge: Judge,
    look: Callable[[Instant, dict[str, np.ndarray]], Boxes],
    target: Path,
) -> None:
    """Judge all frames of one recording, and write the bag of the results."""
    for method in methods:
        method.reset()
    pending: list[dict[str, Row]] = []
    bad = 0
    with BagWriter(target) as bag, tqdm(desc=recording.name, unit="frame", disable=None) as bar:
        for instant in instants(path, wanted, recording.problems.append, bar.reset):
            bar.update()
            try:
                images, own = _answers(instant, methods)
                boxes = look(instant, images)
                done = list(judge.add(images, instant.clean))
            except InfraredError as error:
                bad += 1
                if bad == 1:
                    recording.problems.append(f"{instant.frame.name}: {error}")
                continue
            _write(bag, images, boxes, instant)
            _note(recording, instant)
            recording.boxes.append(boxes)
            for name, found in boxes.items():
                if name != LABELS:
                    own.setdefault(name, {})["detections"] = float(len(sure(found)))
            pending.append(own)
            _merge(recording, pending, done)
        _merge(recording, pending, list(judge.finish()))
        if bad > 1:
            recording.problems.append(f"{bad} frames cannot be restored and were left out")
        if not recording.rows:
            raise SourceError("no frame could be judged")
        if wanted.has_reference and not any("psnr" in rows[INPUT] for rows in recording.rows):
            raise SourceError("no frame could be compared with its clean one")
    recording.facts |= _gaps(recording, wanted)


def _gaps(recording: Recording, wanted: Wanted) -> dict[str, str]:
    """The numbers of frames without a method's answer, detections, labels or a clean frame."""
    of_frames = zip(recording.rows, recording.boxes, strict=True)
    there = [{*rows, *boxes, *([A_CLEAN_ONE] if "psnr" in rows[INPUT] else [])} for rows, boxes in of_frames]
    names = [*wanted.methods, *wanted.detection_topics]
    names += [LABELS] if wanted.labels or wanted.label_topic else []
    names += [A_CLEAN_ONE] if wanted.has_reference else []
    missing = {name: sum(name not in one for one in there) for name in names}
    return {f"frames without {printable(name)}": str(number) for name, number in missing.items() if number}


def _answers(instant: Instant, methods: list[Method]) -> tuple[dict[str, np.ndarray], dict[str, Row]]:
    """The frame by method, the input first, and the methods' own figures (latency, log-SNR)."""
    images, own = {INPUT: instant.frame.image}, {}
    for method in methods:
        answer = method(instant.frame.image)
        if answer is None:
            continue
        images[method.name] = answer.image
        own[method.name] = {"milliseconds": answer.milliseconds, "log_snr": answer.log_snr}
    for topic, image in instant.others.items():
        if image.shape != instant.frame.image.shape:
            raise SourceError(f"frames are {instant.frame.image.shape}, those of {topic} {image.shape}: not one size")
        images[topic] = image
    return images, own


def _found(instant: Instant, images: dict[str, np.ndarray], detector: Detector | None, counts: Counts) -> Boxes:
    """Detections in the frame of each method and of the detection topics, and the labels, if known."""
    boxes = dict(instant.found)
    if detector:
        boxes |= {name: detector.detect(image, PROTOCOL, counts)[:MOST] for name, image in images.items()}
    return boxes if instant.labels is None else boxes | {LABELS: instant.labels}


def _note(recording: Recording, instant: Instant) -> None:
    image, stamp = instant.frame.image, instant.frame.stamp_ns
    recording.shape, recording.dtype = image.shape, image.dtype.name
    recording.stamps.append(stamp)
    recording.seconds.append((stamp - recording.stamps[0]) / 1e9)


def _merge(recording: Recording, pending: list[dict[str, Row]], done: list[dict[str, Row]]) -> None:
    for rows in done:
        own = pending.pop(0)
        recording.rows.append({name: rows.get(name, {}) | own.get(name, {}) for name in rows | own})


def _write(bag: BagWriter, images: dict[str, np.ndarray], boxes: Boxes, instant: Instant) -> None:
    stamp = instant.frame.stamp_ns
    everything = images | ({CLEAN: instant.clean} if instant.clean is not None else {})
    try:
        for name, image in everything.items():
            bag.write_image(result_topic(name), image, stamp, FRAME_ID)
        for name, found in boxes.items():
            message = detections_message(sure(found), stamp, FRAME_ID)
            bag.write(f"{result_topic(name)}/detections", DETECTIONS, stamp, message)
    except SourceError as error:
        raise CannotWrite(str(error)) from error
