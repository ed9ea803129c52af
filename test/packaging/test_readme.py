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

"""The README tells what is there: its commands answer, its topics, files and executables exist."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = ("restore_images", "make_bag", "recorder", "train_prior", "adapt_prompt", "demo")


@pytest.mark.parametrize("name", COMMANDS)
def test_documented_commands_explain_themselves(name: str) -> None:
    room = "ros" if name == "recorder" else "commands"
    if room == "ros":
        pytest.importorskip("rclpy")
    if name in ("train_prior", "adapt_prompt"):
        pytest.importorskip("torch")
    assert name in README
    command = [sys.executable, "-m", f"infrared_ir_ros.{room}.{name}", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout
    for line in re.findall(rf"^{name} (.*)$", README, re.MULTILINE):
        for option in re.findall(r"--[a-z-]+", line):
            assert option in done.stdout


def test_documented_files_exist() -> None:
    linked = set(re.findall(r"\]\(([^)#:]+)\)", README)) | set(re.findall(r"`(config/[\w.]+)`", README))
    assert {name for name in linked if not (ROOT / name).exists()} == set()


def test_documented_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"\bmake (?:-C \S+ )?([a-z]+)\b(?=[`\n ])", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_documented_topics_exist() -> None:
    """Every topic of the table is one that the node opens."""
    source = "".join(path.read_text() for path in (ROOT / "infrared_ir_ros/ros").glob("*.py"))
    texts = {node.value for node in ast.walk(ast.parse(source.replace("from __future__ import annotations", "")))
             if isinstance(node, ast.Constant) and isinstance(node.value, str)}  # fmt: skip
    for topic in re.findall(r"`(/(?:ir/|diagnostics)[\w/]*)`", README):
        name = topic.removeprefix("/ir/").replace("restore_node/", "~/")
        base, _, companion = name.partition("/")
        known = name in texts or (base in texts and f"/{companion}" in texts)
        assert known, topic


def test_layouts_show_documented_topics() -> None:
    for layout in ("infrared.rviz", "infrared_foxglove.json"):
        text = (ROOT / "config" / layout).read_text()
        for topic in set(re.findall(r"/ir/[\w/]+", text)):
            assert f"`{topic}`" in README, (layout, topic)
        assert {"/ir/image", "/ir/restored", "/ir/restore_node/comparison"} <= set(re.findall(r"/ir/[\w/]+", text))
