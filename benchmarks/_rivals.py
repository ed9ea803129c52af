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

"""Rivals of equal cost, trained here on the same data: a regression network, and our UNet without timestep.

Neither estimates anything: frame in, frame out. Frames are (batch, 1, height, width) in 0..1, sides multiples of 32.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from infrared_ir_ros.priors.denoiser import Denoiser
from infrared_ir_ros.priors.haar import BANDS, HaarCodec
from infrared_ir_ros.priors.layers import zero
from infrared_ir_ros.restoration.dead_pixels import replace_dead_pixels
from infrared_ir_ros.simulation import stretch

FOLDER = Path(__file__).resolve().parent / "cache" / "rivals"
BLOCK = 8  # both work at 1/8 of the frame's size, as ours does
MULTIPLE = 32


class GatedBlock(nn.Module):
    """NAFNet's block (Chen et al., ECCV 2022): depthwise convolution, gate, channel attention; then a gated MLP."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.norm_mlp = nn.GroupNorm(1, channels), nn.GroupNorm(1, channels)
        self.grow = nn.Conv2d(channels, 2 * channels, 1)
        self.spread = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels)
        self.attend = nn.Conv2d(channels, channels, 1)
        self.out = zero(nn.Conv2d(channels, channels, 1))
        self.grow_mlp, self.out_mlp = nn.Conv2d(channels, 2 * channels, 1), zero(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        h = _gate(self.spread(self.grow(self.norm(x))))
        x = x + self.out(h * self.attend(h.mean((2, 3), keepdim=True)))
        return x + self.out_mlp(_gate(self.grow_mlp(self.norm_mlp(x))))


def _gate(x: Tensor) -> Tensor:
    first, second = x.chunk(2, 1)
    return first * second


class Regression(nn.Module):
    """A NAFNet-like network at 1/8, 1/16 and 1/32 of the frame; it predicts the frame's error."""

    def __init__(
        self, channels: tuple[int, int, int] = (104, 208, 384), blocks: tuple[int, int, int] = (2, 2, 4)
    ) -> None:
        super().__init__()
        fine, half, quarter = channels
        self.stem = nn.Conv2d(BLOCK * BLOCK, fine, 3, padding=1)
        self.fine_down, self.half_down = _row(fine, blocks[0]), _row(half, blocks[1])
        self.to_half, self.to_quarter = nn.Conv2d(fine, half, 2, 2), nn.Conv2d(half, quarter, 2, 2)
        self.middle = _row(quarter, blocks[2])
        self.from_quarter, self.from_half = nn.Conv2d(quarter, 4 * half, 1), nn.Conv2d(half, 4 * fine, 1)
        self.half_up, self.fine_up = _row(half, blocks[1]), _row(fine, blocks[0])
        self.head = zero(nn.Conv2d(fine, BLOCK * BLOCK, 3, padding=1))

    def forward(self, frame: Tensor) -> Tensor:
        fine = self.fine_down(self.stem(F.pixel_unshuffle(frame - 0.5, BLOCK)))
        half = self.half_down(self.to_half(fine))
        x = self.middle(self.to_quarter(half))
        x = self.half_up(F.pixel_shuffle(self.from_quarter(x), 2) + half)
        x = self.fine_up(F.pixel_shuffle(self.from_half(x), 2) + fine)
        return frame + F.pixel_shuffle(self.head(x), BLOCK)


def _row(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(GatedBlock(channels) for _ in range(count)))


class PlainUnet(nn.Module):
    """The UNet of the embedded prior on the same wavelet packets, without timestep and tone, shading and line heads."""

    def __init__(self, channels: tuple[int, int, int] = (80, 144, 240), middle: int = 2) -> None:
        super().__init__()
        self.codec = HaarCodec()
        self.denoiser = Denoiser(channels, middle)
        self.register_buffer("latent_scale", torch.ones(BANDS))

    def forward(self, frame: Tensor) -> Tensor:
        scale = self.latent_scale[None, :, None, None]
        latent = self.codec.encode(frame - 0.5) / scale
        change = self.denoiser(latent, latent, latent.new_zeros(latent.shape[0], BANDS))
        return self.codec.decode((latent - change) * scale) + 0.5


RIVALS: dict[str, type[nn.Module]] = {"nafnet": Regression, "plain_unet": PlainUnet}


def multiply_adds(network: nn.Module, height: int = 512, width: int = 640) -> int:
    """Multiply-adds of one frame, counted on shapes alone."""
    shadow = copy.deepcopy(network).to("meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        shadow(torch.zeros(1, 1, height, width, device="meta"))
    return counter.get_total_flops() // 2


class Rival:
    """A trained rival on 8-bit frames, with the same repair before it and the same stretch after it as ours."""

    def __init__(self, network: nn.Module, description: str) -> None:
        self._network = network.eval().requires_grad_(False)
        self.description = description

    def restore(self, frame: np.ndarray) -> np.ndarray:
        """(height, width) uint8 in and out."""
        unit = replace_dead_pixels(np.asarray(frame, np.float32)) / np.float32(255)
        bottom, right = (-side % MULTIPLE for side in unit.shape)
        padded = cv2.copyMakeBorder(unit, 0, bottom, 0, right, cv2.BORDER_REFLECT_101)
        with torch.inference_mode():
            restored = self._network(torch.from_numpy(padded)[None, None])[0, 0].numpy()
        return np.rint(stretch(restored[: frame.shape[0], : frame.shape[1]])).astype(np.uint8)


def load_rivals(folder: Path = FOLDER) -> dict[str, Rival]:
    """The rivals that have a checkpoint, by name."""
    return dict(_trained(folder))


def _trained(folder: Path) -> Iterator[tuple[str, Rival]]:
    for name, kind in RIVALS.items():
        path = folder / f"{name}.pt"
        if path.is_file():
            state = torch.load(path, map_location="cpu", weights_only=True)
            network = kind()
            network.load_state_dict(state["average"])
            yield name, Rival(network, f"{state['seconds'] / 60:.0f} minutes, {state['step']} steps")
