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

"""Executes our launch files from an install folder made for the test, with the real `launch` or with stand-ins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from entries import entry_points

ROOT = Path(__file__).parents[2]
STANDINS = Path(__file__).parent / "standins"
RECORD = """#!{python}
import json, os, sys
with open({log!r}, "a") as log:
    log.write(json.dumps([sys.argv, dict(os.environ)]) + "\\n")
"""
START = """#!{python}
import runpy
runpy.run_module({module!r}, run_name="__main__")
"""


def has_launch() -> bool:
    """Whether the real `launch` and `launch_ros` are installed."""
    command = [sys.executable, "-c", "import launch.actions, launch_ros.actions"]
    return subprocess.run(command, cwd="/", capture_output=True, check=False).returncode == 0


class Installed:
    """A prefix as colcon makes it, in which the executables record their call, or are the real ones."""

    def __init__(self, folder: Path, real: bool) -> None:
        self.prefix = folder
        self._log = folder / "calls"
        index = folder / "share/ament_index/resource_index/packages"
        index.mkdir(parents=True)
        (index / "infrared_ir_ros").touch()
        (folder / "share/infrared_ir_ros").mkdir()
        for name in ("launch", "config"):
            (folder / "share/infrared_ir_ros" / name).symlink_to(ROOT / name)
        scripts = folder / "lib/infrared_ir_ros"
        scripts.mkdir(parents=True)
        for name, target in entry_points().items():
            template = START if real else RECORD
            text = template.format(python=sys.executable, log=str(self._log), module=target.partition(":")[0])
            (scripts / name).write_text(text)
            (scripts / name).chmod(0o755)

    def start(self, file: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a launch file of the package in a process of its own."""
        path = os.environ.get("PYTHONPATH", "")
        extra = [str(ROOT)] if has_launch() else [str(STANDINS), str(ROOT)]
        variables = {
            **{name: value for name, value in os.environ.items() if "_DEFAULT_PROFILES_FILE" not in name},
            "AMENT_PREFIX_PATH": os.pathsep.join(filter(None, [str(self.prefix), os.environ.get("AMENT_PREFIX_PATH")])),
            "PYTHONPATH": os.pathsep.join([*extra, path]),
            "ROS_LOG_DIR": str(self.prefix / "log"),
            **environment,
        }
        command = [sys.executable, str(Path(__file__).with_name("run_launch.py")), str(self.share("launch") / file)]
        return subprocess.Popen(
            [*command, *arguments],
            env=variables,
            cwd=self.prefix,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def share(self, name: str) -> Path:
        """A folder under share/infrared_ir_ros."""
        return self.prefix / "share/infrared_ir_ros" / name

    def calls(self, file: str, *arguments: str, **environment: str) -> dict[str, Call]:
        """Run a launch file until its recording executables have ended: executable -> how it was called."""
        self._log.unlink(missing_ok=True)
        process = self.start(file, *arguments, **environment)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
        calls = [Call(words, variables) for words, variables in map(json.loads, self._log.read_text().splitlines())]
        return {call.executable: call for call in calls}


class Call:
    """How a launch file calls a node."""

    def __init__(self, words: list[str], environment: dict[str, str]) -> None:
        self.executable = Path(words[0]).name
        self.environment = environment
        self.remappings: dict[str, str] = {}
        self.parameters: dict[str, Any] = {}
        self.parameter_files: list[str] = []
        self.log_level = ""
        begin = words.index("--ros-args")
        self.arguments = words[1:begin]
        flags = iter(words[begin:])
        for flag in flags:
            if flag == "--ros-args":
                continue
            value = next(flags)
            if flag == "-r":
                name, _, target = value.partition(":=")
                self.remappings[name] = target
            elif flag == "-p":
                name, _, text = value.partition(":=")
                self.parameters[name] = yaml.safe_load(text)
            elif flag == "--params-file":
                self._add_file(value)
            elif flag == "--log-level":
                self.log_level = value
            else:
                raise AssertionError(f"unexpected argument {flag}")

    def _add_file(self, file: str) -> None:
        """A file that the launch file made holds its `parameters`; others are named by an argument."""
        self.parameter_files.append(file)
        if Path(file).name.startswith("launch_params_"):
            (values,) = yaml.safe_load(Path(file).read_text()).values()
            self.parameters |= values["ros__parameters"]
