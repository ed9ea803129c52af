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

"""The spectral loss: compares the sub-bands of a two-dimensional wavelet transform.

Two kinds (design section 1.6): `proportion` (the paper's) compares how the energy of each scale is distributed over its
three detail sub-bands; `detail` (the authors' released code) compares the finest Haar coefficients.
Frames are (batch, channels, height, width), of any range.
"""

from __future__ import annotations

import pywt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.priors.layers import in_fp32

KINDS = ("proportion", "detail")
EPSILON = 1e-8


class SpectralLoss(nn.Module):
    """L_spec of a restored and a clean frame: a scalar, 0 for equal frames.

    kind: one of KINDS. wavelet, scales: of `proportion`; any orthogonal or biorthogonal filter of PyWavelets.
    Raises OptionError for an unknown kind or wavelet, or fewer than one scale.
    """

    def __init__(self, kind: str = "proportion", wavelet: str = "haar", scales: int = 3) -> None:
        super().__init__()
        if kind not in KINDS:
            raise OptionError(f"spectral is {kind!r}: use one of {', '.join(KINDS)}")
        if scales < 1:
            raise OptionError(f"the number of spectral scales is {scales}: use at least 1")
        self.kind, self.scales = kind, scales
        self.register_buffer("filters", analysis_filters("haar" if kind == "detail" else wavelet), persistent=False)

    @in_fp32
    def forward(self, restored: Tensor, clean: Tensor) -> Tensor:
        if self.kind == "detail":
            return detail_loss(restored, clean, self.filters)
        return proportion_loss(restored, clean, self.filters, self.scales)


def proportion_loss(restored: Tensor, clean: Tensor, filters: Tensor, scales: int) -> Tensor:
    """sum_s sum_b |p_s^b(restored) - p_s^b(clean)|, mean over the batch; invariant to gain and offset.

    p_s^b = E_s^b / (sum_b' E_s^b' + 1e-8), E the energy of sub-band b (LH, HL, HH) at scale s.
    """
    difference = proportions(restored, filters, scales) - proportions(clean, filters, scales)
    return difference.abs().sum((1, 2)).mean()


def detail_loss(restored: Tensor, clean: Tensor, filters: Tensor) -> Tensor:
    """Mean squared error of the detail coefficients of the first level."""
    details, clean_details = (wavelet_step(frame, filters)[1] for frame in (restored, clean))
    return F.mse_loss(details, clean_details)


def proportions(frame: Tensor, filters: Tensor, scales: int) -> Tensor:
    """Share of each detail sub-band in the energy of its scale: (batch, scales, 3), finest scale first."""
    energy = energies(frame, filters, scales)
    return energy / (energy.sum(2, keepdim=True) + EPSILON)


def energies(frame: Tensor, filters: Tensor, scales: int) -> Tensor:
    """Sum of squares of the sub-bands LH, HL, HH at each scale, all channels together: (batch, scales, 3)."""
    found = []
    for _ in range(scales):
        frame, details = wavelet_step(frame, filters)
        found.append(details.square().sum((1, 3, 4)))
    return torch.stack(found, 1)


def wavelet_step(frame: Tensor, filters: Tensor) -> tuple[Tensor, Tensor]:
    """One level of the transform, with mirrored borders (`symmetric` of PyWavelets).

    Returns the approximation (batch, channels, h, w) and the details (batch, channels, 3, h, w), each h and w
    floor((size + taps - 1) / 2). Raises OptionError for a frame smaller than the filter.
    """
    taps = filters.shape[-1]
    if min(frame.shape[-2:]) < taps - 1:
        raise OptionError(
            f"frame is {tuple(frame.shape[-2:])}: a wavelet of {taps} taps needs sides of {taps - 1} pixels at the "
            "coarsest scale: use fewer scales"
        )
    channels = frame.shape[1]
    padded = _mirrored(_mirrored(frame, taps, -1), taps, -2)
    bands = F.conv2d(padded, filters.to(frame).repeat(channels, 1, 1, 1), stride=2, groups=channels)
    bands = bands.unflatten(1, (channels, 4))
    return bands[:, :, 0], bands[:, :, 1:]


def _mirrored(frame: Tensor, taps: int, axis: int) -> Tensor:
    """Half-sample mirroring as in PyWavelets: taps - 2 samples before, taps - 1 behind."""
    size = frame.shape[axis]
    before, behind = taps - 2, taps - 1
    if (size + before + behind - taps) % 2:  # of an odd size the last sample is never reached
        behind -= 1
    index = torch.arange(-before, size + behind, device=frame.device)
    index = torch.where(index < 0, -1 - index, index)
    index = torch.where(index >= size, 2 * size - 1 - index, index)
    return frame.index_select(axis, index)


def analysis_filters(wavelet: str) -> Tensor:
    """The four two-dimensional analysis filters LL, LH, HL, HH of a wavelet of PyWavelets: (4, 1, taps, taps).

    Reversed, since a convolution layer correlates. Raises OptionError for an unknown wavelet.
    """
    try:
        bank = pywt.Wavelet(wavelet)
    except ValueError as error:
        raise OptionError(f"wavelet is {wavelet!r}: use a discrete one of PyWavelets, such as haar or db2") from error
    low, high = (torch.tensor(taps[::-1], dtype=torch.float32) for taps in (bank.dec_lo, bank.dec_hi))
    pairs = ((low, low), (high, low), (low, high), (high, high))  # along rows, along columns
    return torch.stack([torch.outer(vertical, horizontal) for vertical, horizontal in pairs])[:, None]
