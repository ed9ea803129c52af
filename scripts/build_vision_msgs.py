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

"""Build the messages that detections are published with into the environment of the Python that runs this.

There is no wheel of vision_msgs, so this is for an environment with ROS 2 Jazzy as wheels; a sourced ROS 2 has its own.
It takes a C++ compiler, Python's headers and a minute. What was built stays in ~/.cache/infrared_ir_ros for the next
environment. Does nothing where the messages are there. Where it can't build them it says why in one line and returns 1:
everything but detections works without.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import distributions
from pathlib import Path
from typing import TextIO

# Field by field as in vision_msgs 4 (Apache-2.0): the types are then the same, by their hash, as those of any ROS 2.
MESSAGES = {
    "Point2D": ["float64 x", "float64 y"],
    "Pose2D": ["vision_msgs/Point2D position", "float64 theta"],
    "BoundingBox2D": ["vision_msgs/Pose2D center", "float64 size_x", "float64 size_y"],
    "ObjectHypothesis": ["string class_id", "float64 score"],
    "ObjectHypothesisWithPose": ["ObjectHypothesis hypothesis", "geometry_msgs/PoseWithCovariance pose"],
    "Detection2D": ["std_msgs/Header header", "ObjectHypothesisWithPose[] results", "BoundingBox2D bbox", "string id"],
    "Detection2DArray": ["std_msgs/Header header", "Detection2D[] detections"],
    "VisionInfo": ["std_msgs/Header header", "string method", "string database_location", "int32 database_version"],
    "VisionClass": ["uint16 class_id", "string class_name"],
    "LabelInfo": ["std_msgs/Header header", "VisionClass[] class_map", "float32 threshold"],
}
TYPE_HASHES = {
    "Detection2DArray": "RIHS01_214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968",
    "LabelInfo": "RIHS01_3d37df4015cdf660cc851c51897f2acd957e1ca6205ba0a99aebffb9406b0783",
}
CMAKE = """cmake_minimum_required(VERSION 3.16)
project(vision_msgs)
find_package(ament_cmake REQUIRED)
find_package(rosidl_default_generators REQUIRED)
find_package(std_msgs REQUIRED)
find_package(geometry_msgs REQUIRED)
rosidl_generate_interfaces(vision_msgs {files} DEPENDENCIES std_msgs geometry_msgs)
ament_package()
"""
PACKAGE = """<?xml version="1.0"?>
<package format="3">
  <name>vision_msgs</name>
  <version>4.1.1</version>
  <description>The messages of vision_msgs that infrared_ir_ros uses.</description>
  <maintainer email="maintainers@infrared-ir.example">infrared_ir_ros maintainers</maintainer>
  <license>Apache-2.0</license>
  <buildtool_depend>ament_cmake</buildtool_depend>
  <buildtool_depend>rosidl_default_generators</buildtool_depend>
  <depend>geometry_msgs</depend>
  <depend>std_msgs</depend>
  <exec_depend>rosidl_default_runtime</exec_depend>
  <member_of_group>rosidl_interface_packages</member_of_group>
  <export><build_type>ament_cmake</build_type></export>
</package>
"""
ROS_TOOLS = """ament-cmake ament-cmake-export-definitions ament-cmake-export-link-flags ament-cmake-gmock
ament-cmake-gtest ament-cmake-include-directories ament-cmake-pytest ament-cmake-ros ament-package
fastrtps-cmake-module geometry-msgs
python-cmake-module rmw-fastrtps-cpp rosidl-core-generators rosidl-default-generators rosidl-generator-py std-msgs"""
TOOLS = ["catkin_pkg", "cmake>=3.22,<4", "empy<4", "lark", "ninja", "numpy", "setuptools<81"]


class Impossible(Exception):
    """Why the messages can't be built here, and what to do."""


def main() -> int:
    if importlib.util.find_spec("vision_msgs") is not None:
        return 0
    prefix = Path(sys.prefix)
    try:
        built = cache_folder()
        if not built.is_dir():
            build(prefix, built)
        install(built, prefix)
    except (Impossible, OSError) as error:
        print(f"detections are off, everything else works: {error}", file=sys.stderr)
        return 1
    return 0


def cache_folder() -> Path:
    """Where these messages are kept once they are built for this Python and these wheels."""
    parts = [Path(__file__).read_bytes(), sysconfig.get_config_var("EXT_SUFFIX").encode(), *map(str.encode, wheels())]
    digest = hashlib.sha256(b"\n".join(parts)).hexdigest()[:16]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "infrared_ir_ros" / f"vision_msgs-{digest}"


def wheels() -> list[str]:
    """The ROS 2 of this environment, as pip names it."""
    found = {each.metadata["Name"]: each.version for each in distributions()}
    ros = sorted(f"{name}=={version}" for name, version in found.items() if name and name.startswith("ros-"))
    if not any(name.startswith("ros-rclpy") for name in ros):
        raise Impossible("there is no ROS 2 in this environment: run scripts/environment.sh first")
    return ros


def build(prefix: Path, built: Path) -> None:
    """Generate, compile and check the messages; the folder appears whole or not at all."""
    check_tools()
    log = prefix / "vision_msgs.log"
    print("Building the messages of detections (vision_msgs), once: about a minute ...", flush=True)
    built.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="vision_msgs.", dir=built.parent) as name, log.open("w") as output:
        work = Path(name)
        tools = make_tools(work, output)
        write_package(work / "source")
        environment = dict(os.environ, PATH=f"{tools / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
        environment |= {"CMAKE_PREFIX_PATH": str(tools), "AMENT_PREFIX_PATH": str(tools)}
        run(
            ["cmake", "-G", "Ninja", "-S", work / "source", "-B", work / "build", "-DBUILD_TESTING=OFF",
             "-DCMAKE_BUILD_TYPE=Release", f"-DPython3_EXECUTABLE={tools / 'bin/python'}",
             f"-DCMAKE_INSTALL_PREFIX={work / 'out'}"], output, environment,
        )  # fmt: skip
        run(["cmake", "--build", work / "build", "--target", "install"], output, environment)
        shutil.rmtree(work / "out/include", ignore_errors=True)
        check_hashes(work / "out")
        os.replace(work / "out", built)


def check_tools() -> None:
    if platform.machine() != "x86_64":
        raise Impossible(f"there are ROS 2 wheels for x86_64 only, this is {platform.machine()}: use a sourced ROS 2")
    if not any(shutil.which(name) for name in (os.environ.get("CXX") or "c++", "g++", "clang++")):
        raise Impossible(f"building vision_msgs takes a C++ compiler: sudo apt install g++, then {again()}")
    if not Path(sysconfig.get_paths()["include"], "Python.h").exists():
        raise Impossible(f"building vision_msgs takes Python's headers: sudo apt install python3-dev, then {again()}")


def make_tools(work: Path, output: TextIO) -> Path:
    """An environment of its own for the generators: they want other versions of packages than a robot does."""
    tools, constraints = work / "tools", work / "constraints.txt"
    constraints.write_text("\n".join(wheels()))
    run([sys.executable, "-m", "venv", tools], output)
    packages = [f"ros-jazzy-{name}" for name in ROS_TOOLS.split()] + TOOLS
    pip = [tools / "bin/python", "-m", "pip", "install", "--disable-pip-version-check", "-q", "-c", constraints]
    run([*pip, *packages], output)
    asked = "import numpy, sysconfig; print(numpy.get_include()); print(sysconfig.get_paths()['include'])"
    numpy, python = subprocess.run(
        [tools / "bin/python", "-c", asked], capture_output=True, text=True, check=True
    ).stdout.split("\n")[:2]
    for path in tools.glob("share/*/cmake/*Export.cmake"):  # they name folders of the machine that made the wheels
        text = re.sub(r'/opt/python/[^;"]*/site-packages/numpy/\w+/include', lambda _: numpy, path.read_text())
        path.write_text(re.sub(r'/opt/python/[^;"/]*/include/python3\.\d+', lambda _: python, text))
    return tools


def write_package(source: Path) -> None:
    (source / "msg").mkdir(parents=True)
    for name, fields in MESSAGES.items():
        (source / f"msg/{name}.msg").write_text("\n".join(fields) + "\n")
    (source / "CMakeLists.txt").write_text(CMAKE.format(files=" ".join(f'"msg/{name}.msg"' for name in MESSAGES)))
    (source / "package.xml").write_text(PACKAGE)


def check_hashes(folder: Path) -> None:
    """Other nodes understand these messages only if their types are exactly the same."""
    for name, expected in TYPE_HASHES.items():
        table = json.loads((folder / f"share/vision_msgs/msg/{name}.json").read_text())
        found = {entry["type_name"]: entry["hash_string"] for entry in table["type_hashes"]}[f"vision_msgs/msg/{name}"]
        if found != expected:
            raise Impossible(f"vision_msgs/{name} came out as {found}, not {expected}: please report this")


def install(built: Path, prefix: Path) -> None:
    """Copy what was built into the environment, what Python imports last and at once."""
    package = next(built.glob("lib/python3*/site-packages/vision_msgs"))
    for path in built.rglob("*"):
        if path.is_file() and not path.is_relative_to(package):
            target = prefix / path.relative_to(built)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
    target = Path(sysconfig.get_paths()["platlib"], "vision_msgs")
    partial = target.with_name("vision_msgs.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(package, partial)
    os.replace(partial, target)


def run(command: list[str | Path], output: TextIO, environment: dict[str, str] | None = None) -> None:
    output.flush()
    done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, env=environment, check=False)
    if done.returncode:
        raise Impossible(f"building vision_msgs failed, {output.name} tells how; to try again: {again()}")


def again() -> str:
    return f"{sys.executable} {__file__}"


if __name__ == "__main__":
    sys.exit(main())
