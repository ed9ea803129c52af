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

"""The log-SNR head: estimates the noise of each sub-band and the residual tone (design section 1.3)."""

from __future__ import annotations

from math import log
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infrared_ir_ros.priors.haar import BANDS
from infrared_ir_ros.priors.layers import quantiles, zero

FRACTIONS = (0.003, 0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98, 0.997)
LOG_SNR_RANGE = (-7.0, 9.0)
GAIN_RANGE = (0.3, 3.0)  # of the residual tone
FAINTEST = (0.01, 0.001, 0.001, 0.005, 0.02, 0.01)  # floor of each statistic of a band; clean frames come close to it
NOTHING = 1e-6  # energy below which a place counts as empty: a thousandth of a band's usual deviation
STATISTICS = len(FAINTEST)  # per band
EXTRA = 4  # log gain, offset, log spread of the column and row offsets


class Reading(NamedTuple):
    """The output of the head: log_snr_bands (batch, 64); log_snr, log_gain, offset (batch, 1)."""

    log_snr_bands: Tensor
    log_snr: Tensor
    log_gain: Tensor
    offset: Tensor


class SnrHead(nn.Module):
    """Statistics of a corrected latent -> log-SNR per band, of the frame, and the residual tone."""

    def __init__(self, channels: int = 256) -> None:
        super().__init__()
        inputs = BANDS * STATISTICS + len(FRACTIONS) + EXTRA
        self.register_buffer("fractions", torch.tensor(FRACTIONS), persistent=False)
        self.network = nn.Sequential(
            nn.Linear(inputs, channels),
            nn.SiLU(),
            nn.Linear(channels, channels),
            nn.SiLU(),
            zero(nn.Linear(channels, BANDS + 3)),
        )

    def forward(self, latent: Tensor, thumbnail: Tensor, correction: Tensor) -> Reading:
        """latent (batch, 64, h, w) of unit variance per band; thumbnail (batch, 1, 64, 80), corrected;
        correction (batch, 4): log gain, offset, log spread of the column and of the row offsets."""
        tone = quantiles(thumbnail.flatten(1), self.fractions)
        reading = self.network(torch.cat([band_statistics(latent), tone, correction], 1))
        log_snr = (reading[:, : BANDS + 1] * 4).clamp(*LOG_SNR_RANGE)  # outputs near unit size learn faster
        log_gain = reading[:, BANDS + 1 : BANDS + 2].clamp(*(log(gain) for gain in GAIN_RANGE))
        return Reading(log_snr[:, :BANDS], log_snr[:, BANDS:], log_gain, reading[:, BANDS + 2 :])


def band_statistics(latent: Tensor) -> Tensor:
    """Spread, spread of row and of column means, and the distribution of energy over the frame: (batch, 64 * 6).

    Means of powers replace quantiles, which would need a sort of every band; the harmonic mean of the local energy is
    that of the flat places, where noise shows. Places without any energy are clipped, or borders around a picture, and
    are left out. Values below FAINTEST were never seen in training: the finest bands of a frame enlarged by repeating
    pixels are empty.
    """
    magnitude = latent.abs()
    energy = F.avg_pool2d(latent.square(), 5, stride=2, padding=2, count_include_pad=False)
    told = (energy > NOTHING).to(energy)
    spreads = [
        latent.square().mean((2, 3)).sqrt(),
        latent.mean(3).square().mean(2).sqrt(),
        latent.mean(2).square().mean(2).sqrt(),
        (magnitude + 1e-6).sqrt().mean((2, 3)).square(),
        latent.square().square().mean((2, 3)).sqrt().sqrt(),
        (told.sum((2, 3)) / (told / (energy + 1e-6)).sum((2, 3)).clamp_min(1e-6)).sqrt(),
    ]
    logarithms = [torch.log(spread.clamp_min(least) + 1e-3) for spread, least in zip(spreads, FAINTEST, strict=True)]
    return torch.cat(logarithms, 1) / 2


def snr_targets(latent: Tensor, clean: Tensor) -> Reading:
    """The targets of the head (`latent_affine_snr`, design section 1.3): fit latent ~ a * clean + b, undo it, compare.

    latent, clean: (batch, 64, h, w) of unit variance per band; b is in band 0 only.
    """
    low, low_clean = latent[:, 0].flatten(1), clean[:, 0].flatten(1)
    centred, centred_clean = (x - x.mean(1, keepdim=True) for x in (low, low_clean))
    gain = (centred * centred_clean).sum(1) / centred_clean.square().sum(1).clamp_min(1e-3)
    gain = gain.clamp(*GAIN_RANGE)[:, None]
    undone = latent / gain[:, :, None, None]
    offset = (undone[:, :1] - clean[:, :1]).mean((2, 3))
    undone = shift_lowest(undone, -offset)
    signal, noise = clean.square().mean((2, 3)), (undone - clean).square().mean((2, 3))
    bands = torch.log((signal + 1e-6) / (noise + 1e-6)).clamp(*LOG_SNR_RANGE)
    whole = torch.log((signal.mean(1, keepdim=True) + 1e-6) / (noise.mean(1, keepdim=True) + 1e-6))
    return Reading(bands, whole.clamp(*LOG_SNR_RANGE), gain.log(), offset)


def shift_lowest(latent: Tensor, offset: Tensor) -> Tensor:
    """Add offset (batch, 1) to band 0 of a latent (batch, 64, h, w)."""
    return torch.cat([latent[:, :1] + offset[:, :, None, None], latent[:, 1:]], 1)
