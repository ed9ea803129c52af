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
from torch import Tensor, nn

PROMPT = 512


class Hypernetwork(nn.Sequential):
    """Prompt (batch, 512) -> operators, flattened (batch, sum of rank^2); the layers and their order are the released
    ones, so that the authors' weights load.

    ranks: of each block group, in their order.
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


def weight_change(down: Tensor, operator: Tensor, up: Tensor, scale: float) -> Tensor:
    """dW = scale * A C B of a linear or convolution layer, in the shape of its weight (design section 1.5).

    down: A, (rank, in) or (rank, in, height, width). operator: C (rank, rank), between them as
    h_r = sum_k (A x)_k C[k, r]. up: B, (out, rank) or (out, rank, 1, 1).
    """
    return scale * torch.einsum("or,kr,k...->o...", up.flatten(1), operator, down)
