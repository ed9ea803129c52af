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

"""Which room may import what: ROS stands in ros/ alone, torch where it trains or runs, and rooms know those below."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2] / "infrared_ir_ros"
TORCH = {"torch", "torchvision", "onnx", "accelerate", "ultralytics", "diffusers", "transformers"}
WITH_TORCH = ("priors", "training", "engines/torch_engine.py", "engines/sd_turbo_engine.py")
# Rooms from the ground up; what a module imports as it is loaded stands on the same floor or below.
FLOORS = (
    ("errors.py", "signals.py"),
    ("records.py", "media"),
    ("engines", "restoration", "priors"),
    ("simulation",),
    ("evaluation", "detection"),
    ("training",),
    ("ros",),
    ("commands",),
)
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py") if path.parent != ROOT)


def imports(nodes: list[ast.stmt]) -> Iterator[str]:
    """Modules that statements import, those in blocks and functions too, but not for type checkers alone."""
    for node in nodes:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
        yield from imports([child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)])


def used(module: str) -> set[str]:
    """Top-level names of what a module imports anywhere."""
    return {name.partition(".")[0] for name in imports(ast.parse((ROOT / module).read_text()).body)}


def test_torch_keeps_to_its_rooms() -> None:
    others = {module: used(module) & TORCH for module in MODULES if not module.startswith(WITH_TORCH)}
    assert {module: names for module, names in others.items() if names} == {}


def test_what_is_agpl_has_one_door() -> None:
    """training/yolo.py loads it, when it is asked to, so that its switches are always set before."""
    assert [module for module in MODULES if "ultralytics" in used(module)] == []


def test_ros_keeps_to_its_room() -> None:
    others = [module for module in MODULES if not module.startswith("ros/")]
    assert [
        module for module in others if any(name == "rclpy" or name.endswith("_msgs") for name in used(module))
    ] == []


def test_no_room_is_loaded_by_one_below_it() -> None:
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    assert {module.partition("/")[0] for module in MODULES} <= set(floor)
    for module in MODULES:
        loaded = [node for node in ast.parse((ROOT / module).read_text()).body if isinstance(node, ast.ImportFrom)]
        for name in (str(node.module) for node in loaded):
            room = name.removeprefix("infrared_ir_ros").strip(".").partition(".")[0]
            if name.startswith("infrared_ir_ros."):
                room = room if room in floor else f"{room}.py"
                assert floor[room] <= floor[module.partition("/")[0]], f"{module} imports {name}"
