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
REACH_IN, REACH_OUT = 3.0, 0.2  # standard deviations of the weights that `widen` draws, into and out of idle units


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
    def widen(self, prompts: Tensor, seed: int = 0) -> int:
        """Give idle units random weights, so that new prompts can learn; `prompts` (n, 512) keep their operators.
        Returns the number of units used.

        A training on a few prompts leaves most hidden units idle, and the operators hardly depend on the prompt, so
        that a new one could learn nothing. The random weights are orthogonal to the activations at `prompts`, where the
        units still output 0. Through them a new prompt moves the operators in 512 random directions, enough to learn
        most of what the operators themselves could (Li et al., Measuring the Intrinsic Dimension of Objective
        Landscapes, ICLR 2018).
        """
        first, second, norm, last = self[0], self[2], self[4], self[5]
        answers = F.gelu(first(prompts))
        idle = (second(answers) < IDLE).all(0)
        count, random = int(idle.sum()), torch.Generator().manual_seed(seed)
        into = REACH_IN * torch.randn(count, PROMPT, generator=random, dtype=torch.float64)
        out_of = REACH_OUT * torch.randn(last.out_features, count, generator=random, dtype=torch.float64)
        second.weight[idle] = _orthogonal_to(into, answers).to(second.weight)
        second.bias[idle] = 0.0  # at 0 a GELU outputs 0, but has a slope
        last.weight[:, idle] += _orthogonal_to(out_of, torch.stack([norm.weight[idle], norm.bias[idle]])).to(
            last.weight
        )
        return count


def _orthogonal_to(rows: Tensor, directions: Tensor) -> Tensor:
    """The part of each row (m, k) that is orthogonal to all directions (n, k), n below k."""
    basis = torch.linalg.qr(directions.double().cpu().T).Q
    return rows - rows @ basis @ basis.T


def weight_change(down: Tensor, operator: Tensor, up: Tensor, scale: float) -> Tensor:
    """dW = scale * A C B of a linear or convolution layer, in the shape of its weight (design section 1.5).

    down: A, (rank, in) or (rank, in, height, width). operator: C (rank, rank), between them as
    h_r = sum_k (A x)_k C[k, r]. up: B, (out, rank) or (out, rank, 1, 1).
    """
    return scale * torch.einsum("or,kr,k...->o...", up.flatten(1), operator, down)
