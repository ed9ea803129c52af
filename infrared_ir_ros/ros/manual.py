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

"""The --help of a node, and its answer to unknown arguments. Imports nothing heavy."""

from __future__ import annotations

import re
import sys
import textwrap
from dataclasses import dataclass

from infrared_ir_ros.ros.parameter import Parameter, written

WIDTH = 100  # columns
MISSPELT = 2  # exit code, as of the commands


@dataclass(frozen=True)
class Manual:
    """node: its name. about: what it does. table: its parameters."""

    node: str
    about: str
    table: tuple[Parameter, ...]

    def answer(self, words: list[str]) -> int | None:
        """Print help or an error and return the exit code; None to go on. words: arguments other than those of ROS."""
        if not words:
            return None
        if {"-h", "--help"} & set(words):
            print(self.text())
            return 0
        print(f"unknown argument {words[0]!r}: parameters are given as {self._remedy(words)}", file=sys.stderr)
        return MISSPELT

    def text(self) -> str:
        """The answer to --help."""
        lines = [
            f"Usage: {self.node} [--ros-args [-p NAME:=VALUE] [-r FROM:=TO] [--params-file FILE] ...]",
            "",
            *textwrap.wrap(self.about, WIDTH),
            "",
            "Parameters (-p) and their defaults:",
        ]
        for parameter in self.table:
            lines.append(f"  {parameter.name}:={written(parameter.default)}")
            meaning = f"{parameter.meaning[0].upper()}{parameter.meaning[1:]}"
            text = f"{meaning}. Values: {parameter.values}. Set {parameter.change}."
            lines += textwrap.wrap(text, WIDTH, initial_indent="      ", subsequent_indent="      ")
        return "\n".join(lines)

    def _remedy(self, words: list[str]) -> str:
        """What the user should have written, if it can be guessed."""
        name, _, value = re.sub("^-*", "", words[0]).replace(":=", "=").partition("=")
        if name not in {parameter.name for parameter in self.table}:
            return "--ros-args -p NAME:=VALUE, see --help"
        return f"--ros-args -p {name}:={value or (words[1] if words[1:] else 'VALUE')}"
