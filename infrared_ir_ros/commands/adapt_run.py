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

"""The run behind adapt_prompt: reads, trains with a progress bar, reports the result."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from infrared_ir_ros.media import write_atomically
from infrared_ir_ros.restoration.prompts import read_bank
from infrared_ir_ros.restoration.weights import find_prior
from infrared_ir_ros.training.adapt import adapt
from infrared_ir_ros.training.adapt_frames import Lesson, read_material
from infrared_ir_ros.training.adapt_plan import Outcome, Plan, Report

PICTURE = "before_after.png"
FEW = 4  # frames; fewer are not representative


def run(
    plan: Plan, lesson: Lesson, output: Path, prior_path: str, prompts: str, resume: bool, stop: Callable[[], bool]
) -> int:
    """0, or 1 if nothing better was found or something could not be read. Raises InfraredError."""
    problems: list[str] = []
    files, bank = find_prior("embedded", prior_path), read_bank(prompts) if prompts else None
    material = read_material(lesson, problems.append)
    for problem in problems:
        tqdm.write(f"adapt_prompt: {problem}", file=sys.stderr)
    with tqdm(total=100, unit="%", desc=plan.task, disable=None) as bar:
        outcome = adapt(plan, files, bank, material, output, resume, stop, tell=lambda report: _show(bar, report))
    write_atomically(output / PICTURE, cv2.imencode(".png", comparison(outcome))[1].tobytes())
    print(f"{outcome.count} numbers trained in {outcome.step} steps, {outcome.seconds / 60:.1f} minutes")
    print(f"validation: {difference(outcome)}")
    if not outcome.finished:
        print(f"not finished: continue with --resume --output {output}")
    if outcome.bank is None:
        print("not better than its start: nothing was saved")
        return 1
    print(f"saved: {outcome.bank}; in the node: prompts:={outcome.bank.absolute()} task:={plan.task}")
    return 1 if problems else 0


def difference(outcome: Outcome) -> str:
    """The gain of the best state over the start, in words."""
    before, best = outcome.before, outcome.best
    words = f"loss {before.loss:.4f} -> {best.loss:.4f}"
    if not math.isnan(before.psnr):
        words += f"; PSNR {before.psnr:.2f} -> {best.psnr:.2f} dB"
        words += f", after the best gain and offset {before.psnr_fitted:.2f} -> {best.psnr_fitted:.2f} dB"
        words += f"; detail lost {before.lost_detail:.1%} -> {best.lost_detail:.1%}"
    if best.judges < FEW:
        words += f" (on {best.judges} frames only, too few to generalise: use more frames)"
    return words


def comparison(outcome: Outcome) -> np.ndarray:
    """The first validation frame, restored by the start and by the best state, side by side, uint8."""
    return np.hstack([outcome.before.picture, outcome.best.picture])


def _show(bar: tqdm, report: Report) -> None:
    bar.update(round(100 * report.share) - bar.n)
    bar.set_postfix(step=report.step, start=f"{report.before.loss:.4f}", best=f"{report.best.loss:.4f}")
