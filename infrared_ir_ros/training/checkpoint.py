"""Checkpoints of a training: everything that resuming needs, written whole or not at all."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import torch

from infrared_ir_ros.errors import WeightsError

FILE = "checkpoint.pt"


@dataclass
class Progress:
    """Where a training stands. stage: index. step: optimiser steps of this stage. seconds: trained in this stage."""

    stage: int = 0
    step: int = 0
    seconds: float = 0.0
    prior: dict = field(default_factory=dict)
    average: dict = field(default_factory=dict)
    optimizer: dict = field(default_factory=dict)


def save(folder: Path, progress: Progress) -> None:
    """Write `folder/checkpoint.pt` under a temporary name, then rename."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / (FILE + ".writing")
    with temporary.open("wb") as file:
        torch.save(vars(progress), file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / FILE)


def load(folder: Path) -> Progress:
    """Read a checkpoint, tensors only. Raises WeightsError where there is none or it is damaged."""
    path = folder / FILE
    if not path.is_file():
        raise WeightsError(f"{path} does not exist: there is nothing to resume, start without --resume")
    try:
        return Progress(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise WeightsError(f"{path} can't be read ({error}): delete it or restore it from a copy") from error
