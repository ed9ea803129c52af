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

"""The field head: estimates tone and a smooth shading field from a thumbnail of the frame (design section 1.7)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infrared_ir_ros.priors.gradients import FEATURES, GradientFit
from infrared_ir_ros.priors.layers import Attention, Residual, in_fp32, quantiles, zero
from infrared_ir_ros.records import CLEAN_LEVELS

HEIGHT, WIDTH = 64, 80
TOKENS = (8, 10)
FRACTIONS = (0.003, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98, 0.997)
LEVELS = tuple(level / 255 for level in CLEAN_LEVELS)


def dome_bank() -> Tensor:
    """One cos^4 dome centred on each token, mean removed: (80, 64 * 80)."""
    cell_y, cell_x = HEIGHT / TOKENS[0], WIDTH / TOKENS[1]
    rows = (torch.arange(TOKENS[0]) + 0.5).mul(cell_y).repeat_interleave(TOKENS[1]).view(-1, 1, 1)
    columns = (torch.arange(TOKENS[1]) + 0.5).mul(cell_x).repeat(TOKENS[0]).view(-1, 1, 1)
    y, x = torch.arange(HEIGHT).view(1, -1, 1) + 0.5, torch.arange(WIDTH).view(1, 1, -1) + 0.5
    radius = ((y - rows) ** 2 + (x - columns) ** 2).sqrt()
    farthest = (torch.maximum(rows, HEIGHT - rows) ** 2 + torch.maximum(columns, WIDTH - columns) ** 2).sqrt()
    domes = (torch.cos(math.pi / 2 * radius / farthest) ** 4).flatten(1)
    return domes - domes.mean(1, keepdim=True)


class FieldHead(nn.Module):
    """Thumbnail -> gain, offset, shading, so that `gain * frame + offset - shading` has the tone of a clean frame.

    channels: at 1/2, 1/4 and 1/8 of the thumbnail. layers: of attention over its 8x10 tokens.
    """

    def __init__(self, channels: tuple[int, int, int] = (24, 64, 160), layers: int = 4) -> None:
        super().__init__()
        half, quarter, eighth = channels
        self.stem = nn.Conv2d(3, half, 3, padding=1)
        self.at_half = Residual(half)
        self.down_quarter = nn.Conv2d(half, quarter, 2, 2)
        self.at_quarter = nn.Sequential(Residual(quarter), Residual(quarter))
        self.down_eighth = nn.Conv2d(quarter, eighth, 2, 2)
        self.at_eighth = Residual(eighth)
        self.position = nn.Parameter(torch.zeros(1, TOKENS[0] * TOKENS[1], eighth))
        self.from_quantiles = nn.Linear(len(FRACTIONS) + 1, eighth)
        self.from_domes = nn.Linear(3, eighth)
        self.from_gradients = zero(nn.Linear(FEATURES, eighth))
        self.attention = nn.ModuleList(Attention(eighth) for _ in range(layers))
        self.grid = zero(nn.Conv2d(eighth, 1, 1))
        self.domes = zero(nn.Linear(eighth, 2))
        self.trust = zero(nn.Linear(eighth, 1))
        self.tone = nn.Sequential(nn.Linear(eighth + len(FRACTIONS) + 1, 64), nn.SiLU(), zero(nn.Linear(64, 2)))
        self._register_constants()

    def _register_constants(self) -> None:
        bank = dome_bank().half().float()  # rounded as in the graph
        y, x = torch.meshgrid(torch.linspace(-1, 1, HEIGHT // 2), torch.linspace(-1, 1, WIDTH // 2), indexing="ij")
        constants = {
            "fractions": torch.tensor(FRACTIONS),
            "coordinates": torch.stack([y, x])[None],
            "bank": bank,
            "strength_of": (bank / (bank**2).sum(1, keepdim=True)).T.contiguous(),
            "bank_power": (bank**2).mean(1),
        }
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)
        self.gradient_fit = GradientFit(bank, (HEIGHT, WIDTH), TOKENS)

    @in_fp32
    def forward(self, thumbnail: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(batch, 1, 64, 80), 0..1 -> gain (batch, 1), offset (batch, 1), shading (batch, 1, 64, 80)."""
        level = quantiles(thumbnail.flatten(1), self.fractions)
        median = level[:, 4:5]
        spread = (level[:, 7:8] - level[:, 1:2]).clamp_min(0.02) / 2
        normal = (thumbnail - median[:, :, None, None]) / spread[:, :, None, None]
        summary = torch.cat([(level - median) / spread, spread.log()], 1)
        evidence, shares = self.gradient_fit(normal)
        tokens = self._tokens(normal, summary, evidence)
        field = self._field(tokens, shares)
        return self._tone(normal - field, field, tokens, summary, median, spread)

    def _tokens(self, normal: Tensor, summary: Tensor, evidence: Tensor) -> Tensor:
        coordinates = self.coordinates.expand(normal.shape[0], -1, -1, -1)
        features = self.at_half(self.stem(torch.cat([F.avg_pool2d(normal, 2), coordinates], 1)))
        features = self.at_eighth(self.down_eighth(self.at_quarter(self.down_quarter(features))))
        tokens = features.flatten(2).transpose(1, 2) + self.position + self.from_quantiles(summary)[:, None]
        flat = normal.flatten(1)
        strength, bounded = flat @ self.strength_of, flat.clamp(-1, 1) @ self.strength_of
        fits = torch.stack([strength, bounded, strength * strength * self.bank_power], 2)
        tokens = tokens + self.from_domes(fits) + self.from_gradients(evidence)
        for layer in self.attention:
            tokens = layer(tokens)
        return tokens

    def _field(self, tokens: Tensor, shares: Tensor) -> Tensor:
        """A softmax mixture of domes, a share of the gradient fit's mixture, and a coarse grid, in units of the
        thumbnail's spread."""
        choice, strength = self.domes(tokens).unbind(2)
        shares = torch.softmax(choice, 1) * strength + self.trust(tokens.mean(1)) * shares
        domes = (shares @ self.bank).view(-1, 1, HEIGHT, WIDTH)
        grid = self.grid(tokens.transpose(1, 2).reshape(tokens.shape[0], -1, *TOKENS))
        return F.interpolate(grid, size=(HEIGHT, WIDTH), mode="bicubic", align_corners=False) + domes

    def _tone(
        self, flat: Tensor, field: Tensor, tokens: Tensor, summary: Tensor, median: Tensor, spread: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """A percentile stretch of the flattened thumbnail, corrected by a learned contrast and brightness."""
        ends = quantiles(flat.flatten(1), self.fractions[[0, -1]])
        contrast, brightness = self.tone(torch.cat([tokens.mean(1), summary], 1)).split(1, 1)
        stretch = (
            torch.exp(contrast.clamp(-2, 2)) * (LEVELS[1] - LEVELS[0]) / (ends[:, 1:] - ends[:, :1]).clamp_min(0.1)
        )
        middle = (ends[:, 1:] + ends[:, :1]) / 2
        gain = stretch / spread
        offset = brightness + sum(LEVELS) / 2 - stretch * middle - gain * median
        return gain, offset, stretch[:, :, None, None] * field
