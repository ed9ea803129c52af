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

"""Trainings in processes of their own: killed and resumed, and two that train as one."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from infrared_ir_ros.simulation import layout  # noqa: E402
from infrared_ir_ros.training import checkpoint  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "infrared_ir_ros.commands.train_prior"
CONFIG = """
prior: {{channels: [16, 16, 16], middle: 1, field_channels: [8, 16, 32], field_layers: 1}}
workers: {workers}
log_every: 1
save_minutes: {save_minutes}
stages:
  - name: field
    steps: 2
    rate: 0.0005
    batch: {batch}
    pool: 16
    mix: {{sets: {{layouts: 1}}, presets: {{hm_tir_hard: 1}}}}
  - name: restore
    steps: {steps}
    rate: 0.0005
    mix:
      sets: {{layouts: 1}}
      presets: {{sensor_hard: 1, hm_tir_hard: 1}}
      sizes: [[64, 64, {batch}, 0.5], [64, 96, {batch}, 0.5]]
"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pack") / "pack.npz"
    frames = [np.rint(255 * layout(np.random.default_rng(seed), 128, 160)).astype(np.uint8) for seed in range(6)]
    np.savez(path, **{f"layouts/{index:05d}": frame for index, frame in enumerate(frames)})
    return path


def start(pack: Path, folder: Path, *options: str, processes: int = 1, **settings: object) -> subprocess.Popen:
    """A training under way in `folder / "run"`."""
    folder.mkdir(exist_ok=True)
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(**({"workers": 0, "save_minutes": 60, "batch": 4, "steps": 4} | settings)))
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    return subprocess.Popen(
        [sys.executable, *(launch if processes > 1 else []), "-m", COMMAND, str(config), "--pack", str(pack),
         "--output", str(folder / "run"), *options],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
        start_new_session=True,
    )  # fmt: skip


def finish(process: subprocess.Popen) -> str:
    """What it said."""
    said, errors = process.communicate()
    assert process.returncode == 0, errors[-3000:]
    return said


def losses(folder: Path, stage: str) -> list[dict[str, str]]:
    rows = csv.DictReader((folder / "run" / f"log_{stage}.csv").open())
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_a_killed_training_resumes_with_the_same_losses(pack: Path, tmp_path: Path) -> None:
    """Killed by SIGKILL at any moment, perhaps while it writes; batches drawn ahead by two workers are lost."""
    long = {"steps": 40, "workers": 2}
    killed = start(pack, tmp_path / "killed", save_minutes=0, **long)
    whole = start(pack, tmp_path / "whole", **long)
    log = tmp_path / "killed/run/log_restore.csv"
    while not log.is_file() or log.read_text().count("\n") < 4:
        assert killed.poll() is None, killed.communicate()[1][-3000:]
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    before = checkpoint.load(tmp_path / "killed/run")
    assert before.stage == 1 and before.step < 40
    finish(start(pack, tmp_path / "killed", "--resume", **long))
    finish(whole)
    for stage in ("field", "restore"):
        assert losses(tmp_path / "killed", stage) == losses(tmp_path / "whole", stage)
    ends = [checkpoint.load(tmp_path / name / "run") for name in ("killed", "whole")]
    assert all(torch.equal(ends[0].average[name], tensor) for name, tensor in ends[1].average.items())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_group_saves(pack: Path, tmp_path: Path, number: int) -> None:
    """As from a terminal, `timeout` or a service manager: it reaches the processes that draw frames, too."""
    process = start(pack, tmp_path, steps=100_000, workers=2)
    log = tmp_path / "run/log_restore.csv"
    while not log.is_file():
        assert process.poll() is None, process.communicate()[1][-3000:]
        time.sleep(0.05)
    os.killpg(process.pid, number)
    _, errors = process.communicate()
    assert "Traceback" not in errors and checkpoint.load(tmp_path / "run").step > 0, errors[-3000:]


def test_two_processes_train_as_one_with_twice_the_batch(pack: Path, tmp_path: Path) -> None:
    one = start(pack, tmp_path / "one", batch=4)
    said = finish(start(pack, tmp_path / "two", batch=2, processes=2))
    assert said.count("\n") == 1 and said.startswith("trained: export_prior ")
    finish(one)
    for stage, steps in (("field", 2), ("restore", 4)):
        curves = [losses(tmp_path / name, stage) for name in ("one", "two")]
        assert [row["step"] for row in curves[1]] == [str(step + 1) for step in range(steps)]  # one process wrote it
        for rows in zip(*curves, strict=True):
            first, second = (np.array([float(value) for value in row.values()]) for row in rows)
            np.testing.assert_allclose(second, first, rtol=1e-3, atol=1e-4)
    assert len(list((tmp_path / "two/run/samples").iterdir())) == 2  # one picture for each stage
