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

import subprocess
import sys

import pytest
from entries import ROOT, entry_points

from infrared_ir_ros.ros.manual import Manual
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
