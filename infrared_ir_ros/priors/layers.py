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

"""Layers shared by several heads."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def zero(layer: nn.Module) -> nn.Module:
    """Initialise a layer with zeros, so that its branch has no effect at first."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def in_fp32(method: Callable[..., Any]) -> Callable[..., Any]:
    """Compute a method, which takes a tensor first, in fp32 under autocast too: bf16 numbers near 1 are a whole level
    of 8 bit apart."""

    @functools.wraps(method)
    def computed(self: nn.Module, first: Tensor, *others: Any) -> Any:
        if not torch.amp.is_autocast_available(first.device.type):  # "meta": shapes alone
            return method(self, first, *others)
        with torch.autocast(first.device.type, enabled=False):
            return method(self, first.float(), *others)

    return computed


def quantiles(values: Tensor, fractions: Tensor) -> Tensor:
    """Quantiles of each row: values (batch, n) -> (batch, len(fractions)), nearest rank."""
    ordered = values.sort(1).values
    return ordered[:, (fractions * (values.shape[1] - 1)).round().long()]


def area_weights(size: Tensor | int, cells: int, like: Tensor) -> Tensor:
    """(cells, size) weights that average `size` pixels into `cells` equal intervals by overlap, like area resizing.

    Uses arithmetic only, so that it exports with a size known only at run time.
    """
    step = size / cells
    pixel = torch.arange(size, dtype=like.dtype, device=like.device)[None]
    cell = torch.arange(cells, dtype=like.dtype, device=like.device)[:, None] * step
    overlap = torch.minimum(pixel + 1, cell + step) - torch.maximum(pixel, cell)
    return F.relu(overlap) / step


def area_thumbnail(frame: Tensor, height: int, width: int) -> Tensor:
    """Average (batch, 1, h, w) into (batch, 1, height, width) by overlap of areas; any h and w."""
    rows = area_weights(frame.shape[-2], height, frame)
    columns = area_weights(frame.shape[-1], width, frame)
    return rows @ (frame @ columns.T)


class Residual(nn.Module):
    """Two 3x3 convolutions; the second is initialised with zeros."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = zero(nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.silu(self.first(self.norm(x))))


class Attention(nn.Module):
    """Self-attention and an MLP over (batch, tokens, channels); plain products: a fast backward pass on a CPU."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = zero(nn.Linear(channels, channels))
        self.mlp = nn.Sequential(
            nn.LayerNorm(channels), nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, channels = x.shape
        query, key, value = self.qkv(self.norm(x)).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(query @ key.transpose(-1, -2) * (channels // self.heads) ** -0.5, -1)
        x = x + self.out((weights @ value).transpose(1, 2).reshape(batch, tokens, channels))
        return x + self.mlp(x)
