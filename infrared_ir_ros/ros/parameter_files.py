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

"""Checks parameter files (`--params-file`) before ROS reads them, and finds those without effect.

ROS waits forever on a FIFO, takes minutes for deeply nested brackets, and silently ignores what is for other nodes.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from infrared_ir_ros.errors import OptionError, SourceError
from infrared_ir_ros.media.paths import printable, read_file
from infrared_ir_ros.media.yaml_text import check_nesting

LARGEST = 1 << 20  # bytes
PARAMETERS = "ros__parameters"


def check_parameter_files(args: list[str] | None = None) -> None:
    """Raises OptionError for a file that ROS cannot read, or only slowly. args: default `sys.argv`."""
    for file in _files(args):
        try:
            check_nesting(read_file(file, LARGEST).decode("utf-8", "replace"))
        except SourceError as error:
            raise OptionError(f"--params-file: {error}") from None
        except ValueError as error:
            raise OptionError(f"--params-file {printable(str(file))}: {error}") from None


def useless_files(node: str, taken: Collection[str], args: list[str] | None = None) -> list[str]:
    """A message for each file whose parameters are all for other nodes.

    node: full name of this one. taken: the names of all parameters that ROS passed to it. args: default `sys.argv`.
    """
    problems = []
    for file in _files(args):
        given = dict(_nodes(file))
        if given and not any(names & set(taken) for names in given.values()):
            others = printable(", ".join(f"{name}:" for name in given))
            problems.append(
                f"{printable(str(file))} is not for this node, nothing in it is used: begin it with /**: or {node}: "
                f"(it begins with {others})"
            )
    return problems


def _files(args: list[str] | None) -> list[Path]:
    words = sys.argv if args is None else args
    return [Path(file) for word, file in pairwise(words) if word == "--params-file"]


def _nodes(file: Path) -> Iterator[tuple[str, set[str]]]:
    """The nodes in a file that ROS has read, with the names of their parameters."""
    try:
        content = yaml.load(read_file(file, LARGEST), yaml.BaseLoader)  # texts only, whatever its tags say
    except (SourceError, yaml.YAMLError):
        return  # it has changed since
    for path, parameters in _branches(content, ()):
        if path[-1] == PARAMETERS:
            yield "/".join(path[:-1]), {".".join(name) for name, value in _branches(parameters, ()) if name}


def _branches(tree: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All values below a YAML tree with the path of their keys, down to the parameters of a node."""
    if not isinstance(tree, dict):
        return
    for key, value in tree.items():
        yield (*path, key), value
        if key != PARAMETERS:
            yield from _branches(value, (*path, key))
