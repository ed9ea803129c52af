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

"""The released estimator: features of the VAE's encoder -> noise in the latent (design section 1.3)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TAPPED_BLOCKS = (1, 2)  # of the encoder's down blocks, besides conv_in and mid_block


class SigmaEstimator(nn.Module):
    """Taps of the encoder -> sigma, the share of noise in the latent, 0..1. Names and layers are the released ones.

    channels: of all taps together.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fuse = nn.Sequential(
            nn.Conv2d(channels, 128, 3, padding=1), nn.SiLU(), nn.Conv2d(128, 128, 3, padding=1), nn.SiLU()
        )
        self.fc = nn.Sequential(nn.LayerNorm(128), nn.Linear(128, 256), nn.SiLU(), nn.LayerNorm(256), nn.Linear(256, 1))

    def forward(self, taps: list[Tensor], size: tuple[int, int]) -> Tensor:
        """taps: (batch, c, h, w) each, of several sizes. size: height and width of the latent. Returns (batch, 1)."""
        fused = self.fuse(torch.cat([F.adaptive_avg_pool2d(tap.float(), size) for tap in taps], 1))
        return torch.sigmoid(self.fc(fused.mean((2, 3))))


def encode(vae: nn.Module, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The encoder of diffusers' AutoencoderKL, with the features that the estimator needs.

    pictures: (batch, 3, height, width), -1..1. Returns the mode of the latent (batch, 4, height/8, width/8), unscaled,
    and the features behind conv_in, behind the residual layers of down blocks 1 and 2, and behind mid_block.
    """
    encoder = vae.encoder
    x = encoder.conv_in(pictures)
    taps = [x]
    for index, block in enumerate(encoder.down_blocks):
        for residual in block.resnets:
            x = residual(x, None)
        if index in TAPPED_BLOCKS:  # before the block halves the size
            taps.append(x)
        for shrink in block.downsamplers or ():
            x = shrink(x)
    x = encoder.mid_block(x)
    taps.append(x)
    x = encoder.conv_out(encoder.conv_act(encoder.conv_norm_out(x)))
    moments = x if vae.quant_conv is None else vae.quant_conv(x)
    return moments.chunk(2, 1)[0], taps
