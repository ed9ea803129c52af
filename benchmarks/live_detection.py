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

"""Detections of the running node against the camera's truth, before and after restoration.

python benchmarks/live_detection.py
python benchmarks/live_detection.py --sets hit-uav --presets sensor_hard     only some; other results are kept

Camera, node (`detect_on: both`) and recorder are processes. The camera plays the labelled test frames of HIT-UAV or
films the procedural street, whose boxes are known, and degrades them by a preset. Only frames for which both detections
arrived count. The table goes into docs/detections.md.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from _common import FOLDER, fill_marked, markdown_table, measured_before, write_result

from infrared_ir_ros.commands.demo import stay_apart
from infrared_ir_ros.commands.node_settings import node_settings
from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.detection.tracks import overlaps
from infrared_ir_ros.evaluation.detecting import LABELS, Boxes, precision, sure
from infrared_ir_ros.evaluation.labels import LabelFolder
from infrared_ir_ros.evaluation.methods import INPUT
from infrared_ir_ros.evaluation.testsets import data_folder
from infrared_ir_ros.media import open_source
from infrared_ir_ros.media.detections import DetectionTopic
from infrared_ir_ros.records import Detection
from infrared_ir_ros.restoration.weights import find_prior

HIT_UAV, SCENE = "hit-uav", "scene"
CLASSES = ("person", "car", "bicycle", "other_vehicle")
PRESETS = ("clean", "sensor_normal", "sensor_hard")
RESTORED = "restored"
METHODS = (INPUT, RESTORED)
TOPICS = {INPUT: "/ir/detections/input", RESTORED: "/ir/detections"}
CLEAN, TRUTH = "/ir/truth/clean", "/ir/truth/boxes"
OVERLAP = 0.5
PAGE = FOLDER.parent / "docs" / "detections.md"


def live_detection(
    *, sets: tuple[str, ...] = (HIT_UAV, SCENE), presets: tuple[str, ...] = PRESETS, frames: int = 240,
    rate: float = 0.7, detector: str = "yolov8n", seed: int = 0,
) -> int:  # fmt: skip
    """Film, detect and compare; write results/live_detection.json after each run.

    Parameters
    ----------
    sets
        hit-uav, scene.
    presets
        Degradations.
    frames
        Number of frames.
    rate
        Frames per second: slow enough that this machine restores each and detects in it twice.
    detector
        Name or file of the detector.
    seed
        Seed of scene and degradation.
    """
    asked = {"frames sent": str(frames), "detector": detector, "prior": find_prior("embedded").version}
    figures = measured_before("live_detection", asked)
    for name in sets:
        for preset in presets:
            with tempfile.TemporaryDirectory() as room:
                bag = film_and_detect(name, preset, frames, rate, detector, seed, Path(room))
                answered = compared(name, bag)
            found = {"rate": rate} | summary(answered)
            figures |= {f"{name}.{preset}.{key}": round(value, 4) for key, value in found.items()}
            write_result("live_detection", figures, [seed], asked)
    print(table(figures))
    fill_marked(PAGE, "live", table(figures))
    return 0


def film_and_detect(name: str, preset: str, frames: int, rate: float, detector: str, seed: int, room: Path) -> Path:
    """Run the three processes; returns the recorded bag."""
    from infrared_ir_ros.ros.filming import IMAGE, film  # needs ROS, and the domain that was chosen

    camera = {"rate": rate, "frames": frames, "seed": seed, "degradation": preset}
    node = {"detector.model": detector, "detector.confidence": 0.01, "detector.track": False, "detect_on": "both"}
    node |= {"max_age_ms": 5000.0}
    if name == HIT_UAV:
        camera |= {"source": str(images()), "loop": True}
        node |= {"smoothing": 0.0}  # each is a frame of its own
    else:
        camera |= {"encoding": "mono8"}
    truth = f"{CLEAN}:sensor_msgs/msg/Image" if name == HIT_UAV else f"{TRUTH}:std_msgs/msg/String"
    topics = [f"{IMAGE}:sensor_msgs/msg/Image", truth, "/ir/label_info:vision_msgs/msg/LabelInfo"]
    topics += [f"{topic}:vision_msgs/msg/Detection2DArray" for topic in TOPICS.values()]
    bag = room / "bag"
    film(node_settings(camera), node_settings(node), topics, bag, room, frames / rate + 120)
    return bag


def images() -> Path:
    return data_folder() / "detection/hit-uav/test/images"


def truth_of(name: str, bag: Path) -> dict[int, tuple[Detection, ...]]:
    """The objects by stamp of the frame; frames of HIT-UAV are identified by their pixels."""
    if name == SCENE:
        return {seen.stamp_ns: seen.detections for seen in DetectionTopic(bag, TRUTH)}
    labels = LabelFolder(images().parent / "labels", "", CLASSES)
    known = {_mark(frame.image): labels.of(frame) or () for frame in open_source(images())}
    return {frame.stamp_ns: known[_mark(frame.image)] for frame in open_source(bag, CLEAN)}


def _mark(image: np.ndarray) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest()


def compared(name: str, bag: Path) -> list[Boxes]:
    """The truth and both detections of each frame that has both."""
    seen = {LABELS: truth_of(name, bag)}
    for method, topic in TOPICS.items():
        seen[method] = {each.stamp_ns: each.detections for each in DetectionTopic(bag, topic)}
        if name == SCENE:
            seen[method] = {stamp: _as_scene_names(found) for stamp, found in seen[method].items()}
    both = sorted(set.intersection(*map(set, seen.values())))
    return [{of: detections[stamp] for of, detections in seen.items()} for stamp in both]


def _as_scene_names(detections: Sequence[Detection]) -> tuple[Detection, ...]:
    """The street knows persons and vehicles."""
    return tuple(each if each.label == "person" else replace(each, label="vehicle") for each in detections)


def summary(frames: Sequence[Boxes]) -> dict[str, float]:
    """mAP50 and mAP50-95 by the COCO protocol with the ends of their intervals; precision and recall of sure ones."""
    figures = {"frames": float(len(frames)), "objects": float(sum(len(frame[LABELS]) for frame in frames))}
    for measure, means in precision(METHODS, frames).items():
        for method, mean in means.items():
            figures |= {f"{method}.{measure}": mean.mean, f"{method}.{measure}.low": mean.low}
            figures |= {f"{method}.{measure}.high": mean.high}
        gain = means[RESTORED]
        figures |= {f"gain.{measure}": gain.gain, f"gain.{measure}.low": gain.gain_low}
        figures |= {f"gain.{measure}.high": gain.gain_high}
    for method in METHODS:
        right = sum(hits(frame[LABELS], sure(frame[method])) for frame in frames)
        told = sum(len(sure(frame[method])) for frame in frames)
        figures |= {f"{method}.precision": right / max(told, 1), f"{method}.recall": right / max(figures["objects"], 1)}
    return figures


def hits(there: Sequence[Detection], found: Sequence[Detection]) -> int:
    """Number of right detections: in order of score, each takes the object of its label that it overlaps most."""
    left, right = list(there), 0
    for one in sorted(found, key=lambda each: -each.score):
        alike = [each for each in left if each.label == one.label]
        if not alike:
            continue
        shares = overlaps([one.box], [each.box for each in alike])[0]
        if shares.max() >= OVERLAP:
            left.remove(alike[int(shares.argmax())])
            right += 1
    return right


def table(figures: Mapping[str, float]) -> str:
    """The figures as Markdown text, in per cent."""
    header = [
        "camera",
        "degradation",
        "frames",
        "objects",
        "mAP50 before",
        "after",
        "gain",
        "precision, recall",
        "after",
    ]
    rows = []
    for key in (name.removesuffix(".objects") for name in figures if name.endswith(".objects")):
        of = {name.removeprefix(f"{key}."): value for name, value in figures.items() if name.startswith(f"{key}.")}
        maps = [_cell(of, f"{method}.map50", "{:.1f}") for method in METHODS] + [_cell(of, "gain.map50", "{:+.1f}")]
        sures = [f"{100 * of[f'{m}.precision']:.0f}, {100 * of[f'{m}.recall']:.0f}" for m in METHODS]
        rows.append([*key.split("."), f"{of['frames']:.0f}", f"{of['objects']:.0f}", *maps, *sures])
    return markdown_table(header, rows)


def _cell(figures: Mapping[str, float], name: str, form: str) -> str:
    mean, low, high = (form.format(100 * figures[name + end]) for end in ("", ".low", ".high"))
    return f"{mean} [{low}, {high}]"


if __name__ == "__main__":
    stay_apart()
    run_command(live_detection)
