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

"""Arguments, scopes, inclusion and environment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .core import Action, LaunchContext
from .launch_description_sources import PythonLaunchDescriptionSource
from .substitutions import Text, perform


class DeclareLaunchArgument(Action):
    """An argument and its default."""

    def __init__(self, name: str, *, default_value: Text | None = None, description: str) -> None:
        super().__init__()
        self.name, self.default_value, self.description = name, default_value, description

    def execute(self, context: LaunchContext) -> None:
        if self.name not in context.launch_configurations:
            if self.default_value is None:
                raise RuntimeError(f"Required launch argument '{self.name}' was not provided")
            context.launch_configurations[self.name] = perform(context, self.default_value)


class SetEnvironmentVariable(Action):
    """Sets a variable for the processes that follow."""

    def __init__(self, name: Text, value: Text, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._name, self._value = name, value

    def execute(self, context: LaunchContext) -> None:
        context.environment[perform(context, self._name)] = perform(context, self._value)


class GroupAction(Action):
    """A scope: parameters and arguments set inside are gone after it."""

    def __init__(self, actions: Iterable[Action]) -> None:
        super().__init__()
        self._actions = list(actions)

    def execute(self, context: LaunchContext) -> None:
        outside = list(context.parameters), dict(context.launch_configurations)
        for action in self._actions:
            action.visit(context)
        context.parameters, context.launch_configurations = outside


class IncludeLaunchDescription(Action):
    """Another launch file, with values for its arguments."""

    def __init__(
        self, source: PythonLaunchDescriptionSource, *, launch_arguments: Iterable[tuple[str, Text]] = ()
    ) -> None:
        super().__init__()
        self._source, self._arguments = source, list(launch_arguments)

    def execute(self, context: LaunchContext) -> None:
        for name, value in self._arguments:
            context.launch_configurations[name] = perform(context, value)
        self._source.load(context).visit(context)
