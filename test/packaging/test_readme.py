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

"""README and docs tell what is there: their commands answer, their topics, files, links and executables exist."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from entries import entry_points

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "\n".join(page.read_text() for page in PAGES).replace("\\\n", "")


def documented() -> dict[str, list[str]]:
    """Console commands that stand in blocks of code: name -> their lines."""
    lines = [
        line for block in re.findall(r"^```\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL) for line in block.splitlines()
    ]
    return {name: found for name in entry_points() if (found := [line for line in lines if line.split()[:1] == [name]])}


@pytest.mark.parametrize("name", sorted(documented()))
def test_documented_commands_have_their_options(name: str) -> None:
    module, _, _ = entry_points()[name].partition(":")
    if ".ros." in module:
        pytest.importorskip("rclpy")
    if name == "export_prior":
        pytest.importorskip("torch")
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "Usage" in done.stdout
    for line in documented()[name]:
        for option in re.findall(r"(?<=\s)--[a-z][a-z-]*", line.partition("#")[0]):
            assert option in done.stdout, line


def test_the_usual_commands_are_documented() -> None:
    assert {"restore_images", "make_bag", "recorder"} <= {name for name in documented() if f"\n{name} " in README}
    assert {"train_prior", "train_tasks", "train_detector", "adapt_prompt", "evaluate_bag"} <= set(documented())


def test_the_commands_of_the_table_are_commands() -> None:
    rows = README.partition("| you want to | command |")[2].partition("\n\n")[0].splitlines()[2:]
    first = {code.split()[0] for row in rows for code in re.findall("`([^`]+)`", row.split("|")[2])}
    launched = {path.name for path in (ROOT / "launch").iterdir()}
    assert first - launched - set(entry_points()) == {"make", "python", "ros2", "--prior"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documented_files_exist(page: Path) -> None:
    text = page.read_text()
    linked = {page.parent / name for name in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)}
    linked |= {ROOT / name for name in re.findall(r"\b((?:config|requirements|docs)/\w+\.\w+)", text)}
    assert {path for path in linked if not path.exists()} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_linked_chapters_exist(page: Path) -> None:
    for name, chapter in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text()):
        headings = re.findall(r"^#+ (.*)$", (page.parent / name if name else page).read_text(), re.MULTILINE)
        assert chapter in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}, chapter


def test_every_page_is_linked() -> None:
    for page in PAGES[1:]:
        others = [other.read_text() for other in PAGES if other != page]
        assert any(re.search(rf"\]\((?:docs/)?{page.name}[)#]", text) for text in others), page.name


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
