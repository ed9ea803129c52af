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

"""Fits shading to the gradients of a thumbnail, as evidence for the field head (design sections 1.7 and 7).

Edges of a scene are few and large, gradients of a shading small and everywhere: a robust fit to gradients can separate
them, a fit to grey levels cannot. Nothing here is learned.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLUR_SIGMA = 1.0  # pixels of the thumbnail, before gradients are taken
ITERATIONS = 4
FEATURES = 7  # per dome and its token
SHARPNESS = 12.0  # of the choice between domes


class GradientFit(nn.Module):
    """Fits each dome of a bank to the gradients of thumbnails, with Cauchy weights around the best one so far.

    bank: (domes, height * width). tokens: (rows, columns) of the grid whose cells the domes are centred on.
    """

    def __init__(self, bank: Tensor, size: tuple[int, int], tokens: tuple[int, int]) -> None:
        super().__init__()
        self.tokens = tokens
        offsets = torch.arange(-3, 4, dtype=torch.float32)
        kernel = torch.exp(-(offsets**2) / (2 * BLUR_SIGMA**2))
        self.register_buffer("kernel", kernel / kernel.sum(), persistent=False)
        domes = self._gradients(bank.view(-1, 1, *size)).half().float()  # rounded as in the graph
        self.register_buffer("domes", domes, persistent=False)

    def forward(self, thumbnail: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, 1, height, width) -> features (batch, domes, FEATURES) and a share of each dome (batch, domes).

        The shares give the shading that explains the gradients best; the features are each dome's slope and evidence
        in the first iteration, both and its share in the last one, and the remaining slope in each cell.
        """
        gradients = self._gradients(thumbnail)
        scale = 0.5 * (gradients.abs() + 1e-8).sqrt().mean(1, keepdim=True).square() + 1e-4
        explained = torch.zeros_like(gradients)
        squares = (self.domes * self.domes).T  # computed here, so that the graph stores the domes once
        history, shares = [], None
        for _ in range(ITERATIONS):
            weights = (1 + ((gradients - explained) / scale).square()).reciprocal().square()
            power = weights @ squares
            slope = (weights * gradients) @ self.domes.T / (power + 1e-8)
            evidence = slope.square() * power / scale.square()
            choice = torch.softmax(SHARPNESS * evidence / evidence.amax(1, keepdim=True).clamp_min(1e-6), 1)
            shares = choice * slope
            explained = shares @ self.domes
            history.append((slope, torch.log1p(evidence) / 4, choice * slope))
        left = self._cells(weights * (gradients - explained), thumbnail.shape[-2:])
        first, last = history[0], history[-1]
        return torch.stack([*first[:2], *last, *left], 2), shares

    def _gradients(self, images: Tensor) -> Tensor:
        """(n, 1, height, width) -> (n, (height - 1) * width + height * (width - 1)) of the blurred images."""
        padded = F.pad(images, (3, 3, 3, 3), mode="replicate")
        smooth = F.conv2d(F.conv2d(padded, self.kernel.view(1, 1, 1, 7)), self.kernel.view(1, 1, 7, 1))
        down = smooth[:, :, 1:] - smooth[:, :, :-1]
        right = smooth[:, :, :, 1:] - smooth[:, :, :, :-1]
        return torch.cat([down.flatten(1), right.flatten(1)], 1)

    def _cells(self, gradients: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Mean gradient down and to the right in each cell, (batch, tokens) each, in thumbnail units per cell."""
        height, width = size
        down, right = gradients.split([(height - 1) * width, height * (width - 1)], 1)
        down = F.pad(down.view(-1, 1, height - 1, width), (0, 0, 0, 1))
        right = F.pad(right.view(-1, 1, height, width - 1), (0, 1))
        cell = height // self.tokens[0], width // self.tokens[1]
        return tuple(cell[0] * F.avg_pool2d(x, cell).flatten(1) for x in (down, right))
