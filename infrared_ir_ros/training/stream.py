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

"""Faint streams behind a lossy codec: the scene fills a small part of the levels, and the codec rounds it coarsely.

The restorer stretches such frames, and with them the blocks and what the codec has left of noise and stripes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from infrared_ir_ros.training.kernels import jpeg

CONTRAST = (0.12, 0.7)  # of the stream; drawn evenly on a logarithmic scale
QUALITY = (50, 95)  # of JPEG, both included
MIDDLE = 128  # level


class Stream(NamedTuple):
    """contrast: share of the levels that the frame fills. quality: of JPEG."""

    contrast: float
    quality: int


def draw_stream(rng: np.random.Generator) -> Stream:
    return Stream(float(np.exp(rng.uniform(*np.log(CONTRAST)))), int(rng.integers(QUALITY[0], QUALITY[1] + 1)))


def streamed(frame: np.ndarray, stream: Stream) -> np.ndarray:
    """A frame (height, width) float32, 0..255, made faint, compressed, and stretched again."""
    faint = np.rint(MIDDLE + stream.contrast * (frame - MIDDLE)).astype(np.uint8)
    _, packed = cv2.imencode(".jpg", faint, [cv2.IMWRITE_JPEG_QUALITY, stream.quality])
    seen = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE).astype(np.float32)
    return np.clip(MIDDLE + (seen - MIDDLE) / np.float32(stream.contrast), 0, 255)


def streamed_each(frames: Tensor, streams: Sequence[Stream | None]) -> Tensor:
    """As `streamed`, for the frames of a batch (batch, 1, height, width) in 0..1; None leaves a frame unchanged."""
    passed = frames.clone()
    if members := [index for index, stream in enumerate(streams) if stream is not None]:
        each = torch.tensor([streams[index] for index in members], dtype=frames.dtype).to(frames.device)
        contrast, quality = each[:, :, None, None, None].unbind(1)
        faint = (MIDDLE + contrast * (255 * frames[members] - MIDDLE)).round()
        passed[members] = ((MIDDLE + (jpeg(faint, quality) - MIDDLE) / contrast) / 255).clamp(0, 1)
    return passed
