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

"""Losses on frames (batch, 1, height, width) in 0..1. The logarithm of the error is trained, since PSNR is reported."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from infrared_ir_ros.priors.field import LEVELS
from infrared_ir_ros.priors.haar import BLOCK
from infrared_ir_ros.priors.layers import quantiles
from infrared_ir_ros.records import CLEAN_PERCENTILES
from infrared_ir_ros.restoration.restorer import SMALLEST_SPAN

SPAN = LEVELS[1] - LEVELS[0]
DETAIL = 65  # pixels: the difference from the mean over this square is detail
REPEATS = 32  # blocks of the latent a side, over which a grid is looked for


def log_error(restored: Tensor, clean: Tensor, floor: float) -> Tensor:
    """Mean over the batch of log(mean squared error + floor): the negative of PSNR up to scale and a constant.

    floor: mean squared error below which further improvement earns little; 1e-3 is 30 dB. Without it the few nearly
    clean frames would dominate.
    """
    return torch.log((restored - clean).square().mean((1, 2, 3)) + floor).mean()


def stretched(restored: Tensor) -> Tensor:
    """`restored` stretched to the levels of clean frames (CLEAN_PERCENTILES at CLEAN_LEVELS), like in the restorer, but
    with percentiles over every fourth row and column instead of every second, to save time.

    A nearly flat frame is stretched by at most 2.
    """
    sample = restored[:, :, ::4, ::4].flatten(1)
    low, high = quantiles(sample, sample.new_tensor(CLEAN_PERCENTILES) / 100).split(1, 1)
    span, middle = (high - low).clamp_min(SMALLEST_SPAN * SPAN)[:, :, None, None], ((high + low) / 2)[:, :, None, None]
    return (restored - middle) * (SPAN / span) + sum(LEVELS) / 2


def fitted(restored: Tensor, clean: Tensor) -> Tensor:
    """`restored` after its best gain and offset; the gain is held constant for the gradient and kept in 0.3..3.

    Separates structure from tone: an ambiguous tone would dominate everything else (design section 1.7).
    """
    mean, clean_mean = (x.mean((2, 3), keepdim=True) for x in (restored, clean))
    covariance = ((restored - mean) * (clean - clean_mean)).mean((2, 3), keepdim=True)
    gain = covariance / (restored - mean).square().mean((2, 3), keepdim=True).clamp_min(1e-4)
    return (restored - mean) * gain.detach().clamp(0.3, 3.0) + clean_mean


def detail(frame: Tensor) -> Tensor:
    """Structure finer than DETAIL pixels."""
    half = DETAIL // 2
    rows = F.avg_pool2d(frame, (1, DETAIL), 1, (0, half), count_include_pad=False)
    return frame - F.avg_pool2d(rows, (DETAIL, 1), 1, (half, 0), count_include_pad=False)


def lost_detail(fine: Tensor, fine_clean: Tensor) -> Tensor:
    """The share of a clean frame's `detail` that is missing or wrong in that of a restored one, (batch,), 0..1: 1 minus
    their squared correlation, whatever the gain.

    Without this term, where unknowable shading dominates the error, detail would be sacrificed for a little less of
    it: painting a grid of 8 pixels gained 0.6 dB on a raw core."""
    common = (fine * fine_clean).mean((1, 2, 3))
    powers = fine.square().mean((1, 2, 3)) * fine_clean.square().mean((1, 2, 3))
    return 1 - common.clamp_min(0).square() / powers.clamp_min(1e-12)


def painted_grid(fine: Tensor, fine_clean: Tensor) -> Tensor:
    """Deviation of what the `detail` of a restored frame repeats every BLOCK pixels within REPEATS blocks and that of
    the clean one does not, (batch,), both scaled to a deviation of 1.

    An error that all blocks of the latent share is a weak one in `lost_detail`, but the eye sees it at once."""
    height, width = (side // BLOCK * BLOCK for side in fine_clean.shape[2:])
    ours, theirs = (x / x.square().mean((1, 2, 3), keepdim=True).clamp_min(1e-8).sqrt() for x in (fine, fine_clean))
    blocks = F.pixel_unshuffle((ours - theirs)[:, :, :height, :width], BLOCK)
    repeated = F.avg_pool2d(blocks - blocks.mean(1, keepdim=True), REPEATS, ceil_mode=True)
    return (repeated.square().mean((1, 2, 3)) + 1e-8).sqrt()
