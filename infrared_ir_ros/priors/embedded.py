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

"""The embedded prior: codec, heads and denoiser in one module; the reference for every graph that ships."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infrared_ir_ros.priors.denoiser import Denoiser
from infrared_ir_ros.priors.estimator import Reading, SnrHead, shift_lowest
from infrared_ir_ros.priors.field import HEIGHT, WIDTH, FieldHead
from infrared_ir_ros.priors.haar import BANDS, HaarCodec
from infrared_ir_ros.priors.layers import area_thumbnail, in_fp32
from infrared_ir_ros.priors.lines import LineHead


class Correction(NamedTuple):
    """The estimates of `restoration`, batched: corrected = gain * frame + offset - shading - columns - rows."""

    gain: Tensor  # (batch, 1)
    offset: Tensor  # (batch, 1)
    shading: Tensor  # (batch, 1, 64, 80)
    columns: Tensor  # (batch, 1, 1, width)
    rows: Tensor  # (batch, 1, height, 1)

    def apply(self, frame: Tensor) -> Tensor:
        shading = F.interpolate(self.shading, size=frame.shape[-2:], mode="bilinear", align_corners=False)
        toned = frame * self.gain[:, :, None, None] + self.offset[:, :, None, None]
        return toned - shading - self.columns - self.rows

    def then_tone(self, gain: Tensor, offset: Tensor) -> Correction:
        """This correction followed by `gain * corrected + offset`, both (batch, 1)."""
        wide = gain[:, :, None, None]
        return Correction(
            self.gain * gain, self.offset * gain + offset, self.shading * wide, self.columns * wide, self.rows * wide
        )


class EmbeddedPrior(nn.Module):
    """Frames are (batch, 1, height, width), 0..1, sides multiples of 32.

    The constructor's keywords are saved beside the weights.
    """

    def __init__(
        self,
        channels: tuple[int, int, int] = (96, 160, 256),
        middle: int = 2,
        field_channels: tuple[int, int, int] = (24, 64, 160),
        field_layers: int = 4,
        blocks: tuple[int, int] = (1, 1),
    ) -> None:
        super().__init__()
        self.codec = HaarCodec()
        self.field = FieldHead(tuple(field_channels), field_layers)
        self.lines = LineHead()
        self.snr = SnrHead()
        self.denoiser = Denoiser(tuple(channels), middle, tuple(blocks))
        self.register_buffer("latent_scale", torch.ones(BANDS))

    def encode(self, frame: Tensor) -> Tensor:
        """Latent of unit variance per band; grey 0.5 is the latent's zero."""
        return self.codec.encode(frame - 0.5) / self.latent_scale[None, :, None, None]

    def decode(self, latent: Tensor) -> Tensor:
        return self.codec.decode(latent * self.latent_scale[None, :, None, None]) + 0.5

    @in_fp32
    def correct(self, frame: Tensor) -> tuple[Correction, Tensor]:
        """Tone, shading and lines of a frame, and the frame without them."""
        gain, offset, shading = self.field(area_thumbnail(frame, HEIGHT, WIDTH))
        nothing = frame.new_zeros(())
        corrected = Correction(gain, offset, shading, nothing, nothing).apply(frame)
        columns = self.lines(corrected)
        corrected = corrected - columns
        rows = self.lines(corrected.transpose(2, 3)).transpose(2, 3)
        return Correction(gain, offset, shading, columns, rows), corrected - rows

    @in_fp32
    def read(self, latent: Tensor, corrected: Tensor, correction: Correction) -> Reading:
        """The log-SNR head's output for a corrected frame."""
        spreads = (correction.columns.square().mean((2, 3)), correction.rows.square().mean((2, 3)))
        extra = [correction.gain.log(), correction.offset, *(torch.log(x.sqrt() + 1e-3) / 2 for x in spreads)]
        return self.snr(latent, area_thumbnail(corrected, HEIGHT, WIDTH), torch.cat(extra, 1))

    def estimate(self, frame: Tensor) -> tuple[Tensor, ...]:
        """Frame -> (gain, offset, shading, columns, rows, log_snr_bands, log_snr)."""
        correction, corrected = self.correct(frame)
        reading = self.read(self.encode(corrected), corrected, correction)
        gain = torch.exp(-reading.log_gain)
        # band 0 is 8 times the mean of its block, in units of its scale
        shift = 0.5 - 0.5 * gain - reading.offset * self.latent_scale[0] / 8
        return *correction.then_tone(gain, shift), reading.log_snr_bands, reading.log_snr

    def restore(
        self,
        frame: Tensor,
        gain: Tensor,
        offset: Tensor,
        shading: Tensor,
        columns: Tensor,
        rows: Tensor,
        log_snr_bands: Tensor,
    ) -> Tensor:
        """Frame and its estimates -> restored frame, in one evaluation of the denoiser."""
        corrected = Correction(gain, offset, shading, columns, rows).apply(frame)
        return self.decode(self.denoise(self.encode(corrected), log_snr_bands))

    def denoise(self, latent: Tensor, log_snr_bands: Tensor) -> Tensor:
        """The exact step of design section 1.2, each band at its own place on the trajectory (1.7).

        latent = x0 + noise, so x_t = sqrt(alpha_bar) * latent and x0 = sqrt(alpha_bar) x_t - sqrt(1 - alpha_bar) v.
        """
        alpha_bar = torch.sigmoid(log_snr_bands)[:, :, None, None]
        noisy = alpha_bar.sqrt() * latent
        velocity = self.denoiser(noisy, latent, log_snr_bands)
        return alpha_bar.sqrt() * noisy - (1 - alpha_bar).sqrt() * velocity

    @staticmethod
    def wiener(latent: Tensor, log_snr_bands: Tensor) -> Tensor:
        """The same step with v = 0, the Wiener filter of each band: the baseline for the network."""
        return torch.sigmoid(log_snr_bands)[:, :, None, None] * latent

    def apply_reading(self, latent: Tensor, log_gain: Tensor, offset: Tensor) -> Tensor:
        """Undo the residual tone of a reading on a latent, as `estimate` does in the correction."""
        return shift_lowest(latent * torch.exp(-log_gain)[:, :, None, None], -offset)
