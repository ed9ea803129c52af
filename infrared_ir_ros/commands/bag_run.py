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

"""Makes a bag of pictures, a video, another bag, or the camera's scene."""

from __future__ import annotations

import itertools
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cyclopts
from tqdm import tqdm

from infrared_ir_ros.errors import InfraredError, OptionError, SourceError
from infrared_ir_ros.media import Source, open_source
from infrared_ir_ros.media.bag_writer import BagWriter
from infrared_ir_ros.media.frames import DEFAULT_FRAME_RATE
from infrared_ir_ros.simulation.camera import SCENE_RATE, Degrader, Shot, boxes_json, film_recording, film_scene
from infrared_ir_ros.simulation.scene import ThermalScene

SCENE = "scene"
SCENE_FRAMES = 300


def make_bag(
    input: str,
    *,
    output: Path,
    storage: str = "mcap",
    rate: float = 0.0,
    encoding: str = "mono16",
    degradation: str = "clean",
    frames: int = 0,
    compressed: bool = False,
    topic: str = "/ir/image",
    frame_id: str = "thermal_optical_frame",
    input_topic: str = "",
    width: int = 640,
    height: int = 512,
    seed: int = 0,
) -> int:
    """Make a rosbag2 bag of thermal frames, with camera_info beside them.

    Stock `ros2 bag play` and `rosbags` read it. Of the scene it also holds truth/clean, truth/temperature and
    truth/boxes, beside the image topic; of degraded frames truth/clean.

    Parameters
    ----------
    input
        Folder of pictures, picture, video, npz sequence or bag; or the word `scene`.
    output
        The bag's folder; must not exist.
    storage
        mcap or sqlite3.
    rate
        Frames a second; 0: the input's own.
    encoding
        Of the scene: mono16 (TLinear, 0.01 K a count) or mono8; other inputs keep their own.
    degradation
        What becomes of the frames: clean, or a preset such as sensor_normal or hm_tir_hard.
    frames
        Stop after so many; 0: all of the input, 300 of the scene.
    compressed
        Write sensor_msgs/CompressedImage (lossless png) to TOPIC/compressed in place of sensor_msgs/Image.
    topic
        Image topic; camera_info and truth are its neighbours.
    frame_id
        Of every header.
    input_topic
        Image topic of an input bag; empty: the first.
    width
        Of the scene, pixels.
    height
        Of the scene, pixels.
    seed
        Of the scene and of the degradation.
    """
    try:
        _check(topic, rate, frames)
        degrader = Degrader(degradation, seed)
        if input == SCENE:
            scene: ThermalScene | None = ThermalScene(seed, height, width)
            rate = rate or SCENE_RATE
            shots, total = film_scene(scene, encoding, rate, degrader), frames or SCENE_FRAMES
        else:
            scene = None
            source = open_source(input, input_topic, rate or DEFAULT_FRAME_RATE, _tell)
            shots, total = film_recording(source, degrader), _total(source, frames)
        with BagWriter(output, storage) as bag:
            count = _fill(bag, itertools.islice(shots, total), rate, total, topic, frame_id, compressed, scene)
    except InfraredError as error:
        _tell(str(error))
        return 1
    except KeyboardInterrupt:
        _tell("interrupted: no bag was written")
        return 130
    print(f"{count} frames in {output}")
    return 0


def _check(topic: str, rate: float, frames: int) -> None:
    if not re.fullmatch(r"(/[A-Za-z_][A-Za-z0-9_]*)+", topic):
        raise OptionError(f"--topic is {topic!r}: use an absolute topic name such as /ir/image")
    if not 0 <= rate <= 1000:
        raise OptionError(f"--rate is {rate}: use 0 (the input's own) to 1000 frames a second")
    if frames < 0:
        raise OptionError(f"--frames is {frames}: use 0 (all) or more")


def _total(source: Source, frames: int) -> int | None:
    """How many frames will come, as far as it is known."""
    return frames or source.frame_count or None


def _fill(
    bag: BagWriter,
    shots: Iterator[Shot],
    rate: float,
    total: int | None,
    topic: str,
    frame_id: str,
    compressed: bool,
    scene: ThermalScene | None,
) -> int:
    """Write shot after shot, with rising stamps; returns their number. SourceError if there are none."""
    beside = topic.rpartition("/")[0]
    start, last, count = time.time_ns(), 0, 0
    for shot in tqdm(shots, total=total, unit="frame", disable=None):
        stamp = round(count * 1e9 / rate) if rate else shot.stamp_ns
        stamp = max(stamp if stamp > 10**18 else start + stamp, last + 1)  # sources without a clock begin at 0
        if compressed:
            bag.write_compressed(f"{topic}/compressed", shot.image, stamp, frame_id)
        else:
            bag.write_image(topic, shot.image, stamp, frame_id)
        view = scene.view if scene else None
        centre = (view.centre, view.horizon) if view else (0.0, 0.0)
        shape = shot.image.shape
        bag.write_camera_info(f"{beside}/camera_info", shape, stamp, frame_id, view.focal if view else 0.0, centre)
        if shot.clean is not shot.image or scene:
            bag.write_image(f"{beside}/truth/clean", shot.clean, stamp, frame_id)
        if shot.temperature is not None and shot.boxes is not None:
            bag.write_image(f"{beside}/truth/temperature", shot.temperature, stamp, frame_id)
            bag.write_text(f"{beside}/truth/boxes", boxes_json(shot.boxes, stamp, frame_id), stamp)
        last, count = stamp, count + 1
    if count == 0:
        raise SourceError("the input holds no frame that can be read: no bag was written")
    return count


def _tell(text: str) -> None:
    tqdm.write(f"make_bag: {text}", file=sys.stderr)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Entry point `make_bag`."""
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(cyclopts.run(make_bag))


if __name__ == "__main__":
    main()
