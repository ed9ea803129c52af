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

"""The configuration of `train_tasks`: tasks, durations, frames and losses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.restoration.prompts import check_name
from infrared_ir_ros.training.config import PRECISIONS, build, build_mix, check_choices, read_table, tables
from infrared_ir_ros.training.frames import Mix
from infrared_ir_ros.training.numbers import Count, NonNegative, Positive, PositiveCount, Seed
from infrared_ir_ros.training.spectral import KINDS

OPTIMISE = ("all", "prompt")
SEMANTIC = ("detection", "segmentation", "small_target")
GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class TaskConfig:
    """minutes: its part of the training. spectral, perceptual, semantic_weight: weights of the losses beside the base
    (design section 1.6); 0 omits one.

    spectral_kind: one of KINDS of training.spectral. semantic: one of SEMANTIC, or None; its weight is relative to the
    gradient of the other terms, and rises over the first `semantic_warm_up` steps of the training.
    """

    name: str
    minutes: Positive
    mix: Mix
    spectral: NonNegative = 0.0
    spectral_kind: str = "proportion"
    perceptual: NonNegative = 0.0
    semantic: str | None = None
    semantic_weight: NonNegative = 0.0
    semantic_warm_up: Count = 500


@dataclass(frozen=True)
class TasksConfig:
    """optimise: `all` trains adapters, hypernetwork and prompts; `prompt` only the prompts of a prior with adapters.

    rate: highest learning rate of adapters and hypernetwork. prompt_rate: of the prompts, which start as ones.
    rank, alpha: of new adapters; their scale is alpha / rank.
    """

    tasks: list[TaskConfig]
    optimise: str = "all"
    rate: Positive = 5e-4
    prompt_rate: Positive = 5e-3
    rank: PositiveCount = 32
    alpha: Positive = 8.0
    seed: Seed = 0
    weight_decay: NonNegative = 0.01
    log_every: PositiveCount = 20
    save_minutes: NonNegative = 3.0
    workers: Count = 1
    precision: str = "fp32"

    @property
    def seconds(self) -> float:
        """Length of the whole schedule."""
        return 60 * sum(task.minutes for task in self.tasks)

    @cached_property
    def _ends(self) -> np.ndarray:
        minutes = np.cumsum([task.minutes for task in self.tasks])
        return minutes / minutes[-1]

    def task_at(self, step: int) -> TaskConfig:
        """The task of a step. Tasks alternate in proportion to their minutes, spread evenly by multiples of the golden
        ratio."""
        return self.tasks[int(np.searchsorted(self._ends, (step * GOLDEN) % 1.0, side="right"))]


def read_tasks_config(path: Path) -> TasksConfig:
    """Read a configuration. Raises OptionError with the file, the key and the expected value.

    The tasks share the file's `mix`; a task's own `mix` overrides it.
    """
    content = read_table(path)
    shared = content.pop("mix", {})
    tasks = [_task(path, shared, task) for task in tables(path, content, "tasks")]
    if not tasks or len({task.name for task in tasks}) < len(tasks):
        raise OptionError(f"{path} has no tasks, or one twice: list each, like `- {{name: detect, minutes: 30}}`")
    config = build(path, TasksConfig, content | {"tasks": tasks})
    check_choices(path, config, optimise=OPTIMISE, precision=PRECISIONS)
    return config


def _task(path: Path, shared: dict[str, Any], content: dict[str, Any]) -> TaskConfig:
    where = f"task {content.get('name')}: "
    mix = build_mix(path, content.get("mix", {}), shared, where)
    task = build(path, TaskConfig, content | {"mix": mix}, where=where)
    try:
        check_name(task.name)  # fails now rather than when the bank is written after the training
    except OptionError as error:
        raise OptionError(f"{path}: {error}") from error
    if task.spectral_kind not in KINDS or task.semantic not in (None, *SEMANTIC):
        raise OptionError(
            f"{path}: task {task.name} has spectral_kind {task.spectral_kind!r} and semantic {task.semantic!r}: use "
            f"{' or '.join(KINDS)}, and {', '.join(SEMANTIC)} or null"
        )
    if bool(task.semantic) != bool(task.semantic_weight):
        raise OptionError(
            f"{path}: task {task.name} has semantic {task.semantic!r} and semantic_weight {task.semantic_weight:g}: "
            "give both, the weight above 0, or neither"
        )
    return task
