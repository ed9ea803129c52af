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

"""A task on a frozen prior, of which one part is trained: its prompt, its operators, or bases of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from infrared_ir_ros.engines.torch_engine import load_prior
from infrared_ir_ros.errors import OptionError, WeightsError
from infrared_ir_ros.priors.adapters import AdaptedPrior, Adapters
from infrared_ir_ros.priors.embedded import Correction
from infrared_ir_ros.restoration.folding import PROMPTS, read_adapters
from infrared_ir_ros.restoration.prompts import PromptBank
from infrared_ir_ros.restoration.shading import shrunk
from infrared_ir_ros.restoration.weights import PriorFiles
from infrared_ir_ros.training.adapt_examples import Example
from infrared_ir_ros.training.adapt_plan import RATES
from infrared_ir_ros.training.losses import detail, fitted, lost_detail, painted_grid, stretched
from infrared_ir_ros.training.stages import Terms, base_terms

DetectionLoss = Callable[[Tensor, Mapping[str, Tensor]], Tensor]  # as that of training.semantic
DETAIL_WEIGHT, DETAIL_FLOOR = 2.0, 0.01  # the floor: lost share below which further improvement earns little
GRID_WEIGHT = 10.0  # of a grid in units of the detail
NOISE_WEIGHT = 100.0  # of the squared error of 0..1: makes gradients about as large as in the other supervisions


class Entry(NamedTuple):
    """A task as stored in a bank: prompt or operators, and bases of its own or none."""

    prompt: np.ndarray
    bases: Mapping[str, np.ndarray]


class Judged(NamedTuple):
    """One example: its loss terms, the restored frame for display, PSNR in dB, directly and after the best gain and
    offset, and the lost share of detail (NaN without a clean target)."""

    terms: Terms
    restored: Tensor
    psnr: float = math.nan
    psnr_fitted: float = math.nan
    lost_detail: float = math.nan


def entry_of(files: PriorFiles, bank: PromptBank | None, task: str) -> Entry:
    """A task of the user's bank or of the prior. Raises OptionError if neither has it."""
    own = [bank] if bank else []
    if PROMPTS in files.hashes:
        own.append(PromptBank.from_bytes(files.read(PROMPTS), str(files.folder / PROMPTS)))
    for one in own:
        if task in one.prompts:
            return Entry(one.prompts[task], one.bases.get(task, {}))
    known = ", ".join(name for one in own for name in one.prompts) or "none"
    raise OptionError(f"there is no task {task!r} to start from: this prior and the bank have {known}")


class Adaptation(nn.Module):
    """Trains `optimise` (one of RATES) of a task that starts as `entry`. Raises OptionError, WeightsError."""

    def __init__(self, files: PriorFiles, entry: Entry, optimise: str) -> None:
        super().__init__()
        if optimise not in RATES:
            raise OptionError(f"optimise is {optimise!r}: use one of {', '.join(RATES)}")
        if optimise == "prompt" and entry.prompt.ndim == 3:
            raise OptionError("the task to start from has operators and no prompt: optimise operators or adapters")
        prior = load_prior(files)
        try:
            stored = read_adapters(files).with_bases(entry.bases, "the task to start from")
            adapters = Adapters.from_file(prior.denoiser, stored)
        except (KeyError, RuntimeError) as error:
            raise WeightsError(f"the tasks in {files.folder} belong to a prior of another shape: {error}") from error
        self.adapted = AdaptedPrior(prior, adapters).requires_grad_(False)
        self._keeps_bases = bool(entry.bases) or optimise == "adapters"
        prompt = torch.from_numpy(np.array(entry.prompt, np.float32))
        if optimise == "operators":
            prompt = adapters.operators(prompt)
        self.prompt = nn.Parameter(prompt, requires_grad=optimise != "adapters")
        if optimise == "adapters":
            adapters.down.requires_grad_(True)
            adapters.up.requires_grad_(True)

    @property
    def trained(self) -> dict[str, nn.Parameter]:
        return {name: parameter for name, parameter in self.named_parameters() if parameter.requires_grad}

    @property
    def count(self) -> int:
        """How many numbers are trained."""
        return sum(parameter.numel() for parameter in self.trained.values())

    def state(self) -> dict[str, Tensor]:
        """A copy of the trained parameters."""
        return {name: parameter.detach().cpu().clone() for name, parameter in self.trained.items()}

    @torch.no_grad()
    def restore_state(self, state: Mapping[str, Tensor]) -> None:
        for name, parameter in self.trained.items():
            parameter.copy_(state[name])

    def entry(self) -> Entry:
        """The current task, for a bank."""
        adapters, bases = self.adapted.adapters, {}
        if self._keeps_bases:
            for layer, down, up in zip(adapters.layers, adapters.down, adapters.up, strict=True):
                bases |= {f"A.{layer}": down.detach().cpu().numpy(), f"B.{layer}": up.detach().cpu().numpy()}
        return Entry(self.prompt.detach().cpu().numpy(), bases)

    def weights(self) -> dict[str, Tensor]:
        """The denoiser's weights for this task."""
        return self.adapted.adapters.weights(self.adapted.prior.denoiser, self.prompt)

    def judge(self, example: Example, weights: Mapping[str, Tensor], detection: DetectionLoss | None = None) -> Judged:
        """Restore like the restorer, and compare. detection: the loss for examples with boxes."""
        device = self.prompt.device
        seen, target = (torch.from_numpy(image).to(device)[None, None] for image in example[:2])
        estimate = self._estimate(seen)
        height, width = target.shape[2:]
        restored = self.adapted.restore(seen, estimate, weights)[:, :, :height, :width]
        if example.noisy:
            nothing = seen.new_zeros(())
            correction = Correction(*estimate[:3], nothing, nothing)
            whole = torch.zeros_like(seen)
            whole[:, :, :height, :width] = target
            target = correction.apply(whole)[:, :, :height, :width]
            terms = {"noise_to_noise": NOISE_WEIGHT * (restored - target).square().mean()}
            return Judged(terms, stretched(restored.detach()))
        if example.boxes is not None and detection is not None:
            final, boxes = stretched(restored), torch.from_numpy(example.boxes).to(device)
            there = {"classes": boxes[:, 0], "boxes": boxes[:, 1:], "frames": torch.zeros(len(boxes), device=device)}
            return Judged({"detection": detection(final, there)}, final.detach())
        shown, fine, fine_target = stretched(restored.detach()), detail(restored), detail(target)
        lost = lost_detail(fine, fine_target)
        terms = {
            **base_terms(restored, target),
            "detail": DETAIL_WEIGHT * torch.log(lost + DETAIL_FLOOR).mean(),
            "grid": GRID_WEIGHT * painted_grid(fine, fine_target).mean(),
        }
        return Judged(
            terms, shown, _psnr(shown, target), _psnr(fitted(shown, target), target), float(lost.detach().mean())
        )

    @torch.no_grad()
    def _estimate(self, seen: Tensor) -> tuple[Tensor, ...]:
        """The estimate as the restorer uses it, with the shading shrunk."""
        gain, offset, shading, columns, rows, bands, log_snr = self.adapted.prior.estimate(seen)
        kept = shrunk(shading[0, 0].cpu().numpy(), float(log_snr))
        return gain, offset, torch.from_numpy(kept).to(seen.device)[None, None], columns, rows, bands


def _psnr(image: Tensor, target: Tensor) -> float:
    return -10 * float(torch.log10((image.clamp(0, 1) - target).square().mean().clamp_min(1e-10)))
