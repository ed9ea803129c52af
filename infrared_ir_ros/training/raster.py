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

"""Frames resampled to another raster than their sensor's: analogue video, scaled streams, filtered read-outs.

Their noise and stripes have lost the finest part, like the scene. A network that has only seen independent noise per
pixel mistakes the rest of such noise for scene.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch.nn.functional as F
from torch import Tensor

FACTORS = (1.1, 2.4)  # pixels of the frame per pixel of the sensor, along an axis
AXES = {"both": 0.45, "each": 0.25, "columns": 0.2, "rows": 0.1}  # one factor for both, one for each, or one axis only
INTERPOLATIONS = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
LINK, LINK_PRESET = 0.3, "sensor_light"  # share of these frames that are degraded once more after resampling


class Raster(NamedTuple):
    """The sensor's raster, with fewer rows and columns than the frame, and the interpolation to the frame.

    linked: whether the resampled frame is degraded once more (LINK_PRESET), as by an analogue link."""

    rows: int
    columns: int
    interpolation: int
    linked: bool


def draw_raster(rng: np.random.Generator, height: int, width: int) -> Raster:
    axes = rng.choice(list(AXES), p=list(AXES.values()))
    down, across = rng.uniform(*FACTORS, 2)
    interpolation = int(rng.choice(INTERPOLATIONS))
    if interpolation == cv2.INTER_NEAREST:
        down = across = 2  # repeats whole pixels
    elif axes == "both":
        across = down
    rows = height if axes == "columns" else round(height / down)
    columns = width if axes == "rows" else round(width / across)
    return Raster(rows, columns, interpolation, bool(rng.random() < LINK))


def through(frame: np.ndarray, raster: Raster) -> np.ndarray:
    """A frame (height, width) float32, 0..255, shrunk to the raster and enlarged again."""
    seen = cv2.resize(frame, (raster.columns, raster.rows), interpolation=cv2.INTER_AREA)
    return np.clip(cv2.resize(seen, frame.shape[::-1], interpolation=raster.interpolation), 0, 255)


def through_each(frames: Tensor, rasters: Sequence[Raster | None]) -> Tensor:
    """As `through`, for the frames of a batch (batch, 1, height, width) in 0..1; None leaves a frame unchanged. Cubic
    interpolation replaces Lanczos."""
    shape, passed = frames.shape[2:], frames.clone()
    modes = {cv2.INTER_NEAREST: "nearest", cv2.INTER_LINEAR: "bilinear"}
    for index, raster in enumerate(rasters):
        if raster is not None:
            seen = F.interpolate(frames[index : index + 1], raster[:2], mode="area")
            mode = modes.get(raster.interpolation, "bicubic")
            passed[index] = (255 * F.interpolate(seen, shape, mode=mode)[0].clamp(0, 1)).round() / 255
    return passed
