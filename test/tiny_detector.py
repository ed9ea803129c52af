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

"""A detector that needs no training: it finds bright and half-bright squares of 16 pixels, exactly."""

import io
import json
from functools import lru_cache

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import helper
from torch import Tensor, nn

from infrared_ir_ros.training.detector_export import with_suppression

SIDE, STEP = 16, 8  # pixels of a window, and from one to the next
NAMES = ("hot", "warm")


class _Squares(nn.Module):
    """image (1, 3, H, W) -> boxes (1, A, 4), scores (1, 2, A): how bright, or evenly half-bright, each window is."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        grey = image.mean(1, keepdim=True)
        mean = F.avg_pool2d(grey, SIDE, STEP)
        variance = F.avg_pool2d(grey * grey, SIDE, STEP) - mean * mean
        warm = (1 - 4 * (mean - 0.5).abs()).clamp(0, 1) * (1 - 10 * variance).clamp(0, 1)
        rows, columns = torch.arange(mean.shape[2]) * STEP, torch.arange(mean.shape[3]) * STEP
        top, left = torch.meshgrid(rows.float(), columns.float(), indexing="ij")
        boxes = torch.stack([left, top, left + SIDE, top + SIDE], -1).reshape(1, -1, 4)
        return boxes, torch.cat([mean, warm], 1).flatten(2)


@lru_cache
def tiny_detector(size: tuple[int, int] | None = None, names: tuple[str, ...] = NAMES, stride: int = 32) -> bytes:
    """The ONNX file. size: (height, width) if it is fixed."""
    buffer = io.BytesIO()
    axes = {"image": {2: "height", 3: "width"}, "boxes": {1: "anchors"}, "scores": {2: "anchors"}}
    torch.onnx.export(
        _Squares(), (torch.rand(1, 3, *(size or (64, 96))),), buffer, input_names=["image"],
        output_names=["boxes", "scores"], dynamic_axes=None if size else axes, opset_version=17, dynamo=False,
    )  # fmt: skip
    model = with_suppression(onnx.load_from_string(buffer.getvalue()))
    helper.set_model_props(model, {"names": json.dumps(names), "stride": str(stride), "version": "test"})
    return model.SerializeToString()


def squares(shape: tuple[int, int] = (120, 160), hot: tuple = ((16, 32),), warm: tuple = ()) -> np.ndarray:  # type: ignore[type-arg]
    """A dark uint8 frame with squares; each is given by its top left corner (x, y)."""
    frame = np.full(shape, 20, np.uint8)
    frame[0, 0] = 0
    for level, corners in ((255, hot), (128, warm)):
        for x, y in corners:
            frame[y : y + SIDE, x : x + SIDE] = level
    return frame
