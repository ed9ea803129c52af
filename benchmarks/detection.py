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

"""Does restoration help a detector? mAP on labelled test frames: clean, degraded, and restored in several ways.

python benchmarks/detection.py

The frames are the test split of HIT-UAV, stretched and degraded as in benchmarks/restoration.py. mAP is COCO's, at an
overlap of 50 % and as the mean over 50 to 95 %; intervals by resampling frames, alike for all methods.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import yaml
from _cases import Case, cases, classical_frames, to_levels
from _common import read_result, write_result
from _detection import CLEAN, DEGRADED, PROMPTS, Found, Table, render, summarise
from tqdm import tqdm

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.detection import Detector, load_detector
from infrared_ir_ros.evaluation.labels import labelled
from infrared_ir_ros.evaluation.testsets import data_folder
from infrared_ir_ros.media.labels import read_boxes
from infrared_ir_ros.records import DetectionOptions, Options
from infrared_ir_ros.restoration import Restorer, load_restorer

TEST = "hit-uav"
LABELS = "detection/hit-uav/test/labels"
ROOT = Path(__file__).resolve().parents[1]
CLASSES = ROOT / "config" / "train_detector.yaml"
PRESETS = ("hm_tir_normal", "hm_tir_hard", "sensor_hard")
EVERYTHING = DetectionOptions(confidence=0.001, iou=0.7)  # COCO weighs wrong detections by their score
COUNTED = 100  # detections of a frame, by the protocol


def detection(
    *,
    frames: int = 120,
    presets: tuple[str, ...] = PRESETS,
    detectors: tuple[str, ...] = ("yolov8n",),
    allow_pickle: bool = False,
    prior_path: str = "",
    prompts: str = "",
    resamples: int = 100,
    workers: int = 0,
    seed: int = 0,
    name: str = "detection",
    classical_only: bool = False,
    render_only: bool = False,
) -> int:
    """Detect in test frames as they are, degraded, and restored; print tables and write results/NAME.json.

    Parameters
    ----------
    frames
        Number of test frames, spread over the split.
    presets
        Degradations to run.
    detectors
        Names or paths, as for the parameter detector.model; LABEL=PATH sets the name in the tables.
    allow_pickle
        Allow a .pt of ultralytics, such as train_detector writes: loading it runs code in it.
    prior_path
        Folder of the weights; the shipped ones if empty.
    prompts
        Prompt file instead of the prior's own.
    resamples
        Bootstrap resamples of the frames, for the intervals.
    workers
        Processes for the classical chains; 0: one per core.
    seed
        Seed of all degradations.
    name
        Name of the result file.
    classical_only
        Fill the cache of classical frames and stop.
    render_only
        Print the tables of results/NAME.json and stop.
    """
    if render_only:
        print(render(read_result(name)))
        return 0
    every = list(cases((TEST,), presets, frames, seed, data_folder()))
    with ProcessPoolExecutor(workers or os.cpu_count(), get_context("spawn")) as pool:  # a fork deadlocks in OpenCV
        for _ in tqdm(pool.map(fill_cache, every), "classical chains", len(every)):
            pass
    if classical_only:
        return 0
    paths = {label or path: path for label, _, path in (text.rpartition("=") for text in detectors)}
    named = {label: load_detector(path, allow_pickle) for label, path in paths.items()}
    methods = {
        task: load_restorer(prior_path=prior_path, prompts=prompts, options=Options(tone="restore", task=task))
        for task in PROMPTS
    }
    found = detect(every, named, methods)
    truth = read_truth(every)
    figures: dict[str, float] = {"frames": len(truth), "resamples": resamples}
    for label, table in found.items():
        summary = summarise(truth, table, presets, resamples, seed)
        figures |= {f"{label}.{key}": round(float(value), 3) for key, value in summary.items()}
    print(render(figures))
    notes = {f"prior.{key}": text for key, text in methods[PROMPTS[0]].description.items()}
    for label, detector in named.items():
        notes |= {f"{label}.{key}": text.replace(f"{ROOT}/", "") for key, text in detector.description.items()}
    print(f"\n{write_result(name, figures, [seed], notes)}")
    return 0


def fill_cache(case: Case) -> None:
    """Restore one frame by every classical chain. For a process of its own."""
    classical_frames(case)


def detect(every: Sequence[Case], detectors: dict[str, Detector], methods: dict[str, Restorer]) -> dict[str, Table]:
    """Detections of each detector in each frame after each method; frames in the order of `read_truth`."""
    found: dict[str, Table] = {name: defaultdict(list) for name in detectors}
    for case in tqdm(every, "detect"):
        restored = {task: restorer.restore(case.degraded).image for task, restorer in methods.items()}
        ways = {DEGRADED: case.degraded, **classical_frames(case), **restored}
        shown = {f"{case.preset}.{name}": image for name, image in ways.items()}
        if case.preset == every[0].preset:  # each frame once
            shown[CLEAN] = to_levels(case.clean)
        for name, detector in detectors.items():
            for key, image in shown.items():
                found[name][key].append(detector.detect(image, EVERYTHING)[:COUNTED])
    return found


def read_truth(every: Sequence[Case]) -> Found:
    """The labels of each frame."""
    names = yaml.safe_load(CLASSES.read_text())["tiles"]["classes"]
    sizes = {case.name: case.clean.shape for case in every}
    labels = data_folder() / LABELS
    return [labelled(read_boxes(labels / f"{Path(name).stem}.txt"), size, names) for name, size in sizes.items()]


if __name__ == "__main__":
    run_command(detection)
