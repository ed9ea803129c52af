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

"""The run behind restore_images: restores each file; bad ones are skipped."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from infrared_ir_ros.commands.restore_plan import LOSSLESS_VIDEO, Job, check_output, plan
from infrared_ir_ros.commands.two_passes import learn_patterns
from infrared_ir_ros.errors import FrameError, InfraredError, OptionError, SourceError
from infrared_ir_ros.media import PictureFolder, Source, VideoWriter, read_image, write_image
from infrared_ir_ros.media.paths import printable
from infrared_ir_ros.records import Counts, Options
from infrared_ir_ros.restoration import Restorer, load_restorer
from infrared_ir_ros.restoration.counts import checked
from infrared_ir_ros.restoration.pattern import Camera, SavedPattern, read_pattern
from infrared_ir_ros.restoration.repeats import without_repeats
from infrared_ir_ros.restoration.stillness import StillnessWatch


def restore_files(
    input: Path,
    output: Path,
    options: Options,
    network: dict[str, str],
    passes: int = 1,
    format: str = "auto",
    topic: str = "",
    pattern_file: str = "",
) -> int:
    """Restore the files at `input` into the folder `output`.

    network: keywords of load_restorer. passes: over each video, 1 or 2. format, topic: of videos and of bags, as in
    `restore_images`. pattern_file: saved pattern of the camera, "" if unknown.

    Returns 0, or 1 if a file failed. Raises InfraredError before anything is restored, and KeyboardInterrupt with a
    summary.
    """
    jobs = plan(input, output, format, topic)
    if passes == 2 and pattern_file:
        raise OptionError("--passes 2 learns the pattern that --pattern-file holds: use one of them")
    saved = read_pattern(Path(pattern_file)) if pattern_file else None
    if passes == 2 or saved:
        options = replace(options, pattern_memory="on")
    check_output(output)
    restorer = load_restorer(**network, options=options)
    tally = _Tally(len(jobs), output)
    try:
        _restore_all(jobs, restorer, options, passes, saved, tally)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"({tally})") from None
    print(tally)
    return 1 if tally.failed or tally.problems else 0


@dataclass
class _Tally:
    files: int
    output: Path
    done: int = 0
    failed: int = 0
    problems: int = 0  # videos that were restored in part
    replaced: int = 0  # files and folders that existed before
    told: bool = False  # whether the user was warned that counts do not fit

    def look(self, label: str, counts: Counts, frame: np.ndarray) -> None:
        """Warn once if frames do not fit the bounds of counts; they are restored all the same."""
        if not self.told and (misfit := counts.misfit(frame)):
            self.told = True
            _tell(f"{label}: {misfit}")

    def __str__(self) -> str:
        incomplete = f", {self.problems} incomplete" if self.problems else ""
        replaced = f" ({self.replaced} in place of earlier ones)" if self.replaced else ""
        return (
            f"{self.done} restored{replaced}, {self.failed} failed{incomplete} of {self.files} files, in {self.output}"
        )


def _restore_all(
    jobs: list[Job], restorer: Restorer, options: Options, passes: int, saved: SavedPattern | None, tally: _Tally
) -> None:
    """Do all jobs; a bad one is reported and counted, an output that cannot be written ends the run."""
    with tqdm(
        total=sum(job.frames * (passes if job.is_video else 1) for job in jobs), unit="frame", disable=None
    ) as bar:
        try:
            for job in jobs:
                bar.set_postfix_str(job.label, refresh=False)
                restorer.reset()
                look = partial(tally.look, job.label, options.counts)
                restorer.options = options if job.is_video or saved else replace(options, pattern_memory="off")
                is_there = job.target.exists()
                try:
                    if job.is_video:
                        incomplete = _restore_video(job, restorer, passes, saved, bar, look)
                    else:
                        incomplete = _restore_picture(job, restorer, saved, look)
                    tally.done, tally.problems = tally.done + 1, tally.problems + incomplete
                    tally.replaced += is_there
                except _CannotWrite:
                    raise
                except InfraredError as error:
                    tally.failed += 1
                    _tell(f"{job.label}: {error}")
                bar.update(0 if job.is_video else 1)
        except _CannotWrite as error:
            tally.failed += 1
            _tell(f"{error} (stopped)")


class _CannotWrite(SourceError):
    """The output cannot be written: the other files would fail, too."""


def _restore_picture(
    job: Job, restorer: Restorer, saved: SavedPattern | None, look: Callable[[np.ndarray], None]
) -> bool:
    frame = read_image(job.source)
    look(frame)
    if saved:
        _check(saved, [frame])
        restorer.patterns.resume(saved, learn=False)
    restored = restorer.restore(frame).image
    try:
        write_image(job.target, restored)
    except SourceError as error:
        raise _CannotWrite(str(error)) from error
    return False


def _check(saved: SavedPattern, frames: Iterable[np.ndarray]) -> None:
    """Raises SourceError if frames are of another size or depth than those of the pattern's camera."""
    for frame in frames:
        with suppress(FrameError):  # a closed shutter does not identify a camera
            return saved.check(Camera.of(without_repeats(checked(frame))[0], saved.camera.name))


def _restore_video(
    job: Job,
    restorer: Restorer,
    passes: int,
    saved: SavedPattern | None,
    bar: tqdm,
    look: Callable[[np.ndarray], None],
) -> bool:
    """Restore a video, npz sequence or bag. Returns whether a part of it could not be read or restored."""
    known = learn_patterns(job.open(), bar.update) if passes == 2 else {}
    if saved:
        known = {0: saved}
        _check(saved, (frame.image for frame in job.open()))
    losses: list[str] = []
    source = job.open(losses.append)
    others = [name for name in getattr(source, "image_topics", ()) if not job.topic]
    if len(others) > 1:
        _tell(f"{job.label}: restores {printable(others[0])} of the image topics {printable(', '.join(others))}")
    as_video = job.target.suffix.lower() in LOSSLESS_VIDEO
    with VideoWriter(job.target, source.frame_rate) if as_video else PictureFolder(job.target) as video:
        for image in _restored(job, source, restorer, known, losses, look):
            if as_video and image.dtype == np.float32:
                raise SourceError("a video cannot hold float32 pixels: use --format png, which writes tiff for these")
            try:
                video.write(image)
            except SourceError as error:
                raise _CannotWrite(str(error)) from error
            bar.update()
    for loss in losses:
        _tell(f"{job.label}: {loss}")
    return bool(losses)


def _restored(
    job: Job,
    source: Source,
    restorer: Restorer,
    known: dict[int, SavedPattern],
    losses: list[str],
    look: Callable[[np.ndarray], None],
) -> Iterator[np.ndarray]:
    """The frames of a video, restored; those that cannot be restored are unchanged, and reported in `losses`.

    known, look: see `_attempts`. Raises SourceError if none can be restored.
    """
    bad: list[str] = []
    count = 0
    for count, (image, why) in enumerate(_attempts(source, restorer, known, look), 1):
        if why:
            bad.append(why)
        elif 0 < len(bad) == count - 1:  # unrestored frames are held back until one is restored: without any we raise
            yield from _first(job, len(bad))
        if len(bad) < count:
            yield image
    if len(bad) == count:
        raise SourceError(f"no frame can be restored: {bad[0]}" if bad else "it holds no readable frame")
    if bad:
        losses.append(f"{len(bad)} frames cannot be restored and are unchanged: {bad[0]}")


def _attempts(
    source: Source, restorer: Restorer, known: dict[int, SavedPattern], look: Callable[[np.ndarray], None]
) -> Iterator[tuple[np.ndarray, str]]:
    """Each frame restored, with an empty text; or unchanged, with the reason.

    known: pattern by number of the first frame it is for. look: called with every frame before it is restored.
    """
    watch = StillnessWatch()
    for number, frame in enumerate(source):
        if watch.shutter(frame.image, frame.stamp_ns / 1e9):
            restorer.reset()
        if number in known:
            restorer.patterns.resume(known[number], learn=False)
        look(frame.image)
        try:
            yield restorer.restore(frame.image).image, ""
        except FrameError as error:
            yield frame.image, str(error)


def _first(job: Job, count: int) -> Iterator[np.ndarray]:
    """The first `count` frames of a source, read again, so that they need not be kept in memory."""
    yield from (frame.image for frame in islice(job.open(), count))


def _tell(text: str) -> None:
    tqdm.write(f"restore_images: {text}", file=sys.stderr)
