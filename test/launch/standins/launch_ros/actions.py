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

"""Nodes and parameters."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from launch.core import Action, LaunchContext
from launch.substitutions import Text, perform

from .descriptions import ParameterValue


class SetParameter(Action):
    """A parameter for all nodes that follow in the scope."""

    def __init__(self, name: str, value: Text, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._name, self._value = name, value

    def execute(self, context: LaunchContext) -> None:
        context.parameters.append((self._name, yaml.safe_load(perform(context, self._value))))


class Node(Action):
    """A process of an installed package; its arguments come in the order of the real launch_ros."""

    def __init__(
        self,
        *,
        package: str,
        executable: str,
        name: str | None = None,
        namespace: Text = "",
        arguments: Iterable[Text] = (),
        parameters: Iterable[Mapping[str, Any]] = (),
        remappings: Iterable[tuple[str, Text]] = (),
        ros_arguments: Iterable[Text] = (),
        respawn: Text | bool = False,
        respawn_delay: float | None = None,
        output: str = "log",
    ) -> None:
        super().__init__()
        self._package, self._executable, self._name, self._namespace = package, executable, name, namespace
        self._arguments = arguments
        self._parameters, self._remappings, self._ros_arguments = parameters, remappings, ros_arguments
        self._respawn = respawn

    def execute(self, context: LaunchContext) -> None:
        assert isinstance(self._respawn, bool) or perform(context, self._respawn).lower() in ("true", "false")
        words = [_executable(context, self._package, self._executable)]
        words += [perform(context, word) for word in self._arguments]
        if self._ros_arguments:
            words += ["--ros-args", *(perform(context, word) for word in self._ros_arguments)]
        namespace = "/" + perform(context, self._namespace).lstrip("/")
        words += ["--ros-args"]
        if self._name is not None:
            words += ["-r", f"__node:={self._name}", "-r", f"__ns:={namespace}"]
        for name, value in context.parameters:
            words += ["-p", f"{name}:={value}"]
        for values in self._parameters:
            words += ["--params-file", _parameter_file(context, f"{namespace}/{self._name}", values)]
        for source, target in self._remappings:
            words += ["-r", f"{source}:={perform(context, target)}"]
        context.processes.append(subprocess.Popen(words, env=context.environment))


def _executable(context: LaunchContext, package: str, executable: str) -> str:
    for prefix in context.environment["AMENT_PREFIX_PATH"].split(os.pathsep):
        path = Path(prefix, "lib", package, executable)
        if os.access(path, os.X_OK):
            return str(path)
    raise LookupError(f"executable '{executable}' not found in package '{package}'")


def _parameter_file(context: LaunchContext, node: str, values: Mapping[str, Any]) -> str:
    """Parameters go to the node in a file, with their types."""
    evaluated = {
        name: value.evaluate(context) if isinstance(value, ParameterValue) else value for name, value in values.items()
    }
    with tempfile.NamedTemporaryFile("w", prefix="launch_params_", delete=False) as file:
        json.dump({node: {"ros__parameters": evaluated}}, file)  # JSON is YAML
    return file.name
