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

"""Multi-scale structural similarity (Wang, Simoncelli and Bovik 2003), as torchmetrics computes it."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import torch

SMALLEST = 176  # pixels: halved four times, a frame is still as large as the window of 11


def ms_ssim(restored: np.ndarray, clean: np.ndarray) -> float:
    """MS-SSIM of two frames (height, width) in 0..255: 0..1; NaN (undefined) below SMALLEST pixels on a side."""
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

    if min(clean.shape) < SMALLEST:
        return float("nan")
    pair = (torch.from_numpy(np.asarray(frame, np.float32))[None, None] for frame in (restored, clean))
    with torch.inference_mode():
        return float(multiscale_structural_similarity_index_measure(*pair, data_range=255.0, normalize="relu"))


def is_installed() -> bool:
    """Whether torchmetrics is installed."""
    return find_spec("torchmetrics") is not None
