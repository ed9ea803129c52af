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

"""Shared by the tests of evaluate_bag."""

from __future__ import annotations

import csv
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from infrared_ir_ros.commands.evaluate_bag import evaluate_bag
from infrared_ir_ros.commands.restoring import Restoring

ROOT = Path(__file__).parents[2]
FEW = {"distance_every": 0}
ONNX = Restoring(engine="onnxruntime")
KELVINS = Restoring(counts_mapping="tlinear")


def wait_for(process: subprocess.Popen[str], what: Callable[[], object]) -> None:
    """Wait until `what()` is true, or the process has ended."""
    deadline = time.monotonic() + 120
    while not what() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


def at_once(folder: Path) -> object:
    """Equal to the figures of the recordings in the folder `in`, but for last digits, which vary with threads."""
    evaluate_bag(folder / "in", output=folder / "once", topic="/ir/image", restoring=ONNX, **FEW)
    return pytest.approx(figures(folder / "once"), rel=1e-3, abs=1e-6)


def figures(report: Path) -> dict[str, float]:
    """The figures of all frames, without durations, by recording, stamp, method and name."""
    with open(report / "frames.csv") as file:
        rows = list(csv.DictReader(file))
    texts = {"recording", "frame", "stamp_ns", "method", "milliseconds"}
    return {
        " ".join([row["recording"], row["stamp_ns"], row["method"], name]): float(value)
        for row in rows
        for name, value in row.items()
        if value and name not in texts
    }
