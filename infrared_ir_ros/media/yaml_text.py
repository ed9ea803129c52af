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

"""YAML from outside, without what keeps its reader busy for minutes."""

from __future__ import annotations

import re
from typing import Any

import yaml

from infrared_ir_ros.errors import one_line

DEEPEST = 50  # brackets in one another: the parser takes seconds for ten thousand, and then gives up
LONGEST_SUM = re.compile(r"(?::[0-5]?\d){20}")  # 1:59:59 is a number in base 60, whose length costs its square


def load_yaml(data: bytes) -> Any:
    """What a text in YAML holds: plain types only. Raises ValueError, with the reason on one line, for what is none."""
    try:
        text = data.decode("utf-8")
        if (depth := nesting(text)) > DEEPEST:
            raise ValueError(f"{depth} brackets in one another: use at most {DEEPEST}")
        if LONGEST_SUM.search(text):
            raise ValueError("a number of more than 20 parts in base 60")
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(one_line(error)) from None


def nesting(text: str) -> int:
    """How many brackets at most stand in one another; those in texts and comments count."""
    depth = deepest = 0
    for bracket in re.finditer(r"[\[\]{}]", text):
        depth += 1 if bracket.group() in "[{" else -1
        deepest = max(deepest, depth)
    return deepest
