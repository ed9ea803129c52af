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

"""The run behind the demo: camera, restore_node and recorder as three processes, and a table of the results."""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from infrared_ir_ros.commands.demo_report import (
    CLEAN,
    RESTORED,
    read_figures,
    rows,
    write_moments,
    write_picture,
)
from infrared_ir_ros.commands.node_settings import node_settings
from infrared_ir_ros.errors import InfraredError, OptionError, SourceError
from infrared_ir_ros.media import Source, open_source
from infrared_ir_ros.restoration import load_restorer
from infrared_ir_ros.ros.filming import DIAGNOSTICS, IMAGE, PATIENCE, film

FASTEST = 20.0  # frames per second
SHARE = 0.5  # of the time is for the restorer; the camera and the recorder need some, too
SCENE_SHAPE = (256, 320)
RAW_CAMERA = {"encoding": "mono8", "degradation": "raw_core", "motion": "drive"}  # without any calibration, on a car
IMAGE_TYPE, DIAGNOSTICS_TYPE = "sensor_msgs/msg/Image", "diagnostic_msgs/msg/DiagnosticArray"


def run_demo(source: str, output: Path, seconds: float) -> None:
    """Run the demo and print its table. Raises InfraredError."""
    if not 0 < seconds < math.inf:
        raise OptionError(f"--seconds is {seconds}: use a number above 0")
    try:
        (output / "log").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(f"cannot write into {output}: {error.strerror}; choose another --output") from error
    opened = open_source(source) if source else None
    rate = _sustainable_rate(_first_frame(opened) if opened else None)
    wanted = rate * seconds
    frames = max(round(min(wanted, (opened and opened.frame_count) or wanted)), 2)
    what = source or "a drive with a raw, uncalibrated core (procedural)"
    print(f"filming {what} at {rate:.1f} Hz for {frames / rate:.0f} s", flush=True)
    try:
        with tempfile.TemporaryDirectory(dir=output, prefix=".run.") as room:
            bag = Path(room) / "bag"
            _run(source, rate, frames, bag, output / "log")
            figures = read_figures(bag, frames)
            if not figures.pictures:
                counted = ", ".join(f"{name} {value}" for name, value in rows(figures))
                raise InfraredError(f"no frame was restored ({counted}); see {output / 'log' / 'restore_node.txt'}")
            _replace(bag, output / "bag", Path(room) / "old")
    except OSError as error:
        raise SourceError(f"cannot write into {output}: {error.strerror or error}; choose another --output") from error
    write_picture(output / "before_after.png", figures)
    width = max(len(name) for name, _ in rows(figures))
    for name, value in rows(figures):
        print(f"  {name:<{width}}  {value}")
    written = [output / "bag", output / "before_after.png"]
    if not source:
        written.append(output / "raw_camera.png")
        write_moments(written[-1], figures)
    print(f"written: {', '.join(str(path) for path in written)}")


def _first_frame(source: Source) -> np.ndarray:
    frame = next(iter(source), None)
    if frame is None:
        raise SourceError(f"{source.name} holds no readable frame")
    return frame.image


def _sustainable_rate(frame: np.ndarray | None) -> float:
    """Frames per second that this machine can restore with time to spare."""
    if frame is None:
        frame = np.random.default_rng(0).integers(0, 256, SCENE_SHAPE, dtype=np.uint8)
    restorer = load_restorer()
    restorer.warm_up(*frame.shape)
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        restorer.restore(frame)
        times.append(time.perf_counter() - begin)
    return round(min(FASTEST, SHARE / statistics.median(times)), 1) or 0.1


def _run(source: str, rate: float, frames: int, bag: Path, logs: Path) -> None:
    """Run the processes until the bag is complete. Raises InfraredError when one fails."""
    topics = [f"{topic}:{IMAGE_TYPE}" for topic in (IMAGE, RESTORED)] + [f"{DIAGNOSTICS}:{DIAGNOSTICS_TYPE}"]
    camera: dict[str, object] = {"rate": rate, "frames": frames}
    # the first frame waits until the network is prepared for its size, which takes a busy machine long
    node: dict[str, object] = {"max_age_ms": 60000.0}
    if source:
        camera["source"] = str(Path(source).absolute())
    else:
        topics.append(f"{CLEAN}:{IMAGE_TYPE}")
        height, width = SCENE_SHAPE
        camera |= RAW_CAMERA | {"height": height, "width": width}
        node["pattern_memory"] = "on"
    film(node_settings(camera), node_settings(node), topics, bag, logs, frames / rate + PATIENCE)


def _replace(new: Path, target: Path, aside: Path) -> None:
    """Move the folder `new` to `target`, and an earlier one there to `aside`."""
    if target.exists():
        os.rename(target, aside)
    os.rename(new, target)
