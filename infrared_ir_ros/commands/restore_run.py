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

"""Restores pictures and videos: the same model and options as the node's, from files to files."""

from __future__ import annotations

import inspect
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import cyclopts
from tqdm import tqdm

from infrared_ir_ros.commands.restore_plan import Job, check_output, plan
from infrared_ir_ros.errors import InfraredError, SourceError
from infrared_ir_ros.media import PictureFolder, VideoWriter, open_source, read_image, write_image
from infrared_ir_ros.records import Counts, Options
from infrared_ir_ros.restoration import Restorer, load_restorer

_LOAD = {name: parameter.default for name, parameter in inspect.signature(load_restorer).parameters.items()}


def restore_images(
    input: Path,
    *,
    output: Path,
    task: str = Options.task,
    tone: str = Options.tone,
    strength: float = Options.strength,
    smoothing: float = Options.smoothing,
    counts_mapping: str = Counts.mapping,
    counts_minimum: float = Counts.minimum,
    counts_maximum: float = Counts.maximum,
    counts_resolution: float = Counts.resolution,
    prior: str = _LOAD["prior"],
    prior_path: str = _LOAD["prior_path"],
    engine: str = _LOAD["engine"],
    device: str = _LOAD["device"],
    precision: str = _LOAD["precision"],
) -> int:
    """Restore thermal pictures (png, jpg, tiff, bmp) and videos, a file or a folder with all that is below it.

    The output keeps name, relative folder and bit depth, and loses nothing: jpg becomes png, videos and npz sequences
    become FFV1 (.mkv, .avi) or, where OpenCV cannot write that, a folder of png. Exit code 1 if a file failed.

    Parameters
    ----------
    input
        File or folder.
    output
        Folder for the restored files; may not hold the input files themselves.
    task
        What the frames are restored for: a task that the prior knows.
    tone
        restore undoes loss of contrast and brightness, preserve keeps level and contrast, auto preserves temperatures
        (counts mapping tlinear) and restores otherwise.
    strength
        Mix of input (0) and restored frame (1).
    smoothing
        Weight of the past in the estimates of a video, 0 to 0.99.
    counts_mapping
        How counts map to the range that the network sees: fixed, percentile, tlinear, auto.
    counts_minimum
        Counts that map to 0 when the mapping is fixed.
    counts_maximum
        Counts that map to 1 when the mapping is fixed.
    counts_resolution
        Kelvin per count of tlinear input: 0.01 or 0.1.
    prior
        The network: embedded ships with the package.
    prior_path
        Folder of the prior's weights; empty: those of the package.
    engine
        What runs the network: auto, onnxruntime, openvino, torch.
    device
        Where it runs: auto, cpu, cuda.
    precision
        Numbers that it computes with: auto, fp32, fp16, bf16.
    """
    try:
        jobs = plan(input, output)
        check_output(output)
        counts = Counts(counts_mapping, counts_minimum, counts_maximum, resolution=counts_resolution)
        options = Options(task, tone, strength, smoothing, counts)
        restorer = load_restorer(prior, prior_path, engine, device, precision, options)
    except InfraredError as error:
        _tell(str(error))
        return 1
    except KeyboardInterrupt:
        _tell("interrupted before the first file")
        return 130
    return _restore_all(jobs, restorer, output)


@dataclass
class _Tally:
    done: int = 0
    failed: int = 0
    problems: int = 0  # of videos that went through with a loss

    def __str__(self) -> str:
        return f"{self.done} restored, {self.failed} failed" + (
            f", {self.problems} incomplete" if self.problems else ""
        )


def _restore_all(jobs: list[Job], restorer: Restorer, output: Path) -> int:
    """Job after job; a bad one is told and counted, an output that cannot be written ends the run."""
    tally = _Tally()
    with tqdm(total=sum(job.frames for job in jobs), unit="frame", disable=None) as bar:
        try:
            for job in jobs:
                bar.set_postfix_str(job.label, refresh=False)
                restorer.reset()
                try:
                    incomplete = _restore_video(job, restorer, bar) if job.is_video else _restore_picture(job, restorer)
                    tally.done, tally.problems = tally.done + 1, tally.problems + incomplete
                except _CannotWrite:
                    raise
                except InfraredError as error:
                    tally.failed += 1
                    _tell(f"{job.label}: {error}")
                bar.update(0 if job.is_video else 1)
        except _CannotWrite as error:
            tally.failed += 1
            _tell(f"{error} (stopped)")
        except KeyboardInterrupt:
            _tell(f"interrupted: {tally} of {len(jobs)} files, in {output}")
            return 130
    print(f"{tally} of {len(jobs)} files, in {output}")
    return 1 if tally.failed or tally.problems else 0


class _CannotWrite(SourceError):
    """The output cannot be written: the other files would fare no better."""


def _restore_picture(job: Job, restorer: Restorer) -> bool:
    restored = restorer.restore(read_image(job.source)).image
    try:
        write_image(job.target, restored)
    except SourceError as error:
        raise _CannotWrite(str(error)) from error
    return False


def _restore_video(job: Job, restorer: Restorer, bar: tqdm) -> bool:
    """Restore a video or npz sequence; returns whether a part of it could not be read."""
    losses: list[str] = []
    source = open_source(job.source, report=losses.append)
    number = 0
    with VideoWriter(job.target, source.frame_rate) if job.target.suffix else PictureFolder(job.target) as video:
        for frame in source:
            restored = restorer.restore(frame.image).image
            try:
                video.write(restored)
            except SourceError as error:
                raise _CannotWrite(str(error)) from error
            number += 1
            bar.update()
        if number == 0:
            raise SourceError("it holds no frame that can be read")
    for loss in losses:
        _tell(f"{job.label}: {loss}")
    return bool(losses)


def _tell(text: str) -> None:
    tqdm.write(f"restore_images: {text}", file=sys.stderr)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Entry point `restore_images`."""
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(cyclopts.run(restore_images))


if __name__ == "__main__":
    main()
