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

"""The codec of the embedded prior: orthonormal Haar wavelet packets (design section 1.7)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infrared_ir_ros.priors.layers import in_fp32

LEVELS = 3
BLOCK = 2**LEVELS
BANDS = BLOCK * BLOCK


def packet_basis() -> Tensor:
    """The orthonormal basis of one 8x8 block: (bands, pixels), float32; band 0 is the lowest.

    Each level splits every band into (average, across columns, across rows, diagonal), so the basis is the Kronecker
    product of three two-point Haar transforms along each axis.
    """
    pair = torch.tensor([[1.0, 1.0], [1.0, -1.0]]) / 2**0.5
    split = torch.einsum("ai,bj->baij", pair, pair).reshape(
        4, 2, 2
    )  # [average, columns, rows, diagonal] of a 2x2 block
    basis = split  # bands of one level over its own pixels
    for _ in range(LEVELS - 1):
        fine = torch.einsum("aij,bkl->abkilj", basis, split)  # the next level works on pixels of this one
        count, size = basis.shape[0], basis.shape[1]
        basis = fine.reshape(4 * count, 2 * size, 2 * size)
    return basis.reshape(BANDS, BANDS)


class HaarCodec(nn.Module):
    """encode: (batch, 1, height, width) -> (batch, 64, height/8, width/8); decode is its exact inverse."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("basis", packet_basis().view(BANDS, BANDS, 1, 1), persistent=False)

    @in_fp32
    def encode(self, frame: Tensor) -> Tensor:
        return F.conv2d(F.pixel_unshuffle(frame, BLOCK), self.basis)

    @in_fp32
    def decode(self, latent: Tensor) -> Tensor:
        return F.pixel_shuffle(F.conv2d(latent, self.basis.transpose(0, 1)), BLOCK)
