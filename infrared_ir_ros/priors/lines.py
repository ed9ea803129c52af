"""The line head: offsets of rows and columns, the structured part that no timestep describes (design section 1.7)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infrared_ir_ros.priors.layers import zero

SIGMAS = (10.0, 3.0)
POOL = 4  # rows averaged before the statistics: four times cheaper, and less noise


def gaussian(sigma: float) -> Tensor:
    """A normalised kernel (1, 1, 1, taps) of three sigmas to each side."""
    taps = torch.arange(-round(3 * sigma), round(3 * sigma) + 1.0)
    kernel = torch.exp(-(taps**2) / (2 * sigma**2))
    return (kernel / kernel.sum()).view(1, 1, 1, -1)


class LineHead(nn.Module):
    """Offset of each column: (batch, 1, height, width) -> (batch, 1, 1, width). Rows are columns of the transpose.

    Per scale: the robust mean along each line of its difference from a Gaussian neighbourhood, minus that profile's
    own smooth part, with its spread; a 1-D network decides how much of each line to take.
    """

    def __init__(self, channels: int = 24) -> None:
        super().__init__()
        sizes = (5, channels, channels, channels)
        layers: list[nn.Module] = []
        for inputs, outputs in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Conv1d(inputs, outputs, 9, padding=4), nn.SiLU()]
        self.network = nn.Sequential(*layers, zero(nn.Conv1d(channels, 2, 9, padding=4)))
        for index, sigma in enumerate(SIGMAS):
            self.register_buffer(f"kernel_{index}", gaussian(sigma), persistent=False)

    def forward(self, frame: Tensor) -> Tensor:
        pooled = F.avg_pool2d(frame, (POOL, 1))
        (profile, spread), (fine_profile, fine_spread) = (
            self._profile(pooled, kernel) for kernel in (self.kernel_0, self.kernel_1)
        )
        scale = profile.std(-1, keepdim=True) + 1e-4
        relative = [x / scale for x in (profile, fine_profile, spread, fine_spread)]
        features = torch.cat([*relative, scale.log().expand_as(profile)], 1)[:, :, 0]
        share, correction = self.network(features)[:, :, None].split(1, 1)
        return profile * torch.sigmoid(share + 2) + 0.5 * scale * correction

    def _profile(self, pooled: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor]:
        difference = pooled - _smooth(pooled, kernel)
        limit = 2 * (difference.square().mean((2, 3), keepdim=True).sqrt() + 1e-4)
        mean = torch.minimum(torch.maximum(difference, -limit), limit).mean(2, keepdim=True)
        residual = difference - mean
        spread = torch.minimum(residual.square(), limit.square()).mean(2, keepdim=True).sqrt() + 1e-4
        weight = 1 / (1 + (residual / (2 * spread)) ** 2)
        mean = (weight * difference).sum(2, keepdim=True) / weight.sum(2, keepdim=True)
        return mean - _smooth(mean, kernel), spread


def _smooth(x: Tensor, kernel: Tensor) -> Tensor:
    """Gaussian mean along the width, over the pixels that exist."""
    padding = (0, kernel.shape[-1] // 2)
    weight = F.conv2d(torch.ones_like(x[:1, :, :1]), kernel, padding=padding)
    return F.conv2d(x, kernel, padding=padding) / weight
