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

"""The run behind make_bag: opens the input and writes the bag."""

from __future__ import annotations

import itertools
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from infrared_ir_ros.errors import OptionError, SourceError
from infrared_ir_ros.media import open_source
from infrared_ir_ros.media.bag_writer import BagWriter
from infrared_ir_ros.media.frames import DEFAULT_FRAME_RATE
from infrared_ir_ros.simulation.camera import SCENE_RATE, Degrader, Shot, boxes_json, film_recording, film_scene
from infrared_ir_ros.simulation.scene import ThermalScene

SCENE = "scene"
SCENE_FRAMES = 300


@dataclass(frozen=True)
class Take:
    """The frames to write. rate: Hz; 0: the shots' own stamps. total: number of shots, if known; a file may claim a
    wrong one. problems: unreadable parts that were met so far."""

    shots: Iterator[Shot]
    rate: float
    total: int | None
    scene: ThermalScene | None
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Form:
    """How shots are written. topic: of the images; camera_info and truth are its neighbours. compressed: as png, to
    TOPIC/compressed. Raises OptionError for a topic that is not an absolute name."""

    topic: str
    frame_id: str
    compressed: bool

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(/[A-Za-z_][A-Za-z0-9_]*)+", self.topic):
            raise OptionError(f"--topic is {self.topic!r}: use an absolute topic name such as /ir/image")

    @property
    def neighbours(self) -> str:
        return self.topic.rpartition("/")[0]


def film(
    input: str,
    input_topic: str,
    rate: float,
    frames: int,
    encoding: str,
    degradation: str,
    shape: tuple[int, int],
    seed: int,
) -> Take:
    """Open the input: the scene, of (height, width) `shape`, or files. Raises InfraredError."""
    if not 0 <= rate <= 1000:
        raise OptionError(f"--rate is {rate}: use 0 (the input's own) to 1000 frames per second")
    if frames < 0:
        raise OptionError(f"--frames is {frames}: use 0 (all) or more")
    degrader = Degrader(degradation, seed)
    if input == SCENE:
        scene, rate = ThermalScene(seed, *shape), rate or SCENE_RATE
        frames = frames or SCENE_FRAMES
        return Take(itertools.islice(film_scene(scene, encoding, rate, degrader), frames), rate, frames, scene)
    problems: list[str] = []

    def note(problem: str) -> None:
        problems.append(problem)
        tqdm.write(f"make_bag: {problem}", file=sys.stderr)

    source = open_source(input, input_topic, rate or DEFAULT_FRAME_RATE, note)
    shots = itertools.islice(film_recording(source, degrader), frames or None)
    return Take(shots, rate, frames or source.frame_count or None, None, problems)


def write_bag(take: Take, output: Path, storage: str, form: Form) -> int:
    """Write the shots with rising stamps; returns their number.

    Raises SourceError, and writes no bag, if there are none, or if `output` exists or cannot be written.
    """
    start, last, count = time.time_ns(), 0, 0
    with BagWriter(output, storage) as bag:
        for shot in tqdm(take.shots, total=take.total, unit="frame", disable=None):
            stamp = round(count * 1e9 / take.rate) if take.rate else shot.stamp_ns
            stamp = max(stamp if stamp > 10**18 else start + stamp, last + 1)  # sources without a clock begin at 0
            _write_shot(bag, shot, stamp, form, take.scene)
            last, count = stamp, count + 1
        if count == 0:
            raise SourceError("the input holds no readable frame: no bag was written")
    return count


def _write_shot(bag: BagWriter, shot: Shot, stamp: int, form: Form, scene: ThermalScene | None) -> None:
    beside, frame_id = form.neighbours, form.frame_id
    if form.compressed:
        bag.write_compressed(f"{form.topic}/compressed", shot.image, stamp, frame_id)
    else:
        bag.write_image(form.topic, shot.image, stamp, frame_id)
    focal, centre = (scene.view.focal, (scene.view.centre, scene.view.horizon)) if scene else (0.0, (0.0, 0.0))
    bag.write_camera_info(f"{beside}/camera_info", shot.image.shape, stamp, frame_id, focal, centre)
    if shot.clean is not shot.image or scene:
        bag.write_image(f"{beside}/truth/clean", shot.clean, stamp, frame_id)
    if shot.temperature is not None and shot.boxes is not None:
        bag.write_image(f"{beside}/truth/temperature", shot.temperature, stamp, frame_id)
        bag.write_text(f"{beside}/truth/boxes", boxes_json(shot.boxes, stamp, frame_id), stamp)
