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

"""What the package declares: manifest, entry points, dependencies, installed files."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from entries import entry_points

import infrared_ir_ros

ROOT = Path(__file__).parents[2]
MANIFEST = ElementTree.parse(ROOT / "package.xml").getroot()
# What rosdep knows and the rooms import, by import name.
KEYS = {
    "ament_index_python": "ament_index_python", "cv2": "python3-opencv", "cv_bridge": "cv_bridge",
    "diagnostic_msgs": "diagnostic_msgs", "lifecycle_msgs": "lifecycle_msgs", "numpy": "python3-numpy",
    "rcl_interfaces": "rcl_interfaces", "rclpy": "rclpy", "rosgraph_msgs": "rosgraph_msgs",
    "sensor_msgs": "sensor_msgs", "std_msgs": "std_msgs", "std_srvs": "std_srvs", "yaml": "python3-yaml",
    "launch": "launch", "launch_ros": "launch_ros", "vision_msgs": "vision_msgs",
}  # fmt: skip
PIP_NAMES = {"skimage": "scikit-image", "pywt": "pywavelets", "backports": "backports.zstd"}
OPTIONAL = {"bm3d", "compression"}  # not free software, asked for by name only; Python 3.14's own zstd


def imports_of(folder: Path) -> set[str]:
    """Top-level names of everything that the Python files below `folder` import."""
    names = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names - {"infrared_ir_ros"}


def requirements(*names: str) -> set[str]:
    """Packages that requirements files name."""
    lines = [line for name in names for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()]
    return {re.split(r"[<>=!~ ]", line)[0].lower() for line in lines if line and not line.startswith(("#", "-"))}


def test_manifest() -> None:
    assert MANIFEST.get("format") == "3"
    assert "package_format3.xsd" in (ROOT / "package.xml").read_text().splitlines()[1]
    assert MANIFEST.findtext("license") == "Apache-2.0"
    assert "Apache License" in (ROOT / MANIFEST.find("license").get("file")).read_text()
    assert {url.get("type") for url in MANIFEST.findall("url")} == {"website", "repository", "bugtracker"}
    assert MANIFEST.findtext("export/build_type") == "ament_python"


def test_one_version() -> None:
    version = infrared_ir_ros.__version__
    assert MANIFEST.findtext("version") == version
    assert f'version="{version}"' in (ROOT / "setup.py").read_text()


def test_entry_points_exist() -> None:
    points = entry_points()
    assert {"restore_node", "thermal_camera", "recorder", "restore_images", "make_bag", "demo"} <= set(points)
    for name, target in points.items():
        module, _, function = target.partition(":")
        tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text())
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert function in functions, f"{name}: {target}"
        assert module.endswith("." + name)


def test_imports_are_declared() -> None:
    """rosdep brings what it can; a requirements file names the rest."""
    declared = {element.text for element in MANIFEST if element.tag.endswith("depend")}
    pip = requirements("robot", "train", "evaluate", "cluster", "semantic")
    used = (imports_of(ROOT / "infrared_ir_ros") | imports_of(ROOT / "launch")) - OPTIONAL
    missing = {
        name
        for name in used
        if KEYS.get(name) not in declared and PIP_NAMES.get(name, name).replace("_", "-").lower() not in pip
    }
    assert missing == set()


def test_a_robot_needs_no_torch() -> None:
    """The nodes and restore_images start without the packages for training."""
    blocked = ("torch", "onnx", "accelerate", "tensorboard", "skimage", "pywt")
    modules = [f"infrared_ir_ros.commands.{name}" for name in ("restore_run", "bag_run", "demo_run")]
    script = f"import sys; sys.modules.update(dict.fromkeys({blocked!r})); import {', '.join(modules)}"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


def test_ros_requirements_are_those_of_the_manifest() -> None:
    """Where no ROS is sourced, wheels stand for its packages."""
    wheels = {name.removeprefix("ros-jazzy-").replace("-", "_") for name in requirements("ros-wheels")}
    declared = {str(element.text) for element in MANIFEST.findall("exec_depend")}
    without_wheel = {"cv_bridge", "launch", "launch_ros", "ament_index_python", "vision_msgs"}  # the last is built here
    assert {name for name in declared if not name.startswith("python3-")} - without_wheel <= wheels


def test_installed_files_are_whole(tmp_path: Path) -> None:
    """A build holds every module, the weights, the launch files and the configuration."""
    pytest.importorskip("setuptools")
    command = ["-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(tmp_path), "."]
    try:
        importlib.import_module("wheel")
    except ImportError:
        pytest.skip("needs the package wheel")
    copy = tmp_path / "source"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode != 0:
        pytest.skip("needs the git repository")
    for name in filter(None, tracked.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([sys.executable, *command], cwd=copy, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    import zipfile

    names = {re.sub(r"^infrared_ir_ros-[^/]*\.data/data/", "", name) for name in zipfile.ZipFile(wheel).namelist()}
    for path in (copy / "infrared_ir_ros").rglob("*"):
        if path.is_file():
            assert path.relative_to(copy).as_posix() in names
    for folder in ("launch", "config"):
        for path in (copy / folder).iterdir():
            assert f"share/infrared_ir_ros/{folder}/{path.name}" in names
    assert "share/ament_index/resource_index/packages/infrared_ir_ros" in names
    assert "share/infrared_ir_ros/package.xml" in names


def test_the_documentation_of_what_ships_is_of_what_ships(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an export: python benchmarks/models.py"""
    pytest.importorskip("numpy")
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    page = importlib.import_module("models").page()
    assert (ROOT / "docs/models.md").read_text() == page
    assert "SHA-256" in page
