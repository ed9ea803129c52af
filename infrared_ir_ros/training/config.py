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

"""The configuration of a training: a YAML file read into frozen records.

Unknown and missing keys are refused, and so are values outside the type and range that the record declares.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from infrared_ir_ros.errors import OptionError, SourceError
from infrared_ir_ros.media.paths import printable, read_file
from infrared_ir_ros.media.yaml_text import load_yaml
from infrared_ir_ros.simulation.degradation import check_preset
from infrared_ir_ros.simulation.profile import is_profile, read_profile
from infrared_ir_ros.training.frames import Mix
from infrared_ir_ros.training.numbers import Count, Decay, NonNegative, Positive, PositiveCount, Seed
from infrared_ir_ros.training.stages import STAGES, FieldStage

PRECISIONS = ("fp32", "bf16")
OF_WHOLE_FRAMES = tuple(item.name for item in fields(Mix) if item.name not in ("sets", "presets"))
LARGEST_TABLE = 10_000  # values; the shipped configurations hold about 100
DEGRADE_ON = ("auto", "loader", "device")


@dataclass(frozen=True)
class StageConfig:
    """rate: highest learning rate. minutes or steps: length of the schedule over all sessions; one of them is 0.

    batch, pool: thumbnails per step and process, and drawn in advance.
    """

    name: str
    rate: Positive
    mix: Mix
    minutes: NonNegative = 0.0
    steps: Count = 0
    batch: PositiveCount = 96
    pool: PositiveCount = 16000

    def share(self, step: int, seconds: float) -> float:
        """The share of the schedule that is done after `step` steps and `seconds`: 1 is all."""
        return step / self.steps if self.steps else seconds / (60 * self.minutes)


@dataclass(frozen=True)
class PriorConfig:
    """prior: keywords of the embedded prior's constructor. average: decay of the averaged weights.

    workers: processes that draw frames, per training process. precision: of the forward pass, one of PRECISIONS.
    degrade_on: where frames are degraded; `auto` is the loader's processes on a CPU, and the device otherwise.
    """

    prior: dict[str, Any]
    stages: list[StageConfig]
    seed: Seed = 0
    average: Decay = 0.998
    weight_decay: NonNegative = 0.01
    log_every: PositiveCount = 50
    save_minutes: NonNegative = 3.0
    workers: Count = 1
    precision: str = "fp32"
    degrade_on: str = "auto"

    def title(self, index: int) -> str:
        """The stage's name for log and pictures, numbered if an earlier stage has the same name."""
        name = self.stages[index].name
        earlier = sum(stage.name == name for stage in self.stages[:index])
        return f"{name}_{earlier + 1}" if earlier else name


def read_config(path: Path) -> PriorConfig:
    """Read a configuration. Raises OptionError with the file, the key and the expected value."""
    content = read_table(path)
    stages = [_stage(path, stage) for stage in tables(path, content, "stages")]
    if not stages:
        raise OptionError(f"{path} names no stages: list at least one of {', '.join(STAGES)}")
    config = build(path, PriorConfig, content | {"stages": stages})
    check_choices(path, config, precision=PRECISIONS, degrade_on=DEGRADE_ON)
    return config


def _stage(path: Path, content: dict[str, Any]) -> StageConfig:
    if content.get("name") not in tuple(STAGES):
        raise OptionError(f"{path}: stage {content.get('name')!r} is unknown: use one of {', '.join(STAGES)}")
    where = f"stage {content['name']}: "
    whole = content["name"] != FieldStage.name
    defaults = {} if whole else {"sizes": []}  # thumbnails have one size
    mix = build_mix(path, content.get("mix", {}), defaults, where, whole)
    stage = build(path, StageConfig, content | {"mix": mix}, where=where)
    if bool(stage.minutes) == bool(stage.steps):
        raise OptionError(
            f"{path}: stage {stage.name} has minutes: {stage.minutes:g} and steps: {stage.steps}: give one of them, "
            "above 0"
        )
    return stage


def build_mix(path: Path, content: dict[str, Any], defaults: dict[str, Any], where: str, whole: bool = True) -> Mix:
    """A mix of `content` over `defaults`. whole: of whole frames, which have sizes.

    Raises OptionError as `build`, and for weights that select nothing and unknown presets.
    """
    mix = build(path, Mix, content, defaults, f"{where}mix: ")
    weights = {"sets": list(mix.sets.values()), "presets": list(mix.presets.values())}
    if whole:
        weights["sizes"] = [size[3] for size in mix.sizes]
    elif ignored := [key for key in OF_WHOLE_FRAMES if getattr(mix, key)]:
        raise OptionError(f"{path}: {where}mix: {', '.join(ignored)}: thumbnails have none of these, remove them")
    for key, of_key in weights.items():
        check_weights(path, f"{where}mix: {key}", getattr(mix, key), of_key)
    check_presets(path, f"{where}mix: presets", mix.presets)
    return mix


def check_weights(path: Path, key: str, given: object, weights: Iterable[float]) -> None:
    """Raises OptionError if `weights` select nothing or overflow. given: the value to show in the message."""
    if not 0 < sum(weights) < math.inf:
        raise OptionError(f"{path}: {key} is {given}: at least one weight must be above 0, and none huge")


def check_presets(path: Path, key: str, presets: Iterable[str]) -> None:
    """Raises OptionError for the first unknown preset."""
    for preset in presets:
        try:
            check_preset(preset)
            if is_profile(preset):
                read_profile(preset)  # fails now rather than in a process that draws frames
        except (OptionError, SourceError) as error:
            raise OptionError(f"{path}: {key}: {error}") from None


def read_table(path: Path) -> dict[str, Any]:
    """The table in a YAML file. Raises OptionError, naming the file, if it holds none."""
    try:
        content = load_yaml(read_file(path, 1 << 20))
    except (SourceError, ValueError) as error:
        raise OptionError(f"configuration {path} can't be read: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise OptionError(f"configuration {path} holds {type(content).__name__}, not a table: see config/")
    if _count(content, {}) > LARGEST_TABLE:
        raise OptionError(
            f"configuration {path} holds more than {LARGEST_TABLE} values once its aliases (*name) are expanded: see "
            "the examples in config/"
        )
    return content


def _count(value: object, known: dict[int, int]) -> int:
    """The number of values in a table with its aliases expanded, as in an error message that shows it.

    known: counts of values seen before, by identity. A value that contains itself counts as too many.
    """
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = LARGEST_TABLE + 1
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = min(1 + sum(_count(one, known) for one in inner), LARGEST_TABLE + 1)
    return known[id(value)]


def tables(path: Path, content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Remove and return a list of tables of a configuration. Raises OptionError for anything else."""
    found = content.pop(key, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise OptionError(f"{path}: {key} is {str(found)[:80]!r}: list tables, like `- {{name: ...}}`")
    return found


def check_choices(path: Path, config: object, **choices: Sequence[str]) -> None:
    """Raises OptionError for the first value that is not among its choices."""
    for key, known in choices.items():
        if getattr(config, key) not in known:
            raise OptionError(f"{path}: {key} is {getattr(config, key)!r}: use one of {', '.join(known)}")


def build(
    path: Path, record: type, content: dict[str, Any], defaults: dict[str, Any] | None = None, where: str = ""
) -> Any:
    """A record built from a table, over `defaults`. where: prefix of messages, such as `stage field: `.

    Raises OptionError with the file, and the key that is unknown, missing, or outside the record's type and range.
    """
    for table in (defaults or {}, content):
        if not isinstance(table, dict):
            raise OptionError(f"{path}: {where}{record.__name__} is {str(table)[:80]!r}: give it as a table")
    content = {**(defaults or {}), **content}
    known = {item.name for item in fields(record)}
    if unknown := {str(key) for key in content} - known:
        raise OptionError(
            f"{path}: {where}unknown key {', '.join(sorted(unknown))}: {record.__name__} has {', '.join(sorted(known))}"
        )
    try:
        return TypeAdapter(record).validate_python(content)
    except ValidationError as error:
        wrong = error.errors()[0]
        key = ".".join(map(str, wrong["loc"]))
        if wrong["type"] == "missing":
            raise OptionError(f"{path}: {where}{key} is missing") from None
        raise OptionError(f"{path}: {where}{key} is {printable(repr(wrong['input']))}: {wrong['msg']}") from None
