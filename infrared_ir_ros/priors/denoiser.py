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

"""The denoiser of the embedded prior: a small UNet at 1/8, 1/16 and 1/32 of the frame, given each band's log-SNR."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infrared_ir_ros.priors.haar import BANDS
from infrared_ir_ros.priors.layers import zero

EMBEDDING = 256


class Context(nn.Module):
    """Row, column and global means, each through a 1x1 convolution, added back: stripes, shading and tone exceed the
    receptive field of 3x3 convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(channels // 2, 32)
        self.row, self.column, self.whole = (nn.Conv2d(channels, inner, 1) for _ in range(3))
        self.out_row, self.out_column, self.out_whole = (zero(nn.Conv2d(inner, channels, 1)) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        rows = self.out_row(F.silu(self.row(x.mean(3, keepdim=True))))
        columns = self.out_column(F.silu(self.column(x.mean(2, keepdim=True))))
        whole = self.out_whole(F.silu(self.whole(x.mean((2, 3), keepdim=True))))
        return x + (rows + whole) + columns


class Block(nn.Module):
    """A residual block modulated by the embedding of the timesteps, then context."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.modulate = nn.Linear(EMBEDDING, 2 * channels)
        self.second = zero(nn.Conv2d(channels, channels, 3, padding=1))
        self.context = Context(channels)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        scale, shift = self.modulate(embedding)[:, :, None, None].chunk(2, 1)
        h = F.silu(self.first(self.norm(x)) * (1 + scale) + shift)
        return self.context(x + self.second(h))


class Blocks(nn.ModuleList):
    """Blocks of one scale, one after the other."""

    def __init__(self, channels: int, count: int) -> None:
        super().__init__(Block(channels) for _ in range(count))

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        for block in self:
            x = block(x, embedding)
        return x


class Up(nn.Module):
    """Upsamples to the next finer scale, and joins that scale's skip connection."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.grow = nn.Conv2d(coarse, 4 * fine, 1)
        self.join = nn.Conv2d(2 * fine, fine, 1)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.join(torch.cat([F.pixel_shuffle(self.grow(x), 2), skip], 1))


class Denoiser(nn.Module):
    """v = net(x_t, log-SNR of each band); the sides of the latent must be multiples of 4.

    channels: at 1/8, 1/16, 1/32. middle: blocks at 1/32. blocks: at 1/8 and 1/16, on the way down, and as many on the
    way up.
    """

    def __init__(
        self, channels: tuple[int, int, int] = (96, 160, 256), middle: int = 2, blocks: tuple[int, int] = (1, 1)
    ) -> None:
        super().__init__()
        fine, half, quarter = channels
        at_fine, at_half = blocks
        self.embed = nn.Sequential(nn.Linear(BANDS, EMBEDDING), nn.SiLU(), nn.Linear(EMBEDDING, EMBEDDING), nn.SiLU())
        self.stem = nn.Conv2d(2 * BANDS, fine, 3, padding=1)
        self.fine_down, self.half_down = Blocks(fine, at_fine), Blocks(half, at_half)
        self.to_half, self.to_quarter = nn.Conv2d(fine, half, 2, 2), nn.Conv2d(half, quarter, 2, 2)
        self.middle = Blocks(quarter, middle)
        self.up_half, self.up_fine = Up(quarter, half), Up(half, fine)
        self.half_up, self.fine_up = Blocks(half, at_half), Blocks(fine, at_fine)
        self.head = zero(nn.Conv2d(fine, BANDS, 3, padding=1))

    def forward(self, noisy: Tensor, latent: Tensor, log_snr_bands: Tensor) -> Tensor:
        """noisy (batch, 64, h, w): the bands, each scaled to its place on the trajectory; latent: the same bands
        unscaled, since a low log-SNR shrinks `noisy`; log_snr_bands (batch, 64). Returns v in the shape of noisy."""
        embedding = self.embed(log_snr_bands / 4)
        fine = self.fine_down(self.stem(torch.cat([noisy, latent / (1 + latent.abs()).sqrt()], 1)), embedding)
        half = self.half_down(self.to_half(fine), embedding)
        x = self.middle(self.to_quarter(half), embedding)
        x = self.half_up(self.up_half(x, half), embedding)
        x = self.fine_up(self.up_fine(x, fine), embedding)
        return self.head(x)
