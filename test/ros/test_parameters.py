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

"""One table of parameters: its renderings are what the repository ships, its checks refuse with a reason."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.records import DetectionOptions, Options
from infrared_ir_ros.ros.parameter import render_markdown, render_yaml
from infrared_ir_ros.ros.parameters import BY_NAME, TABLE, check_all, detection_options_from, options_from

ROOT = Path(__file__).parents[2]
DEFAULTS = {parameter.name: parameter.default for parameter in TABLE}


def test_the_configuration_file_is_the_rendering_of_the_table() -> None:
    assert (ROOT / "config" / "restore.yaml").read_text() == render_yaml(TABLE, "restore_node", "parameters yaml")


def test_the_readme_holds_the_rendering_of_the_table() -> None:
    begin, end = "<!-- parameters -->", "<!-- /parameters -->"
    text = (ROOT / "README.md").read_text()
    assert text.partition(begin)[2].partition(end)[0].strip() == render_markdown(TABLE).strip()


def test_the_configuration_file_sets_every_default() -> None:
    tree = yaml.safe_load(render_yaml(TABLE, "restore_node", "parameters yaml"))["/**"]["ros__parameters"]
    flat = {}
    for key, value in tree.items():
        flat |= {f"{key}.{leaf}": inner for leaf, inner in value.items()} if isinstance(value, dict) else {key: value}
    assert flat == DEFAULTS
    assert all(type(flat[name]) is type(default) for name, default in DEFAULTS.items())


@pytest.mark.parametrize(
    ("kind", "rendered"),
    [("yaml", render_yaml(TABLE, "restore_node", "parameters yaml")), ("markdown", render_markdown(TABLE))],
)
def test_the_table_prints_itself_and_does_not_need_ros(kind: str, rendered: str) -> None:
    code = (
        "import runpy, sys; sys.modules['rclpy'] = None; "
        f"sys.argv = ['parameters', '{kind}']; runpy.run_module('infrared_ir_ros.ros.parameters', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == rendered


def test_the_defaults_are_valid_and_give_options() -> None:
    options = check_all(DEFAULTS)
    assert isinstance(options, Options) and options == options_from(DEFAULTS)
    assert options.counts.high_percentile == DEFAULTS["counts.high_percentile"]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("strength", 1.5, "strength is 1.5: use a number from 0 to 1"),
        ("strength", float("nan"), "finite"),
        ("strength", 1, "must be a float"),
        ("tone", "loud", "tone is 'loud': use one of auto, restore, preserve"),
        ("palette", "rainbow", "use one of white_hot, black_hot, ironbow, inferno"),
        ("autostart", "yes", "must be a bool"),
        ("max_age_ms", float("inf"), "finite"),
    ],
)
def test_a_wrong_value_is_refused_with_its_reason(name: str, value: object, text: str) -> None:
    with pytest.raises(OptionError, match=text):
        BY_NAME[name].check(value)


@pytest.mark.parametrize(("name", "value"), [("tone", "x" * 100_000), ("strength", "x" * 100_000)])
def test_a_reason_does_not_repeat_a_value_of_pages(name: str, value: object) -> None:
    with pytest.raises(OptionError, match="is 'xxx.*: (use one of|it must be)") as caught:
        BY_NAME[name].check(value)
    assert len(str(caught.value)) < 500


def test_a_bare_on_of_yaml_is_the_word_where_that_is_a_choice() -> None:
    assert [BY_NAME["pattern_memory"].read(value) for value in (True, False, "auto")] == ["on", "off", "auto"]
    assert BY_NAME["autostart"].read(True) is True


def test_values_that_contradict_each_other_are_refused_together() -> None:
    with pytest.raises(OptionError, match="minimum must be below maximum"):
        check_all(DEFAULTS | {"counts.minimum": 10.0, "counts.maximum": 5.0})
    with pytest.raises(OptionError, match="0.01 or 0.1"):
        check_all(DEFAULTS | {"counts.resolution": 0.05})
    with pytest.raises(OptionError, match="palette is 'rainbow'"):
        check_all(DEFAULTS | {"palette": "rainbow"})


def test_classes_are_names_between_commas() -> None:
    assert detection_options_from(DEFAULTS) == DetectionOptions()
    asked = detection_options_from(DEFAULTS | {"detector.classes": " person, traffic light ,,"})
    assert asked.classes == ("person", "traffic light")
