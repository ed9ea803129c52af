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

"""A parameter of a node: its type, range and meaning, and how a table of them is written down."""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from infrared_ir_ros.errors import OptionError, one_line

Value = bool | int | float | str

ALWAYS = "at any time"
UNCONFIGURED = "while unconfigured"
START = "at start"


@dataclass(frozen=True)
class Parameter:
    """One parameter. `change` says when it may be set: ALWAYS, UNCONFIGURED (it is read by configure) or START."""

    name: str
    default: Value
    meaning: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    change: str = ALWAYS

    @property
    def values(self) -> str:
        """The allowed values, in words."""
        if self.choices:
            return ", ".join(self.choices)
        if self.low is not None:
            return f"{self.low:g} to {self.high:g}"
        return {bool: "true, false", str: "text"}.get(type(self.default), "any number")

    @property
    def is_switch(self) -> bool:
        """Whether YAML may read its value as a bool: unquoted on and off become true and false."""
        return "on" in self.choices

    def read(self, value: Value) -> Value:
        """The value with `is_switch` booleans turned back into on and off."""
        return ("on" if value else "off") if self.is_switch and isinstance(value, bool) else value

    def check(self, value: object) -> None:
        """Raises OptionError unless `value` has the right type and lies in the range."""
        if type(value) is not type(self.default):
            kind = type(self.default).__name__
            raise OptionError(f"{self.name} is {one_line(repr(value))}: it must be a {kind} like {self.default!r}")
        if isinstance(value, float) and not math.isfinite(value):
            raise OptionError(f"{self.name} is {value}: it must be a finite number")
        if self.low is not None and not self.low <= value <= self.high:  # type: ignore[operator]
            raise OptionError(f"{self.name} is {value}: use a number from {self.values}")
        if self.choices and value not in self.choices:
            raise OptionError(f"{self.name} is {one_line(repr(value))}: use one of {self.values}")


def path_of(values: Mapping[str, Value], name: str) -> str:
    """The path in a parameter, with ~ expanded: no shell does that in NAME:=~/x or in YAML."""
    return os.path.expanduser(str(values[name]))


def render_yaml(table: Iterable[Parameter], node: str, command: str) -> str:
    """A configuration file: every parameter at its default, with meaning, values and when it may change.

    node: the node that the table belongs to. command: the module, with arguments, that prints the file.
    """
    lines = [
        f"# Every parameter of {node}, at its default.",
        f"# Printed by `python -m infrared_ir_ros.ros.{command}`; a test compares.",
        "/**:",
        "  ros__parameters:",
    ]
    group = ""
    for parameter in table:
        head, _, leaf = parameter.name.rpartition(".")
        if head != group and head:
            lines.append(f"    {head}:")
        group = head
        indent = "      " if head else "    "
        comment = f"{parameter.meaning[0].upper()}{parameter.meaning[1:]}."
        lines += textwrap.wrap(comment, 100, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
        lines.append(f"{indent}# Values: {parameter.values}. Set {parameter.change}.")
        lines.append(f"{indent}{leaf}: {written(parameter.default)}")
    return "\n".join(lines) + "\n"


def render_markdown(table: Iterable[Parameter]) -> str:
    """The table of the documentation."""
    lines = ["| parameter | default | values | set | meaning |", "|---|---|---|---|---|"]
    for parameter in table:
        default = f"`{written(parameter.default)}`"
        row = (f"`{parameter.name}`", default, parameter.values, parameter.change, parameter.meaning)
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def written(value: Value) -> str:
    """The value as written in YAML and on the command line of ROS."""
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
