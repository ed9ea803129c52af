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

"""Reads untrusted YAML, and refuses what would keep the parser busy for minutes."""

from __future__ import annotations

import re
from typing import Any

import yaml

from infrared_ir_ros.errors import one_line

DEEPEST = 50  # nested brackets: the parser takes seconds for ten thousand, and then gives up
LONGEST_SUM = re.compile(r"(?::[0-5]?\d){20}")  # 1:59:59 is a number in base 60; parsing takes quadratic time


def load_yaml(data: bytes) -> Any:
    """Parse YAML (plain types only). Raises ValueError, with the reason on one line."""
    try:
        text = data.decode("utf-8")
        check_nesting(text)
        if LONGEST_SUM.search(text):
            raise ValueError("a number of more than 20 parts in base 60")
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(one_line(error)) from None


def check_nesting(text: str) -> None:
    """Raises ValueError if more than DEEPEST brackets are nested; those in strings and comments count."""
    depth = deepest = 0
    for bracket in re.finditer(r"[\[\]{}]", text):
        depth += 1 if bracket.group() in "[{" else -1
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise ValueError(f"it nests {deepest} brackets: use at most {DEEPEST}")
