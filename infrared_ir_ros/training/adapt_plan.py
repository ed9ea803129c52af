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

"""What an adaptation is asked for, and what it tells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.restoration.prompts import check_name

RATES = {"prompt": 0.05, "operators": 0.1, "adapters": 2e-3}  # highest learning rate of what may be trained
DEVICES = ("auto", "cpu", "cuda")  # where to train
MORE_LOST = 1.02  # times as much detail is as good as the same
SUPERVISIONS = ("clean", "pairs", "labels", "self")  # what is learned from


@dataclass(frozen=True)
class Plan:
    """task: the name of the new one. start: the task whose prompt it begins with. optimise: one of RATES.

    steps, minutes: whichever is spent first ends it; steps 0: time alone.
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
            raise OptionError(f"steps is {self.steps} and minutes {self.minutes}: use 0 or more, and more than 0")
        if self.seed < 0:
            raise OptionError(f"seed is {self.seed}: use 0 or more")
        if self.device not in DEVICES:
            raise OptionError(f"device is {self.device!r}: use one of {', '.join(DEVICES)}")

    def share(self, step: int, seconds: float) -> float:
        """How much of the budget is spent, 0..1."""
        by_steps = step / self.steps if self.steps else 0.0
        return min(max(by_steps, seconds / (60 * self.minutes)), 1.0)


@dataclass(frozen=True)
class Verdict:
    """On the validation part: losses, (examples,), and the frame of each, by number; mean PSNR in dB, and mean share of
    detail that is lost (NaN without clean targets). picture: the first example, restored, uint8."""

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
        """Frames that it rests on."""
        return len(np.unique(self.frames))

    def blurs(self, other: Verdict) -> bool:
        """Whether more detail is lost than by the other: nothing else is worth that."""
        return self.lost_detail > MORE_LOST * other.lost_detail

    def beats(self, other: Verdict) -> bool:
        """Whether this is better by more than twice the standard error of the difference, frame by frame.

        Several examples of one frame, degraded anew, show the same scene: together they count once. One frame alone
        says nothing of others: its examples only say that the difference isn't chance, and its tone is its own, so
        that it must not be worse after the best gain and offset either."""
        if self.blurs(other) or (self.judges == 1 and self.psnr_fitted < other.psnr_fitted):
            return False
        gains = other.losses - self.losses
        if self.judges > 1:
            gains = np.array([gains[self.frames == frame].mean() for frame in np.unique(self.frames)])
        error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else 0.0
        return bool(gains.mean() > 2 * error)


@dataclass(frozen=True)
class Report:
    """Where an adaptation stands. terms: of the loss, in this step. now: of what is trained, where it was
    judged just now. before, best: at the start, and the best so far. original: the first example as it came, uint8."""

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
    """bank: the file with the new task, or None where it was not better than the start. count: numbers trained."""

    bank: Path | None
    before: Verdict
    best: Verdict
    step: int
    seconds: float
    count: int
    finished: bool
