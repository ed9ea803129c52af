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

"""Cuts large frames into tiles, and blends them without seams."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

STEP = 64  # sides of frames and tiles, and positions of tiles, are multiples of it
OVERLAP = 64  # least overlap of neighbours, pixels

Place = tuple[slice, slice]


def places(height: int, width: int, tile: int) -> list[Place]:
    """Rows and columns of each tile, all multiples of 64; each side is `tile`, or the frame's if that is smaller."""
    return [(rows, columns) for rows in _spans(height, tile) for columns in _spans(width, tile)]


def _spans(side: int, tile: int) -> list[slice]:
    if side <= tile:
        return [slice(0, side)]
    gaps = math.ceil((side - tile) / (tile - OVERLAP))
    starts = (STEP * ((side - tile) // STEP * i // gaps) for i in range(gaps + 1))
    return [slice(start, start + tile) for start in starts]


def blended(tiles: Iterable[Tensor], where: list[Place], height: int, width: int) -> Tensor:
    """Tiles (batch, channels, h, w) at their places -> (batch, channels, height, width) fp32.

    Each tile fades linearly over the overlap towards its inner edges; weights are normalised to sum to 1.
    """
    total: Tensor | None = None
    for tile, (rows, columns) in zip(tiles, where, strict=True):
        if len(where) == 1:
            return tile.float()
        if total is None:
            total = tile.new_zeros(*tile.shape[:2], height, width, dtype=torch.float32)
            weight = total.new_zeros(height, width)
        window = _fade(rows, height).to(total)[:, None] * _fade(columns, width).to(total)
        total[..., rows, columns] += tile * window
        weight[rows, columns] += window
    assert total is not None
    return total / weight


def _fade(span: slice, side: int) -> Tensor:
    size = span.stop - span.start
    ramp = (torch.arange(size) + 0.5) / OVERLAP
    ones = torch.ones(size)
    left = ones if span.start == 0 else ramp.clamp(max=1)
    right = ones if span.stop == side else ramp.flip(0).clamp(max=1)
    return left * right


def cut(frame: Tensor, where: list[Place]) -> Iterator[Tensor]:
    """The tiles of a frame (batch, channels, height, width)."""
    for rows, columns in where:
        yield frame[..., rows, columns]
