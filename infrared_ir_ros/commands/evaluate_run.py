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

"""The run behind evaluate_bag: recording after recording, then the report; a bad recording does not stop the rest."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

import infrared_ir_ros
from infrared_ir_ros.commands.evaluate_pictures import choose_pictures
from infrared_ir_ros.errors import InfraredError, OptionError, SourceError
from infrared_ir_ros.evaluation.judge import Judge, Row, Yardsticks
from infrared_ir_ros.evaluation.methods import INPUT, Classical, Method, Ours
from infrared_ir_ros.evaluation.metrics import Distance
from infrared_ir_ros.evaluation.recordings import (
    CLEAN,
    Instant,
    Wanted,
    fingerprint,
    instants,
    recordings,
    result_topic,
)
from infrared_ir_ros.evaluation.report import Evaluation, Recording, write_report
from infrared_ir_ros.media.atomic import sync_folder, temporary_name, unwritable
from infrared_ir_ros.media.bag_writer import BagWriter
from infrared_ir_ros.media.paths import printable, safe_name
from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import load_restorer

MODES = ("offline", "replay")
LIVE = ("task", "tone", "strength", "smoothing", "pattern_memory")  # what the node is asked for, beside the counts


@dataclass(frozen=True)
class Asked:
    """What the command was asked for. network: keywords of load_restorer."""

    inputs: tuple[Path, ...]
    output: Path
    mode: str
    tasks: tuple[str, ...]
    chains: tuple[str, ...]
    wanted: Wanted
    options: Options
    network: dict[str, str]
    distance_every: int

    def __post_init__(self) -> None:
        wanted = self.wanted
        if self.mode not in MODES:
            raise OptionError(f"--mode is {self.mode!r}: use one of {', '.join(MODES)}")
        if not self.inputs:
            raise OptionError("no input is given: name bags, videos or folders")
        if self.mode == "replay" and (len(self.tasks) != 1 or self.chains):
            raise OptionError("--mode replay plays one task through the node: give one --task and no --classical")
        if sum(map(bool, (wanted.reference_topic, wanted.reference, wanted.degradation))) > 1:
            raise OptionError("use one of --reference-topic, --reference and --degradation")
        if wanted.frames < 0 or self.distance_every < 0 or wanted.tolerance_ns < 0:
            raise OptionError("--frames, --distance-every and --tolerance-ms may not be below 0")

    @property
    def preserves(self) -> bool:
        tone = self.options.tone
        return tone == "preserve" or (tone == "auto" and self.options.counts.mapping == "tlinear")


def evaluate(asked: Asked) -> int:
    """Judge all recordings and write the report; 0, or 1 if something was left out. Raises InfraredError: nothing
    could be judged, the output exists or cannot be written."""
    if asked.output.exists() or asked.output.is_symlink():
        raise SourceError(f"{printable(str(asked.output))} exists already: choose another name, or remove it")
    found = recordings(asked.inputs)
    room = temporary_name(asked.output)
    try:
        room.mkdir(parents=True)
        evaluation = _judge_all(found, asked, room)
        write_report(room, evaluation, choose_pictures(evaluation, room))
        os.rename(room, asked.output)
        sync_folder(asked.output.parent)
    except OSError as error:
        raise unwritable(asked.output, error) from error
    finally:
        shutil.rmtree(room, ignore_errors=True)
    problems = sum(len(one.problems) for one in evaluation.recordings)
    print(f"{len(evaluation.recordings)} of {len(found)} recordings evaluated: {asked.output / 'report.html'}")
    return 1 if evaluation.failed or problems else 0


def _judge_all(found: list[Path], asked: Asked, room: Path) -> Evaluation:
    methods = _methods(asked)
    yardsticks, notes = _yardsticks(asked)
    played = [_live_name(asked)] if asked.mode == "replay" else []
    names = [INPUT, *played, *(method.name for method in methods), *asked.wanted.methods]
    evaluation = Evaluation(names, _configuration(asked, methods), [], {}, notes)
    for number, path in enumerate(found):
        name = printable(path.name)
        name = name if name not in [one.name for one in evaluation.recordings] else f"{name} ({number})"
        recording = Recording(name, printable(str(path)), fingerprint(path))
        recording.bag = f"bags/{number:03d}_{safe_name(path.name)}"
        wanted = replace(asked.wanted, seed=asked.wanted.seed + number)
        try:
            if asked.mode == "replay":
                methods = [_play(path, recording, wanted, asked)]
            _judge(path, recording, wanted, methods, Judge(yardsticks), room / recording.bag)
        except CannotWrite:
            raise
        except InfraredError as error:
            evaluation.failed[name] = str(error)
            _tell(f"{name}: {error}")
            continue
        evaluation.recordings.append(recording)
        for problem in recording.problems:
            _tell(f"{name}: {problem}")
    if not evaluation.recordings:
        raise SourceError("no recording could be evaluated, and no report was written")
    return evaluation


class CannotWrite(SourceError):
    """The output cannot be written: the other recordings would fare no better."""


def _live_name(asked: Asked) -> str:
    return f"{asked.options.task} live"


def _play(path: Path, recording: Recording, wanted: Wanted, asked: Asked) -> Method:
    """The recording through the live node; what the node counted goes into `recording`."""
    from infrared_ir_ros.commands.evaluate_replay import play  # ROS is needed only here

    camera: dict[str, object] = {"source": str(path.absolute()), "topic": wanted.topic, "frames": wanted.frames}
    camera |= {"degradation": wanted.degradation or "clean", "seed": wanted.seed}
    node: dict[str, object] = {**asked.network}
    node |= {name: getattr(asked.options, name) for name in LIVE}
    counts = asdict(asked.options.counts)
    node |= {f"counts.{name}": float(value) if name != "mapping" else value for name, value in counts.items()}
    with tempfile.TemporaryDirectory(prefix="infrared-replay-") as room:
        live, recording.facts = play(_live_name(asked), camera, node, Path(room))
    _tell(f"{recording.name}: " + ", ".join(f"{name} {value}" for name, value in recording.facts.items()))
    return live


def _judge(path: Path, recording: Recording, wanted: Wanted, methods: list[Method], judge: Judge, target: Path) -> None:
    """All frames of one recording, and the bag of the results."""
    for method in methods:
        method.reset()
    pending: list[dict[str, Row]] = []
    bad = 0
    with BagWriter(target) as bag:
        for instant in tqdm(
            instants(path, wanted, recording.problems.append), desc=recording.name, unit="frame", disable=None
        ):
            try:
                images, own = _answers(instant, methods)
                done = list(judge.add(images, instant.clean))
            except InfraredError as error:
                bad += 1
                if bad == 1:
                    recording.problems.append(f"{instant.frame.name}: {error}")
                continue
            _write(bag, images, instant)
            _note(recording, instant)
            pending.append(own)
            _merge(recording, pending, done)
        _merge(recording, pending, list(judge.finish()))
        if bad > 1:
            recording.problems.append(f"{bad} frames cannot be restored and were left out")
        if not recording.rows:
            raise SourceError("no frame could be judged: " + "; ".join(recording.problems))


def _answers(instant: Instant, methods: list[Method]) -> tuple[dict[str, np.ndarray], dict[str, Row]]:
    """The frame by method, the input first, and what the methods say of themselves."""
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


def _note(recording: Recording, instant: Instant) -> None:
    image, stamp = instant.frame.image, instant.frame.stamp_ns
    recording.shape, recording.dtype = image.shape, image.dtype.name
    recording.stamps.append(stamp)
    recording.seconds.append((stamp - recording.stamps[0]) / 1e9)


def _merge(recording: Recording, pending: list[dict[str, Row]], done: list[dict[str, Row]]) -> None:
    for rows in done:
        own = pending.pop(0)
        recording.rows.append({name: row | own.get(name, {}) for name, row in rows.items()})


def _write(bag: BagWriter, images: dict[str, np.ndarray], instant: Instant) -> None:
    everything = images | ({CLEAN: instant.clean} if instant.clean is not None else {})
    try:
        for name, image in everything.items():
            bag.write_image(result_topic(name), image, instant.frame.stamp_ns, "evaluation")
    except SourceError as error:
        raise CannotWrite(str(error)) from error


def _methods(asked: Asked) -> list[Method]:
    if asked.mode == "replay":
        return []
    chains: list[Method] = [Classical(chain, asked.preserves) for chain in dict.fromkeys(asked.chains)]
    ours: list[Method] = []
    for task in dict.fromkeys(asked.tasks):
        options = replace(asked.options, task=task)
        ours.append(Ours(task, load_restorer(**asked.network, options=options)))
    return ours + chains


def _yardsticks(asked: Asked) -> tuple[Yardsticks, list[str]]:
    """And notes on figures that are not there."""
    kelvin = asked.options.counts.resolution if asked.options.counts.mapping == "tlinear" else 0.0
    if not (asked.wanted.reference_topic or asked.wanted.reference or asked.wanted.degradation):
        return Yardsticks(kelvin, asked.preserves), [
            "No clean frames were given: the figures say how the frames look, not whether they are true."
        ]
    distances, notes = dict(_distances()) if asked.distance_every else {}, []
    if asked.distance_every and len(distances) < 2:
        notes.append("MS-SSIM needs torchmetrics, ST-LPIPS stlpips-pytorch: what is missing was left out.")
    return Yardsticks(kelvin, asked.preserves, distances, max(asked.distance_every, 1)), notes


def _distances() -> Iterator[tuple[str, Distance]]:
    try:
        from infrared_ir_ros.training import ms_ssim, perceptual
    except ImportError:
        return  # without torch
    if ms_ssim.is_installed():
        yield "ms_ssim", ms_ssim.ms_ssim
    if perceptual.is_installed():
        yield "st_lpips", perceptual.st_lpips().distance


def _configuration(asked: Asked, methods: list[Method]) -> dict[str, str]:
    """What was asked, and the versions and hashes of what answered; as text."""
    shown = {"version": getattr(infrared_ir_ros, "__version__", ""), "mode": asked.mode}
    shown |= {"inputs": ", ".join(printable(str(path)) for path in asked.inputs)}
    shown |= {name: str(value) for name, value in asdict(asked.wanted).items() if value}
    shown |= {name: str(value) for name, value in asdict(asked.options).items() if name not in ("task", "counts")}
    shown |= {f"counts.{name}": str(value) for name, value in asdict(asked.options.counts).items()}
    for method in methods:
        if isinstance(method, Ours):
            shown[f"method {method.name}"] = ", ".join(f"{k} {v}" for k, v in method.restorer.description.items() if v)
        else:
            shown[f"method {method.name}"] = "classical chain"
    if prompts := asked.network["prompts"]:
        shown["prompts"] = f"{prompts}, SHA-256 {fingerprint(Path(prompts))}"
    return {name: value for name, value in shown.items() if value}


def _tell(text: str) -> None:
    tqdm.write(f"evaluate_bag: {text}", file=sys.stderr)
