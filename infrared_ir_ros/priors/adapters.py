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

"""Task adapters of the embedded prior: W = W0 + scale * A C(prompt) B on every layer of its denoiser (design 1.5)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from infrared_ir_ros.priors.embedded import EmbeddedPrior
from infrared_ir_ros.priors.hypernetwork import Hypernetwork, weight_change
from infrared_ir_ros.restoration import folding
from infrared_ir_ros.restoration.tensors import write_tensors

GROUP_OF = {
    "fine_down": "down_0", "to_half": "down_0", "half_down": "down_1", "to_quarter": "down_1", "middle": "mid",
    "up_half": "up_0", "half_up": "up_0", "up_fine": "up_1", "fine_up": "up_1",
    "embed": "in_out", "stem": "in_out", "head": "in_out",
}  # fmt: skip
GROUPS = tuple(dict.fromkeys(GROUP_OF.values()))


class Adapters(nn.Module):
    """A, B of every linear and convolution layer of a denoiser, and the hypernetwork that all tasks share.

    B starts as zeros, so that every task starts as the prior itself. alpha: scale = alpha / rank; peft's default is 8.
    Raises KeyError for a layer of a block that has no group.
    """

    def __init__(self, denoiser: nn.Module, rank: int = 32, alpha: float = 8.0) -> None:
        super().__init__()
        self.rank, self.scale = rank, alpha / rank
        adapted = {name: layer for name, layer in denoiser.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)}
        self.layers = {name: GROUP_OF[name.partition(".")[0]] for name in adapted}
        weights = [layer.weight for layer in adapted.values()]
        self.down = nn.ParameterList(torch.empty(rank, *weight.shape[1:]) for weight in weights)
        self.up = nn.ParameterList(torch.zeros(weight.shape[0], rank) for weight in weights)
        for down in self.down:
            nn.init.kaiming_uniform_(down, a=math.sqrt(5))
        self.hypernetwork = Hypernetwork((rank,) * len(GROUPS))

    def operators(self, prompt: Tensor) -> Tensor:
        """The operators C (groups, rank, rank) of a prompt (512,); operators are returned unchanged."""
        return prompt if prompt.ndim == 3 else torch.stack(self.hypernetwork.operators(prompt))

    def weights(self, denoiser: nn.Module, prompt: Tensor) -> dict[str, Tensor]:
        """The adapted weights by name; prompt (512,), or operators. Differentiable in A, B, the hypernetwork and the
        prompt."""
        operators = dict(zip(GROUPS, self.operators(prompt), strict=True))
        return {
            f"{layer}.weight": denoiser.get_parameter(f"{layer}.weight")
            + weight_change(down, operators[group], up, self.scale)
            for (layer, group), down, up in zip(self.layers.items(), self.down, self.up, strict=True)
        }

    def to_bytes(self, prior: str) -> bytes:
        """`adapters.safetensors`, for the prior whose weights.safetensors has this SHA-256: the bases in fp16, the
        hypernetwork, whose wide layers (`Hypernetwork.widen`) cancel at the prompts, in fp32."""
        bases = {f"A.{layer}": down for layer, down in zip(self.layers, self.down, strict=True)}
        bases |= {f"B.{layer}": up for layer, up in zip(self.layers, self.up, strict=True)}
        numbers = {f"hypernetwork.{name}": _numbers(tensor) for name, tensor in self.hypernetwork.state_dict().items()}
        numbers |= {name: _numbers(base).astype(np.float16) for name, base in bases.items()}
        about = {"kind": "adapters", "prior": prior, "rank": self.rank, "scale": self.scale, "groups": GROUPS}
        return write_tensors(numbers, about | {"layers": self.layers})

    @classmethod
    def from_file(cls, denoiser: nn.Module, stored: folding.Adapters) -> Adapters:
        """Adapters from a file read by `restoration.folding`. Raises KeyError if they do not fit the denoiser."""
        adapters = cls(denoiser, stored.rank, stored.scale * stored.rank)
        tensors = {name: torch.from_numpy(tensor) for name, tensor in stored.tensors.items()}
        with torch.no_grad():
            for layer, down, up in zip(adapters.layers, adapters.down, adapters.up, strict=True):
                down.copy_(tensors[f"A.{layer}"])
                up.copy_(tensors[f"B.{layer}"])
            for name, tensor in adapters.hypernetwork.state_dict().items():
                tensor.copy_(tensors[f"hypernetwork.{name}"])
        return adapters


def _numbers(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


class AdaptedPrior(nn.Module):
    """A frozen prior with adapters, which restores for a prompt. The adapters may be trained."""

    def __init__(self, prior: EmbeddedPrior, adapters: Adapters) -> None:
        super().__init__()
        self.adapters = adapters
        self._step = _Step(prior.eval().requires_grad_(False))

    @property
    def prior(self) -> EmbeddedPrior:
        return self._step.prior

    def forward(self, degraded: Tensor, prompt: Tensor) -> Tensor:
        """Degraded frames (batch, 1, height, width), 0..1 -> restored; prompt (512,)."""
        with torch.no_grad():  # the estimates are not adapted
            estimate = self.prior.estimate(degraded)[:6]
        return self.restore(degraded, estimate, self.adapters.weights(self.prior.denoiser, prompt))

    def restore(self, degraded: Tensor, estimate: Sequence[Tensor], weights: Mapping[str, Tensor]) -> Tensor:
        """Degraded frames and their estimates -> restored, with the weights of `Adapters.weights` for a prompt."""
        named = {f"prior.denoiser.{name}": weight for name, weight in weights.items()}
        return functional_call(self._step, named, (degraded, *estimate))


class _Step(nn.Module):
    """`prior.restore` as the forward pass of a module, as functional_call needs it."""

    def __init__(self, prior: EmbeddedPrior) -> None:
        super().__init__()
        self.prior = prior

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.prior.restore(*inputs)
