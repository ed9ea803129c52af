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

"""The line head: estimates offsets of rows and columns, which no timestep describes (design section 1.7)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infrared_ir_ros.priors.layers import zero

SIGMAS = (10.0, 3.0)
POOL = 4  # rows averaged before the statistics: four times cheaper, and less noise


def gaussian(size: Tensor | int, sigma: float, like: Tensor) -> Tensor:
    """(size, size) weights of a Gaussian mean along an axis, normalised at the borders: `profile @ gaussian(...)`.

    A matrix product is several times faster than a convolution with one channel and 61 taps.
    """
    line = torch.arange(size, dtype=like.dtype, device=like.device)
    weight = torch.exp(-((line[:, None] - line[None]) ** 2) / (2 * sigma**2))
    return weight / weight.sum(0, keepdim=True)


class LineHead(nn.Module):
    """Offset of each column: (batch, 1, height, width) -> (batch, 1, 1, width). Rows are columns of the transpose.

    Per scale: the robust mean along each line of its difference from a Gaussian neighbourhood, minus that profile's
    own smooth part, and its spread; a 1-D network decides which share of each line's offset to use.
    """

    def __init__(self, channels: int = 24) -> None:
        super().__init__()
        sizes = (5, channels, channels, channels)
        layers: list[nn.Module] = []
        for inputs, outputs in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Conv1d(inputs, outputs, 9, padding=4), nn.SiLU()]
        self.network = nn.Sequential(*layers, zero(nn.Conv1d(channels, 2, 9, padding=4)))

    def forward(self, frame: Tensor) -> Tensor:
        pooled = F.avg_pool2d(frame.detach(), (POOL, 1))  # only the network is trained through the frame
        (profile, spread), (fine_profile, fine_spread) = (
            self._profile(pooled, gaussian(pooled.shape[-1], sigma, pooled)) for sigma in SIGMAS
        )
        scale = profile.std(-1, keepdim=True) + 1e-4
        relative = [x / scale for x in (profile, fine_profile, spread, fine_spread)]
        features = torch.cat([*relative, scale.log().expand_as(profile)], 1)[:, :, 0]
        share, correction = self.network(features)[:, :, None].split(1, 1)
        return profile * torch.sigmoid(share + 2) + 0.5 * scale * correction

    @staticmethod
    def _profile(pooled: Tensor, smooth: Tensor) -> tuple[Tensor, Tensor]:
        difference = pooled - pooled @ smooth
        limit = 2 * (difference.square().mean((2, 3), keepdim=True).sqrt() + 1e-4)
        mean = torch.minimum(torch.maximum(difference, -limit), limit).mean(2, keepdim=True)
        residual = difference - mean
        spread = torch.minimum(residual.square(), limit.square()).mean(2, keepdim=True).sqrt() + 1e-4
        weight = 1 / (1 + (residual / (2 * spread)) ** 2)
        mean = (weight * difference).sum(2, keepdim=True) / weight.sum(2, keepdim=True)
        return mean - mean @ smooth, spread
