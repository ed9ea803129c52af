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

"""Image operations on batches (batch, 1, height, width) with parameters per frame, on any device.

They replace OpenCV, which works on one frame on the CPU, in trainings on a GPU.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from infrared_ir_ros.restoration.dead_pixels import BLUR_SHARE, NOISE_FACTOR, RANGE_FACTOR

_RING = [0, 1, 2, 3, 5, 6, 7, 8]  # of the nine pixels around one
_CROSS, _CORNERS = [1, 3, 5, 7], [0, 2, 6, 8]
_EXCHANGES = [
    (1, 2), (4, 5), (7, 8), (0, 1), (3, 4), (6, 7), (1, 2), (4, 5), (7, 8), (0, 3),
    (5, 8), (4, 7), (3, 6), (1, 4), (2, 5), (4, 7), (4, 2), (6, 4), (4, 2),
]  # fmt: skip

JPEG_BLOCK = 8
# Luminance quantisation at quality 50, ITU-T T.81 (1992) table K.1
JPEG_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def gaussian_blur(frames: Tensor, sigma: Tensor, largest: float) -> Tensor:
    """Blur each frame with its own sigma (batch, 1, 1, 1) in pixels, at most `largest`; below 0.1 it is unchanged.

    Borders are mirrored about the outermost pixel, so sides must be longer than 4 `largest`.
    """
    radius = math.ceil(4 * largest)
    at = torch.arange(-radius, radius + 1, device=frames.device, dtype=frames.dtype)
    weight = torch.exp(-(at**2) / (2 * sigma.clamp_min(1e-2) ** 2))
    weight = torch.where(sigma > 0.1, weight, (at == 0).to(weight))
    weight = weight / weight.sum(3, keepdim=True)
    wide = _filter(frames, weight, "reflect")
    return _filter(wide, weight.transpose(2, 3), "reflect")


def motion_blur(frames: Tensor, length: Tensor, angle: Tensor, longest: float) -> Tensor:
    """Blur each frame along its own line: length (batch, 1, 1, 1) in pixels, up to `longest`, angle in radians.

    Lengths up to 1.5 change nothing. The samples of the line are rounded to whole pixels.
    """
    radius = math.ceil(longest / 2)
    size = 2 * radius + 1
    t = torch.linspace(-0.5, 0.5, 4 * size, device=frames.device, dtype=frames.dtype) * torch.where(
        length > 1.5, length, torch.zeros_like(length)
    )
    row, column = ((radius + t * turn).round().long() for turn in (torch.sin(angle), torch.cos(angle)))
    weight = torch.zeros(len(frames), size * size, device=frames.device, dtype=frames.dtype)
    weight.scatter_add_(1, (row * size + column).flatten(1), torch.ones_like(t).flatten(1) / (4 * size))
    return _filter(frames, weight.view(-1, 1, size, size), "replicate")


def _filter(frames: Tensor, weight: Tensor, border: str) -> Tensor:
    """Correlate each frame with its own kernel: weight (batch, 1, rows, columns), odd sides."""
    rows, columns = weight.shape[2] // 2, weight.shape[3] // 2
    padded = F.pad(frames, (columns, columns, rows, rows), mode=border)
    return F.conv2d(padded.transpose(0, 1), weight, groups=len(frames)).transpose(0, 1)


def jpeg(frames: Tensor, quality: Tensor) -> Tensor:
    """Grey frames (levels 0..255) after baseline JPEG; quality (batch, 1, 1, 1), 50..100 as in libjpeg.

    Returns whole 8-bit levels, equal to a codec's but for the last bit of its integer transform.
    """
    height, width = frames.shape[2:]
    padded = F.pad(frames, (0, -width % JPEG_BLOCK, 0, -height % JPEG_BLOCK), mode="replicate")
    table = (frames.new_tensor(JPEG_TABLE) * (200 - 2 * quality).round() + 50) / 100
    table = table.floor().clamp(1, 255)[:, :, :, None]  # (batch, 1, 8, 1, 8): for the coefficients of a row of blocks
    basis = _cosines(frames)
    blocks = (padded - 128).unflatten(3, (-1, JPEG_BLOCK)).unflatten(2, (-1, JPEG_BLOCK))[:, 0]
    spectrum = torch.einsum("ui,bricj,vj->brucv", basis, blocks, basis)
    spectrum = (spectrum / table).round() * table
    blocks = torch.einsum("ui,brucv,vj->bricj", basis, spectrum, basis)
    whole = (blocks + 128).round().clamp(0, 255).flatten(3).flatten(1, 2)[:, None]
    return whole[:, :, :height, :width]


def _cosines(like: Tensor) -> Tensor:
    """The orthonormal DCT-II of 8 samples: (frequencies, samples)."""
    at = torch.arange(JPEG_BLOCK, device=like.device, dtype=like.dtype)
    basis = torch.cos(math.pi / JPEG_BLOCK * (at + 0.5) * at[:, None]) * (2 / JPEG_BLOCK) ** 0.5
    basis[0] /= 2**0.5
    return basis


def replace_dead_pixels(frames: Tensor) -> Tensor:
    """`restoration.dead_pixels.replace_dead_pixels` for a float batch (batch, 1, height, width); a new tensor."""
    middle = _median_of_nine(_neighbourhood(frames, "replicate"))
    highest = _neighbourhood(frames, "constant", -torch.inf)[:, _RING].amax(1, keepdim=True)
    lowest = _neighbourhood(frames, "constant", torch.inf)[:, _RING].amin(1, keepdim=True)
    deviation = (frames - middle).abs()[:, :, ::2, ::2].flatten(1)
    noise = 1.4826 * torch.quantile(deviation, 0.5, dim=1)[:, None, None, None]
    above, below = frames - highest, lowest - frames
    outside = torch.maximum(above, below)
    around = _neighbourhood(frames, "reflect")
    spread = around[:, _CROSS].mean(1, keepdim=True) - around[:, _CORNERS].mean(1, keepdim=True)
    dead = outside > RANGE_FACTOR * (highest - lowest) + NOISE_FACTOR * noise
    dead &= torch.where(above > below, spread, -spread) < BLUR_SHARE * outside
    return torch.where(dead, middle, frames)


def _median_of_nine(values: Tensor) -> Tensor:
    """(batch, 9, height, width) -> (batch, 1, height, width), by 19 exchanges, which any device does quickly.

    J. L. Smith, "Implementing median filters in XC4000E FPGAs", XCell 23 (1996)."""
    nine = list(values.split(1, 1))
    for first, second in _EXCHANGES:
        nine[first], nine[second] = torch.minimum(nine[first], nine[second]), torch.maximum(nine[first], nine[second])
    return nine[4]


def _neighbourhood(frames: Tensor, border: str, value: float | None = None) -> Tensor:
    """The nine pixels around each: (batch, 9, height, width), the pixel itself in the middle."""
    height, width = frames.shape[2:]
    padded = F.pad(frames, (1, 1, 1, 1), mode=border, value=value)
    return torch.cat([padded[:, :, y : y + height, x : x + width] for y, x in np.ndindex(3, 3)], 1)
