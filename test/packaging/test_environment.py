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

"""scripts/environment.sh: what it says where it cannot work. Each time one line that tells what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAKE = """#!/bin/sh
case "$*" in {cases} esac
exec {python} "$@"
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files that the script reads, without an environment."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("scripts", "requirements"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "setup.py", folder)
    return folder


def fake_python(folder: Path, **answers: str) -> str:
    """A Python that answers differently where its arguments contain a word."""
    path = folder / "python3"
    cases = " ".join(f"*{word}*) {answer} ;;" for word, answer in answers.items())
    path.write_text(FAKE.format(cases=cases, python=sys.executable))
    path.chmod(0o755)
    return str(path)


def run(clone: Path, what: str = "robot", **environment: str) -> subprocess.CompletedProcess[str]:
    keep = {
        name: value for name, value in os.environ.items() if not name.startswith(("ROS_", "AMENT_", "PIP_", "PYTHON"))
    }
    return subprocess.run(
        ["scripts/environment.sh", what],
        cwd=clone, env={**keep, **environment}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr


def test_unsupported_python(clone: Path) -> None:
    python = fake_python(clone, version_info="exit 1", version="echo Python 3.9.18; exit 0")
    assert_one_line(run(clone, PYTHON=python), "3.10", "Python 3.9.18", "PYTHON=")


def test_no_python(clone: Path) -> None:
    assert_one_line(run(clone, PYTHON="/none/python3"), "found none", "install")


def test_no_venv_module(clone: Path) -> None:
    assert_one_line(run(clone, PYTHON=fake_python(clone, ensurepip="exit 1")), "apt install python3-venv")


def test_ros_of_another_python(clone: Path) -> None:
    python = fake_python(clone, rclpy="exit 1")
    assert_one_line(run(clone, PYTHON=python, ROS_DISTRO="jazzy"), "jazzy", "ros-jazzy-rclpy")


def test_unknown_set(clone: Path) -> None:
    assert_one_line(run(clone, "everything"), "everything", "robot, evaluate, test or lint")


def test_no_index(clone: Path) -> None:
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_EXTRA_INDEX_URL": "", "PIP_RETRIES": "0"}
    done = run(clone, "lint", **nowhere, PIP_CONFIG_FILE=os.devnull, PYTHON=sys.executable)
    assert_one_line(done, "ruff", "PIP_INDEX_URL", "install.log")
    assert not list(clone.glob(".venv/installed-*"))


def test_an_interrupted_installation_begins_afresh(clone: Path) -> None:
    """What a killed run left behind is not built upon."""
    venv = clone / ".venv"
    venv.mkdir()
    (venv / "unfinished").touch()
    (venv / "broken").touch()
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    run(clone, "lint", **nowhere, PYTHON=sys.executable)
    assert not (venv / "broken").exists()
    assert (venv / "unfinished").exists()
