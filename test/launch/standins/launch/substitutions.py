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

"""Values that are known only when a description runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Union

from .core import LaunchContext

Text = Union[str, "Substitution", Sequence[Union[str, "Substitution"]]]


class Substitution:
    """A text that depends on the context."""

    def perform(self, context: LaunchContext) -> str:
        raise NotImplementedError


def perform(context: LaunchContext, text: Text) -> str:
    """The text that a string, a substitution or a list of them stands for."""
    if isinstance(text, str):
        return text
    if isinstance(text, Substitution):
        return text.perform(context)
    return "".join(perform(context, part) for part in text)


class LaunchConfiguration(Substitution):
    """The value of a launch argument."""

    def __init__(self, name: str) -> None:
        self._name = name

    def perform(self, context: LaunchContext) -> str:
        return context.launch_configurations[self._name]


class EnvironmentVariable(Substitution):
    """A variable of the environment, or a default."""

    def __init__(self, name: str, *, default_value: Text) -> None:
        self._name, self._default = name, default_value

    def perform(self, context: LaunchContext) -> str:
        value = context.environment.get(self._name)
        return perform(context, self._default) if value is None else value


class PathJoinSubstitution(Substitution):
    """Parts of a path, joined."""

    def __init__(self, parts: Sequence[Text]) -> None:
        self._parts = parts

    def perform(self, context: LaunchContext) -> str:
        return os.path.join(*(perform(context, part) for part in self._parts))
