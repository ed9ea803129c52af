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

"""Faults of files (13 and 29 of the list): kills while something is written, and full disks.

Each function works in a folder of its own. `test/commands/test_faults_of_files.py` injects a few of each kind,
`benchmarks/faults.py` many.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
from outcome import Outcome

from infrared_ir_ros.commands.evaluate_bag import evaluate_bag
from infrared_ir_ros.commands.profile_sensor import profile_sensor
from infrared_ir_ros.errors import InfraredError
from infrared_ir_ros.media import open_source, read_image, write_image
from infrared_ir_ros.media.bag_writer import BagWriter

ROOT = Path(__file__).parents[1]
T0, STEP = 1_700_000_000_000_000_000, 100_000_000
SHAPE = (48, 64)
PLAIN = {"task": (), "distance_every": 0}  # of evaluate_bag: no network, for speed


def frames(count: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    ramp = 3000 + 40 * np.arange(SHAPE[1])[None] + 25 * np.arange(SHAPE[0])[:, None]
    return [(ramp + rng.normal(0, 60, SHAPE)).astype(np.uint16) for _ in range(count)]


def write_bag(path: Path, images: list[np.ndarray], storage: str = "mcap", topic: str = "/ir/image") -> Path:
    with BagWriter(path, storage) as bag:
        for number, image in enumerate(images):
            bag.write_image(topic, image, T0 + number * STEP, "ir")
    return path


def answer(call: Callable[[], object]) -> tuple[object, str]:
    """A command's return value, or None for a refusal; and its output."""
    said = StringIO()
    with redirect_stderr(said), redirect_stdout(said):
        try:
            code = call()
        except InfraredError as error:
            code = None
            said.write(f"{error}\n")
    return code, said.getvalue()


def check_words(said: str) -> None:
    """Nothing but printable lines, and no traceback."""
    assert "Traceback" not in said, said[-500:]
    assert all(line.isprintable() for line in said.split("\n")), repr(said[-500:])


def check_report(report: Path) -> dict:
    """A report is whole: its files are complete and its bags readable."""
    assert (report / "report.html").read_text("utf-8").endswith("</html>"), "report.html is cut"
    found = json.loads((report / "report.json").read_text())
    for one in found["recordings"]:
        assert len(list(open_source(report / one["bag"], "/evaluation/input"))) == one["frames"], one["bag"]
    assert sorted(os.listdir(report)) == ["bags", "frames.csv", "report.html", "report.json"]
    return found


# ---- 13: killed while writing -------------------------------------------------------------------------------------


def killed_writers(folder: Path, count: int, seed: int) -> Outcome:
    """evaluate_bag and restore_images killed at random: existing results are whole, and the next call succeeds."""
    rng, outcome = random.Random(seed), Outcome()
    for number in range(3):
        write_bag(folder / f"in/bag{number}", frames(12, number))
        write_image(folder / f"pictures/{number}.png", frames(1, number)[0])
    report, restored = folder / "report", folder / "restored"
    evaluating = ["evaluate_bag", str(folder / "in"), "--output", str(report), "--empty-task", "--distance-every", "0"]
    restoring = ["restore_images", str(folder / "pictures"), "--output", str(restored), "--engine", "onnxruntime"]
    lasting: dict[str, float] = {}
    for turn in range(count):
        words = restoring if turn % 4 == 3 else evaluating
        if words[0] not in lasting:
            lasting[words[0]] = _finish(words)
            remove(report, restored)
        with outcome.fault(f"{words[0]}, kill {turn}"):
            process = _start(words)
            time.sleep(rng.uniform(0.0, 1.1) * lasting[words[0]])
            process.kill()
            check_words(process.communicate()[1])
            if report.exists():
                assert len(check_report(report)["recordings"]) == 3
            for path in restored.glob("*.png"):
                assert path.name.startswith(".") or read_image(path).shape == SHAPE
            if turn % 3 == 1:
                started = time.monotonic()
                remove(report)
                _finish(evaluating)
                assert len(check_report(report)["recordings"]) == 3
                assert [name for name in os.listdir(folder) if name.endswith(".unfinished")] == []
                outcome.recoveries.append(time.monotonic() - started)
        remove(report, restored)
    return outcome


def _start(words: list[str]) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", f"infrared_ir_ros.commands.{words[0]}", *words[1:]]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _finish(words: list[str]) -> float:
    """Run to the end; returns seconds."""
    started = time.monotonic()
    process = _start(words)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said[-500:]
    return time.monotonic() - started


def remove(*folders: Path) -> None:
    for folder in folders:
        subprocess.run(["rm", "-rf", str(folder)], check=True)


# ---- 29: the disk is full -----------------------------------------------------------------------------------------


def full_disks(folder: Path, count: int, seed: int) -> Outcome:
    """Files cannot grow beyond a limit: one line, no report, and the results of an earlier run are whole."""
    rng, outcome = random.Random(seed), Outcome()
    for number in range(9):
        write_image(folder / f"pictures/{number}.png", frames(1, number)[0])
    earlier, report = folder / "profile", folder / "report"
    assert answer(lambda: profile_sensor(folder / "pictures", output=earlier))[0] == 0
    kept = {path.name: path.read_bytes() for path in earlier.iterdir()}
    bag = write_bag(folder / "bag", frames(12))
    for turn in range(count):
        limit = rng.randrange(500, 60_000) if turn % 2 else rng.randrange(50, min(map(len, kept.values())))
        with outcome.fault(f"{limit} bytes, {turn}"):
            if turn % 2:
                with small_files(limit):
                    code, said = answer(lambda: evaluate_bag(bag, output=report, **PLAIN))
                assert sorted(os.listdir(folder)) == ["bag", "pictures", "profile"], os.listdir(folder)
            else:
                with small_files(limit):
                    code, said = answer(lambda: profile_sensor(folder / "pictures", output=earlier))
                assert {path.name: path.read_bytes() for path in earlier.iterdir()} == kept
            check_words(said)
            assert code is None and "cannot write" in said and "free some space" in said, (code, said)
            outcome.said.append(said)
    return outcome


@contextmanager
def small_files(limit: int) -> Iterator[None]:
    """No file of this process may grow beyond `limit` bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
