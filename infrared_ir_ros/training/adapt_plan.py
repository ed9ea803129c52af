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

"""The plan of an adaptation, and what it reports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.restoration.prompts import check_name

RATES = {"prompt": 0.05, "operators": 0.1, "adapters": 2e-3}  # highest learning rate by what is trained
DEVICES = ("auto", "cpu", "cuda")  # where to train
MORE_LOST = 1.02  # a lost share of detail that is larger by up to this factor counts as equal
SINGLE_GAIN = 0.1  # dB after the best gain and offset that a single frame has to gain
SUPERVISIONS = ("clean", "pairs", "labels", "self")


@dataclass(frozen=True)
class Plan:
    """task: the name of the new task. start: the task to start from. optimise: one of RATES.

    steps, minutes: the training ends when either is used up; steps 0: by time alone.
    """

    task: str
    start: str = "restore"
    optimise: str = "prompt"
    steps: int = 0
    minutes: float = 10.0
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        check_name(self.task)
        if self.optimise not in RATES:
            raise OptionError(f"optimise is {self.optimise!r}: use one of {', '.join(RATES)}")
        if self.steps < 0 or not 0 < self.minutes < math.inf:
            raise OptionError(
                f"steps is {self.steps} and minutes is {self.minutes}: steps must be 0 or more, minutes above 0"
            )
        if self.seed < 0:
            raise OptionError(f"seed is {self.seed}: use 0 or more")
        if self.device not in DEVICES:
            raise OptionError(f"device is {self.device!r}: use one of {', '.join(DEVICES)}")

    def share(self, step: int, seconds: float) -> float:
        """The share of the budget that is used up, 0..1."""
        by_steps = step / self.steps if self.steps else 0.0
        return min(max(by_steps, seconds / (60 * self.minutes)), 1.0)


@dataclass(frozen=True)
class Verdict:
    """Of a validation: losses (examples,), and the number of each example's frame; mean PSNR in dB, and mean lost share
    of detail (NaN without clean targets). picture: the first example, restored, uint8."""

    losses: np.ndarray
    frames: np.ndarray
    psnr: float
    psnr_fitted: float
    lost_detail: float
    picture: np.ndarray

    @property
    def loss(self) -> float:
        return float(self.losses.mean())

    @property
    def judges(self) -> int:
        """The number of different frames."""
        return len(np.unique(self.frames))

    def blurs(self, other: Verdict) -> bool:
        """Whether this loses more detail than the other, which no other gain makes up for."""
        return self.lost_detail > MORE_LOST * other.lost_detail

    def beats(self, other: Verdict) -> bool:
        """Whether this is better by more than twice the standard error of the difference, frame by frame.

        Examples of one frame, degraded differently, show the same scene and count once. A single frame says nothing
        about others: its examples only show that the difference is not chance, and its tone may be special, so it has
        to gain after the best gain and offset, too."""
        if self.blurs(other) or (self.judges == 1 and self.psnr_fitted < other.psnr_fitted + SINGLE_GAIN):
            return False
        gains = other.losses - self.losses
        if self.judges > 1:
            gains = np.array([gains[self.frames == frame].mean() for frame in np.unique(self.frames)])
        error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else 0.0
        return bool(gains.mean() > 2 * error)


@dataclass(frozen=True)
class Report:
    """Progress of an adaptation. terms: of the loss in this step. now: the current state, if it was just validated.
    before, best: the start, and the best so far. original: the first example, unrestored, uint8."""

    step: int
    seconds: float
    share: float
    terms: Mapping[str, float]
    before: Verdict
    best: Verdict
    original: np.ndarray
    now: Verdict | None = None


@dataclass(frozen=True)
class Outcome:
    """bank: the file with the new task, or None if it was not better than the start. count: of trained numbers."""

    bank: Path | None
    before: Verdict
    best: Verdict
    step: int
    seconds: float
    count: int
    finished: bool
