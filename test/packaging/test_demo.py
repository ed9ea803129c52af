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

"""The demo as a user starts it: it ends by itself, tells what came out, and leaves nothing running."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from rosbags.highlevel import AnyReader

pytest.importorskip("rclpy")

ROOT = Path(__file__).parents[2]


def start(*arguments: str) -> subprocess.Popen[str]:
    """The demo in a process group of its own, as a terminal starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "infrared_ir_ros.commands.demo", *arguments],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def group_is_gone(process: subprocess.Popen[str]) -> bool:
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return True
    return False


def cell(output: str, name: str) -> str:
    """The value of a line of the table."""
    found = re.search(rf"^ *{re.escape(name)}  +(.*)$", output, re.MULTILINE)
    assert found, output
    return found[1]


def test_scene(domain: int, tmp_path: Path) -> None:
    process = start("--output", str(tmp_path), "--seconds", "2")
    output, _ = process.communicate(timeout=170)
    assert process.returncode == 0, output
    received, restored, dropped = (int(cell(output, name).split()[0]) for name in ("frames in", "restored", "dropped"))
    assert received == restored + dropped
    assert restored >= 2
    assert "->" in cell(output, "PSNR in -> out")
    assert "ms" in cell(output, "latency p50, p95")
    picture = cv2.imread(str(tmp_path / "before_after.png"))
    assert picture.shape == (256, 640, 3)
    strip = cv2.imread(str(tmp_path / "raw_camera.png"))
    assert strip.shape[0] == 512 and strip.shape[1] in (320, 640)  # 0 s and, unless this machine is slow, 1 s
    with AnyReader([tmp_path / "bag"]) as reader:
        counts = {connection.topic: connection.msgcount for connection in reader.connections}
    assert counts["/ir/restored"] == restored
    assert counts["/ir/image"] == counts["/ir/truth/clean"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bag", "before_after.png", "log", "raw_camera.png"]
    assert group_is_gone(process)


def test_own_frames_keep_depth_and_replace_an_earlier_run(domain: int, tmp_path: Path) -> None:
    source, output_folder = tmp_path / "my frames", tmp_path / "out"
    source.mkdir()
    (output_folder / "bag").mkdir(parents=True)
    (output_folder / "bag/old").touch()
    rng = np.random.default_rng(0)
    for number in range(40):
        frame = rng.integers(7000, 9000, (96, 128)).astype(np.uint16)
        cv2.imwrite(str(source / f"{number:02d}.png"), frame)
    process = start("--source", str(source), "--output", str(output_folder), "--seconds", "2")
    output, _ = process.communicate(timeout=170)
    assert process.returncode == 0, output
    assert "PSNR" not in output
    with AnyReader([output_folder / "bag"]) as reader:
        images = [
            (connection.topic, reader.deserialize(data, connection.msgtype))
            for connection, _, data in reader.messages()
            if connection.topic in ("/ir/image", "/ir/restored")
        ]
    assert {message.encoding for _, message in images} == {"mono16"}
    stamps = {
        topic: [(m.header.stamp.sec, m.header.stamp.nanosec) for t, m in images if t == topic] for topic, _ in images
    }
    assert stamps["/ir/restored"]  # on a busy machine not all: the network is prepared for the new size meanwhile
    assert set(stamps["/ir/restored"]) <= set(stamps["/ir/image"])


@pytest.mark.parametrize(
    "arguments", [("--source", "/none"), ("--seconds", "0"), ("--seconds", "inf"), ("--output", "/proc/none")]
)
def test_refuses_in_one_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    if "--output" not in arguments:
        arguments = (*arguments, "--output", str(tmp_path))
    output, _ = (process := start(*arguments)).communicate(timeout=100)
    assert process.returncode == 1
    assert len(output.splitlines()) == 1, output
    assert arguments[1] in output


@pytest.mark.parametrize("delay", [3.0, 8.0])
def test_interrupted(domain: int, tmp_path: Path, delay: float) -> None:
    """Ctrl-C reaches the whole group, as in a terminal; no process and no half bag stays."""
    process = start("--output", str(tmp_path))
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert group_is_gone(process)
    assert not (tmp_path / "bag").exists()
    assert not list(tmp_path.glob(".run.*"))
