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

"""A tiny prior with tasks, as a folder for `prior_path`: random weights, so that every layer counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from infrared_ir_ros.priors import EmbeddedPrior
from infrared_ir_ros.priors.adapters import Adapters
from infrared_ir_ros.priors.export import export_prior, export_tasks
from infrared_ir_ros.restoration.weights import PriorFiles, find_prior

CONSTRUCTOR = {"channels": [16, 16, 16], "middle": 1, "field_channels": [8, 16, 32], "field_layers": 1}
TASKS = ("restore", "detect")


def tiny_prior(seed: int = 0) -> EmbeddedPrior:
    """No layer of its denoiser is zero, as those of an untrained one are."""
    torch.manual_seed(seed)
    prior = EmbeddedPrior(**CONSTRUCTOR).eval()
    with torch.no_grad():
        for parameter in prior.denoiser.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return prior


def tiny_adapters(prior: EmbeddedPrior, rank: int = 4) -> Adapters:
    """Adapters that do something: B is not zero."""
    torch.manual_seed(1)
    adapters = Adapters(prior.denoiser, rank)
    with torch.no_grad():
        for up in adapters.up:
            up.normal_(0, 0.05)
    return adapters


def prompts() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {task: (1 + rng.normal(0, 1, 512)).astype(np.float32) for task in TASKS}


def write_prior(folder: Path) -> PriorFiles:
    """A tiny prior with the tasks `restore` and `detect`."""
    prior = tiny_prior()
    export_prior(prior, CONSTRUCTOR, folder / "plain", "0.0.1")
    plain = find_prior("embedded", str(folder / "plain"))
    adapters = tiny_adapters(prior).to_bytes(plain.hashes["weights.safetensors"])
    export_tasks(plain, adapters, prompts(), folder / "tasks")
    return find_prior("embedded", str(folder / "tasks"))


class After:
    """Asks a training to stop after some steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def __call__(self) -> bool:
        self.steps -= 1
        return self.steps <= 0
