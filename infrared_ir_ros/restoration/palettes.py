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

"""Thermal palettes: grey levels to colours for display."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from infrared_ir_ros.records import INFINITE

_GREY = np.arange(256, dtype=np.uint8)
# Anchor colours (level, red, green, blue) of the classic iron scale, dark blue through purple and orange to white.
_IRON = np.array(
    [
        (0, 0, 0, 10),
        (32, 25, 0, 110),
        (72, 110, 0, 155),
        (112, 185, 25, 135),
        (152, 230, 85, 35),
        (192, 250, 150, 0),
        (228, 255, 215, 60),
        (255, 255, 255, 246),
    ],
    dtype=np.float32,
)


def _ironbow() -> np.ndarray:
    channels = [np.interp(_GREY, _IRON[:, 0], _IRON[:, column]) for column in (3, 2, 1)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


_TABLES: dict[str, Callable[[], np.ndarray]] = {
    "white_hot": lambda: np.stack([_GREY] * 3, axis=1),
    "black_hot": lambda: np.stack([_GREY[::-1]] * 3, axis=1),
    "ironbow": _ironbow,
    "inferno": lambda: cv2.applyColorMap(_GREY[:, None], cv2.COLORMAP_INFERNO)[:, 0],
}
PALETTES = tuple(_TABLES)


def palette(name: str) -> np.ndarray:
    """The (256, 3) uint8 blue-green-red colours of the palette `name`; KeyError unless it is in PALETTES."""
    return _TABLES[name]()


def colour(levels: np.ndarray, name: str) -> np.ndarray:
    """(H, W) uint8 levels -> (H, W, 3) uint8 blue-green-red."""
    return palette(name)[levels]


def display_range(*frames: np.ndarray) -> tuple[float, float]:
    """Lowest and highest value to show: 0 and 255 for 8 bit, else percentiles 0.5 and 99.5 of all `frames` together."""
    if all(frame.dtype == np.uint8 for frame in frames):
        return 0.0, 255.0
    sample = np.concatenate([frame[::4, ::4].ravel() for frame in frames])
    if sample.dtype.kind == "f":
        sample = sample[np.abs(sample) < INFINITE]
    if sample.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(sample, (0.5, 99.5))
    return float(low), float(max(high, low + 1e-6))


def levels(frame: np.ndarray, low: float, high: float) -> np.ndarray:
    """(H, W) of any dtype -> (H, W) uint8, `low` at 0 and `high` at 255; NaN at 0."""
    scaled = (frame.astype(np.float32) - np.float32(low)) * np.float32(255.0 / (high - low))
    return np.nan_to_num(scaled, nan=0.0).clip(0, 255).round().astype(np.uint8)


def comparison(before: np.ndarray, after: np.ndarray, name: str) -> np.ndarray:
    """Two (H, W) frames of one dtype side by side, on one scale -> (H, 2 W, 3) uint8 blue-green-red."""
    low, high = display_range(before, after)
    return np.hstack([colour(levels(frame, low, high), name) for frame in (before, after)])
