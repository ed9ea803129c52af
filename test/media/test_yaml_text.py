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

"""What keeps a reader of YAML busy for minutes is refused at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.media.yaml_text import load_yaml
from infrared_ir_ros.training.config import read_table


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (10_000 * "[", "nests 10000 brackets: use at most 50"),
        ("a: " + 50_000 * ":59", "more than 20 parts in base 60"),
        (100_000 * "- ", "maximum recursion depth"),
        ("a: [", "expected the node content"),
        ("a: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
        ("a: \xff", "can't decode"),
    ],
)
def test_yaml_that_is_none_or_a_bomb_is_refused(text: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "use at most" in reason or "base 60" in reason:
        monkeypatch.setattr(yaml, "safe_load", lambda _: pytest.fail("parsed"))
    with pytest.raises(ValueError, match=reason) as caught:
        load_yaml(text.encode("latin-1"))
    assert "\n" not in str(caught.value)


def test_yaml_is_read() -> None:
    content = {"a": [[1, 2.5], {"b": None}], "since": 59 * 60 + 59}
    assert load_yaml(b"a: [[1, 2.5], {b: null}]  # [[\nsince: 59:59\n") == content
    assert load_yaml(60 * b"- []\n") == 60 * [[]], "brackets beside each other are not nested"


def test_a_configuration_that_is_a_fifo_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OptionError, match="fifo is a FIFO"):
        read_table(tmp_path / "fifo")
