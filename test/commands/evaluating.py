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

"""What tests of evaluate_bag share."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from infrared_ir_ros.commands.evaluate_bag import evaluate_bag
from infrared_ir_ros.commands.restoring import Restoring

ROOT = Path(__file__).parents[2]
FEW = {"distance_every": 0}
ONNX = Restoring(engine="onnxruntime")
KELVINS = Restoring(counts_mapping="tlinear")


def start(*arguments: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "infrared_ir_ros.commands.evaluate_bag", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "RAY_worker_niceness": "0"},
        **options,
    )


def wait_for(process: subprocess.Popen[str], what: Callable[[], object]) -> None:
    """Until it holds, or the process has ended."""
    deadline = time.monotonic() + 120
    while not what() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


def at_once(folder: Path) -> list[dict[str, str]]:
    """The figures of the recordings in the folder `in`."""
    evaluate_bag(folder / "in", output=folder / "once", topic="/ir/image", restoring=ONNX, **FEW)
    return figures(folder / "once")


def figures(report: Path) -> list[dict[str, str]]:
    """Of all frames, but for how long they took."""
    with open(report / "frames.csv") as file:
        return [{name: value for name, value in row.items() if name != "milliseconds"} for row in csv.DictReader(file)]
