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

"""What nodes say to --help, and to arguments that no node takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from entries import ROOT, entry_points

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.ros.manual import Manual
from infrared_ir_ros.ros.parameter_files import check_parameter_files, useless_files
from infrared_ir_ros.ros.parameters import TABLE

NODES = {name: target.partition(":")[0] for name, target in entry_points().items() if ".ros." in target}
MANUAL = Manual("restore_node", "Restores.", TABLE)


def start(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("name", sorted(NODES))
def test_every_node_explains_itself_and_refuses_what_it_does_not_know(name: str) -> None:
    explained = start(NODES[name], "--help")
    assert explained.returncode == 0 and f"Usage: {name}" in explained.stdout, explained.stderr
    assert start(NODES[name], "--ros-args", "-r", "a:=b", "--", "--loud", "1").returncode == 2
    wrong = start(NODES[name], "--ros-args", "--loud", "1")
    assert wrong.returncode == 1 and len(wrong.stderr.splitlines()) == 1, wrong.stderr
    assert "--ros-args: ['--loud', '1']" in wrong.stderr


@pytest.mark.parametrize(
    ("name", "words", "streams", "ends"),
    [
        ("thermal_camera", "--ros-args -p frames:=2 -p rate:=50.0 -p width:=64 -p height:=48", ">&- 2>&- <&-", 0),
        ("thermal_camera", "--help", ">&-", 0),
        ("recorder", "--help", ">/dev/full", 1),
    ],
)
def test_streams_that_are_closed_or_full_change_no_end(name: str, words: str, streams: str, ends: int) -> None:
    """A service may be started without them."""
    command = f"exec {sys.executable} -m {NODES[name]} {words} {streams}"
    ended = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == ends, ended.stderr
    assert ended.stderr in ("", "cannot start: [Errno 28] No space left on device\n")


def test_help_holds_every_parameter_with_its_default_and_meaning() -> None:
    text = " ".join(MANUAL.text().split())
    for parameter in TABLE:
        assert f" {parameter.name}:=" in text and parameter.meaning[1:] in text
    assert 'task:="restore" What' in text and "counts.maximum:=65535.0 Counts" in text


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["--strength", "0.5"], "unknown argument '--strength': parameters are given as --ros-args -p strength:=0.5"),
        (["strength:=0.5"], "-p strength:=0.5"),
        (["--counts.mapping=fixed", "--x"], "-p counts.mapping:=fixed"),
        (["--strength"], "-p strength:=VALUE"),
        (["-p", "strength:=0.5"], "-p NAME:=VALUE, see --help"),
        (["--loud", "1"], "-p NAME:=VALUE, see --help"),
    ],
)
def test_an_unknown_argument_is_answered_with_its_remedy(
    words: list[str], remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert MANUAL.answer(words) == 2
    assert capsys.readouterr().err.endswith(f"{remedy}\n")


def test_arguments_of_ros_alone_start_the_node() -> None:
    assert MANUAL.answer([]) is None


@pytest.mark.parametrize(
    ("name", "ends"), [("thermal_camera", "source:=/nowhere"), ("trainer_node", "autostart:=true")]
)
def test_a_misspelt_parameter_is_told(name: str, ends: str) -> None:
    """ROS ignores it without a word. ends: what this node does not start with."""
    ended = start(NODES[name], "--ros-args", "-p", "frame_idea:=left", "-p", ends)
    assert ended.returncode == 1 and "there is no parameter 'frame_idea': it is ignored" in ended.stdout + ended.stderr


def test_a_text_of_digits_is_refused_with_how_to_write_it() -> None:
    """A serial number, for example: YAML takes it for a number."""
    ended = start(NODES["restore_node"], "--ros-args", "-p", "camera_name:=12345")
    assert ended.returncode == 1 and """write "5" in a file, '"5"' after NAME:=""" in ended.stderr


def test_a_file_of_parameters_for_another_node_is_told(tmp_path: Path) -> None:
    """ROS passes over it without a word: the commonest is one that forgets the namespace."""
    file = tmp_path / "camera.yaml"
    file.write_text("thermal_camera:\n  ros__parameters:\n    seed: 3\n")
    words = ["-r", "__ns:=/ir", "--params-file", str(file), "-p", "source:=/nowhere"]
    ended = start(NODES["thermal_camera"], "--ros-args", *words)
    told = f"{file} is not for this node, nothing in it is used: begin it with /**: or /ir/thermal_camera:"
    assert f"{told} (it begins with thermal_camera:)" in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "text",
    [
        "/**:\n  ros__parameters:\n    counts:\n      minimum: 3.0\n",
        "/**:\n  ros__parameters:\n    counts.minimum: !!float 3\n",
        "b:\n  ros__parameters:\n    a: 1\nir:\n  restore_node:\n    ros__parameters:\n      counts: {minimum: 3.0}\n",
        "",
        "- 3\n",
        "}",
    ],
)
def test_a_file_of_which_something_is_used_or_that_says_nothing_is_not_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text)
    assert useless_files("/ir/restore_node", {"counts.minimum"}, ["--params-file", str(tmp_path / "a.yaml")]) == []


def test_a_file_of_parameters_that_ros_would_hang_on_is_refused(tmp_path: Path) -> None:
    fifo, deep, long = tmp_path / "fifo", tmp_path / "deep", tmp_path / "long"
    os.mkfifo(fifo)
    deep.write_text("a: " + 100_000 * "[")
    long.write_bytes(bytes(2**20 + 1))
    refused = {fifo: "is a FIFO", deep: "it nests 100000 brackets: use at most 50", long: "has 1048577 bytes"}
    for file, reason in refused.items():
        with pytest.raises(OptionError, match=f"--params-file.*{file.name}:? {reason}"):
            check_parameter_files(["--ros-args", "--params-file", str(file)])
    ended = start(NODES["restore_node"], "--ros-args", "--params-file", str(fifo))
    assert ended.returncode == 1 and ended.stderr.startswith("cannot start: --params-file") and "FIFO" in ended.stderr
    check_parameter_files(["--ros-args", "--params-file", str(ROOT / "config/restore.yaml"), "--params-file"])


def test_a_file_that_ros_refuses_is_told_in_one_line_without_the_source_of_ros(tmp_path: Path) -> None:
    (tmp_path / "bomb.yaml").write_text("/**:\n  ros__parameters:\n    a: &a [x, x]\n    b: [*a, *a]\n")
    ended = start(NODES["restore_node"], "--ros-args", "--params-file", str(tmp_path / "bomb.yaml"))
    assert ended.returncode == 1 and len(ended.stderr.splitlines()) == 1
    assert ended.stderr.endswith("Will not support aliasing at line 4\n")
