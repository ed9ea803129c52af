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

"""How a node explains itself, and answers arguments that no node takes. Imports nothing heavy."""

from __future__ import annotations

import re
import sys
import textwrap
from dataclasses import dataclass

from infrared_ir_ros.ros.parameter import Parameter, written

WIDTH = 100  # columns
MISSPELT = 2  # as the commands end


@dataclass(frozen=True)
class Manual:
    """Of one node: what it does, and the table of its parameters."""

    node: str
    about: str
    table: tuple[Parameter, ...]

    def answer(self, words: list[str]) -> int | None:
        """The exit code where there is nothing more to do. words: what the user gave beside the arguments of ROS."""
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
        """As the user should have written it, if that can be told."""
        name, _, value = re.sub("^-*", "", words[0]).replace(":=", "=").partition("=")
        if name not in {parameter.name for parameter in self.table}:
            return "--ros-args -p NAME:=VALUE, see --help"
        return f"--ros-args -p {name}:={value or (words[1] if words[1:] else 'VALUE')}"
