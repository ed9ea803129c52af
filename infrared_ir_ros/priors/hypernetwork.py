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

"""A prompt of 512 numbers -> one small operator per block group -> changes of weights (design section 1.5)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infrared_ir_ros.restoration.prompts import PROMPT

IDLE = -4.0  # input of a GELU below which its output is practically 0
REACH = 0.12  # deviation of the weights that `widen` draws, as a share of that of the outputs that they change


class Hypernetwork(nn.Sequential):
    """Prompt (batch, 512) -> operators, flattened (batch, sum of rank^2); the layers and their order are those of the
    authors' code, so that their weights load.

    ranks: of each block group, in order.
    """

    def __init__(self, ranks: tuple[int, ...]) -> None:
        width = sum(rank * rank for rank in ranks)
        super().__init__(
            nn.Linear(PROMPT, PROMPT), nn.GELU(), nn.Linear(PROMPT, PROMPT), nn.GELU(), nn.LayerNorm(PROMPT),
            nn.Linear(PROMPT, width),
        )  # fmt: skip
        self.ranks = ranks

    def operators(self, prompt: Tensor) -> list[Tensor]:
        """One operator C (rank, rank) for each block group, from a prompt (512,)."""
        flat = self(prompt[None])[0].split([rank * rank for rank in self.ranks])
        return [values.view(rank, rank) for values, rank in zip(flat, self.ranks, strict=True)]

    @torch.no_grad()
    def widen(self, prompts: Tensor, seed: int = 0) -> None:
        """Draw anew all weights of the last two layers that `prompts` (n, 512) do not use: those keep their operators,
        and new prompts can learn.

        A training on a few prompts makes the operators nearly the same for all prompts: most hidden units idle, or a
        few drown the others in the LayerNorm. The random weights are orthogonal to the activations at `prompts`.
        Through them a new prompt moves the operators in 512 random directions, enough to learn most of what the
        operators themselves could (Li et al., Measuring the Intrinsic Dimension of Objective Landscapes, ICLR 2018).
        """
        first, second, norm, last = self[0], self[2], self[4], self[5]
        answers = F.gelu(first(prompts))
        hidden = second(answers)
        seen = norm(F.gelu(hidden))
        operators, random = last(seen), torch.Generator().manual_seed(seed)
        idle = (hidden < IDLE).all(0)  # these may start at 0, where a GELU outputs 0 as well, but has a slope
        second.weight[idle], second.bias[idle] = 0.0, 0.0
        _redraw(second.weight, answers, REACH * hidden.std(), random)
        _redraw(last.weight, seen, REACH * operators.std(), random)


def _redraw(weight: Tensor, used: Tensor, deviation: Tensor, random: torch.Generator) -> None:
    """Replace what the rows of weight (m, k) do with inputs orthogonal to all of `used` (n, k), n below k."""
    basis = torch.linalg.qr(used.double().cpu().T).Q
    drawn = deviation.item() * torch.randn(weight.shape, generator=random, dtype=torch.float64)
    change = weight.double().cpu() - drawn
    weight.copy_(drawn + change @ basis @ basis.T)


def weight_change(down: Tensor, operator: Tensor, up: Tensor, scale: float) -> Tensor:
    """dW = scale * A C B of a linear or convolution layer, in the shape of its weight (design section 1.5).

    down: A, (rank, in) or (rank, in, height, width). operator: C (rank, rank), between them as
    h_r = sum_k (A x)_k C[k, r]. up: B, (out, rank) or (out, rank, 1, 1).
    """
    return scale * torch.einsum("or,kr,k...->o...", up.flatten(1), operator, down)
