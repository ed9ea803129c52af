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

"""Every parameter of trainer_node, once: declaration, checks and config/train.yaml.

`python -m infrared_ir_ros.ros.trainer_parameters` prints the configuration file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.records import Counts
from infrared_ir_ros.ros.parameter import ALWAYS, START, Parameter, Value, path_of, render_yaml
from infrared_ir_ros.ros.parameters import BY_NAME
from infrared_ir_ros.training.adapt_plan import DEVICES, RATES, SUPERVISIONS

WHEN_STARTED = "at any time, read by ~/start"
AS_RESTORED = ("prior_path", "counts.mapping", "counts.minimum", "counts.maximum")  # as restore_node has them
_LARGEST = 2**31 - 1

TRAINER_TABLE: tuple[Parameter, ...] = (
    *(
        Parameter(*row, change=WHEN_STARTED)
        for row in (
            ("sources", "", "bags, videos, pictures, folders of these or glob patterns, separated by :"),
            ("topic", "", "image topic of a bag; empty: the first"),
            ("task", "my_camera", "name of the new task"),
            ("start", "restore", "the task to start from"),
            ("optimise", "prompt", "what is learned", None, None, tuple(RATES)),
            ("supervision", "clean", "what is learned from; self: degraded frames alone", None,
             None, SUPERVISIONS),
            ("degradation", "", "a preset or a .yaml of profile_sensor; required for clean, optional (.yaml) for self"),
            ("reference_topic", "", "for pairs: topic of the same bag with the clean frames"),
            ("reference", "", "for pairs: bag, video or folder with the clean frames"),
            ("label_topic", "", "for labels: topic of the same bag with the labelled objects (Detection2DArray)"),
            ("detector", "", "for labels: yolov8n, a folder of export_detector, or a .pt (only from people you trust)"),
            ("tolerance_ms", 5.0, "milliseconds between the stamps of frames that belong together", 0.0, 10000.0),
            ("frames", 400, "number of frames to use at most, spread over all sources", 2, 100000),
            ("steps", 0, "number of steps at most; 0: as many as fit into the minutes", 0, _LARGEST),
            ("minutes", 10.0, "duration of the training at most; pauses do not count", 0.01, 100000.0),
            ("seed", 0, "of the examples", 0, _LARGEST),
            ("output", "", "folder for the bank with the new task, and for the checkpoint"),
            ("prompts", "", "bank with more tasks to start from, which are copied into the new one"),
            ("device", "auto", "where to train", None, None, DEVICES),
            ("nice", 10, "niceness of the training: how much it gives way to other processes", 0, 19),
            ("threads", 1, "number of threads to compute with", 1, 256),
        )
    ),
    *(replace(BY_NAME[name], change=WHEN_STARTED) for name in AS_RESTORED),
    Parameter(
        "latency_limit_ms",
        150.0,
        "training holds while 1 in 20 frames takes restore_node longer than this from arrival to publication; 0: never",
        0.0,
        60000.0,
        change=ALWAYS,
    ),
    Parameter(
        "activate", False, "have restore_node use the new task as soon as it is saved", change=ALWAYS
    ),
    Parameter("restore_node", "restore_node", "name of the node for `activate`", change=ALWAYS),
    Parameter("autostart", False, "start training at once", change=START),
)  # fmt: skip


def sources_of(values: Mapping[str, Value]) -> tuple[str, ...]:
    return tuple(filter(None, str(values["sources"]).split(os.pathsep)))


def counts_of(values: Mapping[str, Value]) -> Counts:
    """Raises OptionError."""
    return Counts(str(values["counts.mapping"]), float(values["counts.minimum"]), float(values["counts.maximum"]))


def output_of(values: Mapping[str, Value]) -> Path:
    """The absolute folder, since restore_node may run in another one. Raises OptionError if none is named."""
    if not values["output"]:
        raise OptionError("output is empty: name a folder for the bank with the new task")
    return Path(path_of(values, "output")).absolute()


def render() -> str:
    """config/train.yaml."""
    return render_yaml(TRAINER_TABLE, "trainer_node", "trainer_parameters")


if __name__ == "__main__":
    sys.stdout.write(render())
