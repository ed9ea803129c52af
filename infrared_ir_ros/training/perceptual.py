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

"""ST-LPIPS: a perceptual distance that tolerates shifts of a pixel (Ghildyal and Liu, ECCV 2022).

The weights (AlexNet, 10 MB) are read from the folder of the package `stlpips-pytorch`, which is never imported, since
its modules need torchvision and more. The network is the published one: AlexNet with strides replaced by blurs. Its
numbers cannot be compared with those of LPIPS.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infrared_ir_ros.errors import WeightsError
from infrared_ir_ros.priors.layers import in_fp32

WEIGHTS = Path("weights/vST0.0/alex_shift_tolerant.pth")
LONGER_SIDE = 320  # larger frames are shrunk to this size: a quarter of the time at 640x512
SMALLEST = 21  # pixels per side: the strides leave too little of smaller frames to mirror at the border
CHANNELS = (64, 192, 384, 256, 256)
KERNELS = ((11, 2), (5, 2), (3, 1), (3, 1), (3, 1))  # size, padding


class StLpips(nn.Module):
    """ST-LPIPS of frames (batch, 1, height, width) in 0..1, sides of SMALLEST pixels or more: (batch,), 0 if equal.

    Frozen; gradients reach the first argument. Raises WeightsError if the package is missing or damaged.
    """

    def __init__(self) -> None:
        super().__init__()
        sizes = zip((3, *CHANNELS[:-1]), CHANNELS, KERNELS, strict=True)
        self.convolutions = nn.ModuleList(nn.Conv2d(i, o, size, padding=pad) for i, o, (size, pad) in sizes)
        self.weights = nn.ParameterList(nn.Parameter(torch.zeros(1, count, 1, 1)) for count in CHANNELS)
        self.register_buffer("shift", torch.zeros(1, 3, 1, 1))
        self.register_buffer("scale", torch.ones(1, 3, 1, 1))
        self.register_buffer("blur", torch.tensor([1.0, 2.0, 1.0]) / 4, persistent=False)
        self._clean: tuple[np.ndarray, list[Tensor]] | None = None
        self._load(_weights_file())
        self.requires_grad_(False).eval()

    def _load(self, path: Path) -> None:
        try:
            stored = torch.load(path, map_location="cpu", weights_only=True)
            names = [name for name in stored if name.startswith("net.") and name.endswith(".weight")]
            for layer, name in zip(self.convolutions, names, strict=True):
                layer.load_state_dict({"weight": stored[name], "bias": stored[name.replace(".weight", ".bias")]})
            for index, weight in enumerate(self.weights):
                weight.data.copy_(stored[f"lin{index}.model.1.weight"])
            self.shift.copy_(stored["scaling_layer.shift"])
            self.scale.copy_(stored["scaling_layer.scale"])
        except Exception as error:
            raise WeightsError(f"{path} can't be read ({error}): install stlpips-pytorch again") from error

    @in_fp32
    def forward(self, restored: Tensor, clean: Tensor) -> Tensor:
        return self._compare(self.features(restored), self.features(clean))

    def _compare(self, restored: list[Tensor], clean: list[Tensor]) -> Tensor:
        pairs = zip(restored, clean, self.weights, strict=True)
        terms = [(weight * (a - b).square()).sum(1).mean((1, 2)) for a, b, weight in pairs]
        return torch.stack(terms).sum(0)

    def features(self, frame: Tensor) -> list[Tensor]:
        """Feature maps of the five layers, with channels normalised to unit length in each pixel."""
        x = ((2 * frame - 1).expand(-1, 3, -1, -1) - self.shift) / self.scale
        found = []
        for index, convolution in enumerate(self.convolutions):
            if index in (1, 2):
                x = self._halve(F.max_pool2d(x, 3, 1))
            x = convolution(x)
            x = F.relu(self._halve(x) if index == 0 else x)
            found.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return found

    def _halve(self, x: Tensor) -> Tensor:
        """Blur by [1, 2, 1] along both axes, then take every second pixel; the border is mirrored."""
        channels = x.shape[1]
        x = F.pad(x, (2, 2, 2, 2), mode="reflect")
        x = F.conv2d(x, self.blur.view(1, 1, 3, 1).expand(channels, 1, 3, 1), stride=(2, 1), groups=channels)
        return F.conv2d(x, self.blur.view(1, 1, 1, 3).expand(channels, 1, 1, 3), stride=(1, 2), groups=channels)

    @torch.inference_mode()
    def distance(self, restored: np.ndarray, clean: np.ndarray) -> float:
        """ST-LPIPS of two frames (height, width) in 0..255, shrunk to at most LONGER_SIDE pixels first.

        NaN if a side then has less than SMALLEST pixels. The features of the last clean frame are cached, since many
        restorations are compared with the same one.
        """
        if self._clean is None or not np.array_equal(self._clean[0], clean):
            small = _tensor(clean)
            if min(small.shape[2:]) < SMALLEST:
                return float("nan")
            self._clean = clean.copy(), self.features(small)
        return float(self._compare(self.features(_tensor(restored)), self._clean[1]))


@cache
def st_lpips() -> StLpips:
    """The shared instance of this process."""
    return StLpips()


def is_installed() -> bool:
    """Whether the package with the weights is installed."""
    return find_spec("stlpips_pytorch") is not None


def _weights_file() -> Path:
    found = find_spec("stlpips_pytorch")
    if found is None or not found.submodule_search_locations:
        raise WeightsError("ST-LPIPS needs the weights in the package stlpips-pytorch: pip install stlpips-pytorch")
    return Path(next(iter(found.submodule_search_locations))) / WEIGHTS


def _tensor(frame: np.ndarray) -> Tensor:
    """(1, 1, height, width) in 0..1, at most LONGER_SIDE pixels a side."""
    frame = np.asarray(frame, np.float32) / np.float32(255)
    shrink = LONGER_SIDE / max(frame.shape)
    size = (round(frame.shape[1] * shrink), round(frame.shape[0] * shrink))
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA) if shrink < 1 else frame
    return torch.from_numpy(small)[None, None]
