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

"""Checkpoints of a training: everything needed to resume it, written atomically."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from infrared_ir_ros.errors import OptionError, WeightsError, one_line
from infrared_ir_ros.media.atomic import temporary_name, write_atomically

FILE = "checkpoint.pt"


@dataclass
class Progress:
    """The progress of a training.

    stage: index. step: optimiser steps of this stage. seconds: trained in this stage. sums, counted: of the loss terms
    since the last row of the log; of
    tasks, `sums` holds both by task.
    """

    stage: int = 0
    step: int = 0
    seconds: float = 0.0
    prior: dict = field(default_factory=dict)
    average: dict = field(default_factory=dict)
    optimizer: dict = field(default_factory=dict)
    sums: dict = field(default_factory=dict)
    counted: int = 0


def check_output(folder: Path, resume: bool) -> None:
    """Raises OptionError if a new training would overwrite the checkpoint of another one.

    Removes half-written files of trainings that were killed while saving, each as large as a checkpoint.
    """
    if not resume and (folder / FILE).exists():
        raise OptionError(f"{folder} already holds a training: continue it with --resume, or choose another --output")
    for left in folder.glob(temporary_name(Path(FILE), "*").name):
        with suppress(OSError):
            left.unlink()


def save(folder: Path, progress: Progress) -> None:
    """Write `folder/checkpoint.pt`. Raises SourceError, or WeightsError for weights that are not finite; the old
    checkpoint is then untouched."""
    if not all(tensor.isfinite().all() for tensor in _tensors([progress.prior, progress.average])):
        raise WeightsError(
            f"weights are no longer finite (stage {progress.stage + 1}, step {progress.step}) and were not saved: "
            f"start again with a lower rate; a checkpoint in {folder} is from before"
        )
    content = io.BytesIO()
    torch.save(vars(progress), content)
    write_atomically(folder / FILE, content.getvalue())


def _tensors(value: object) -> Iterator[Tensor]:
    """All tensors in nested dicts, lists and tuples."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _tensors(inner)


def load(folder: Path) -> Progress:
    """Read a checkpoint, tensors only. Raises WeightsError if it is missing or damaged."""
    path = folder / FILE
    if not path.is_file():
        raise WeightsError(f"{path} does not exist: no training was started in this folder")
    try:
        return Progress(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        reason = type(error).__name__  # its text may advise to run the code in the file
        raise WeightsError(f"{path} can't be read ({reason}): delete it or restore it from a copy") from error


def fill(module: nn.Module, weights: dict[str, Tensor], what: str) -> None:
    """Load a checkpoint's weights into a module, described by `what`. Raises WeightsError if they do not fit it."""
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        reason = one_line(error)
        raise WeightsError(f"the checkpoint is not of {what}: {reason}") from error


def fill_optimizer(optimizer: torch.optim.Optimizer, state: dict) -> None:
    """Load a checkpoint's optimiser; an empty state leaves it new. Raises WeightsError if it is of other parameters."""
    try:
        if state:
            optimizer.load_state_dict(state)
    except (KeyError, ValueError) as error:
        raise WeightsError(
            f"the checkpoint trained other parts than this configuration ({one_line(error)}): resume with the "
            "configuration that it began with"
        ) from error
