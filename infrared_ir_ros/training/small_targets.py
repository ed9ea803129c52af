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

"""Small targets for training: planted into clean scenes at known places, with a loss on their contrast to clutter."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

MOST = 5  # targets in a scene
SIGMA = (0.7, 2.0)  # pixels: from a point through the lens to a small hot object
CONTRAST = (20.0, 110.0)  # of 255, above the background
CORE, GUARD, RING = 3, 11, 31  # sides of the squares: target, gap, clutter
CLUTTER_FLOOR = 2 / 255  # in a sky without noise the ratio would be infinite


def plant(clean: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Add small warm targets to a scene.

    clean: (height, width) float32 0..255, sides above RING. Returns a new frame and the rows and columns of the
    targets, (n, 2) int64, n from 1 to MOST, far enough apart that no target is in another's clutter.
    """
    height, width = clean.shape
    rows, columns = np.arange(height)[:, None], np.arange(width)
    frame, places = clean.copy(), []
    for _ in range(rng.integers(1, MOST + 1)):
        row, column = rng.integers(RING // 2, height - RING // 2), rng.integers(RING // 2, width - RING // 2)
        sigma, contrast = rng.uniform(*SIGMA), rng.uniform(*CONTRAST)
        if all(max(abs(row - r), abs(column - c)) > RING // 2 + GUARD // 2 for r, c in places):
            places.append((row, column))
            frame += contrast * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * sigma**2))
    return frame.clip(0, 255).astype(np.float32), np.array(places, np.int64)


class SmallTargetLoss(nn.Module):
    """The share of their signal-to-clutter ratio that targets lost; independent of tone."""

    def forward(self, restored: Tensor, target: Mapping[str, Tensor]) -> Tensor:
        """A scalar, 0 if no target lost any; a higher ratio than in the clean frames earns nothing.

        restored: (batch, 1, height, width). target: `places` (n, 3) int64, frame, row and column; `clean`, the clean
        frames with targets.
        """
        places = target["places"].to(restored.device)
        ratio, true_ratio = (signal_to_clutter(x.to(restored), places) for x in (restored, target["clean"]))
        return (F.relu(true_ratio - ratio) / true_ratio.clamp_min(1)).mean()  # below 1 a target is hardly visible


def signal_to_clutter(frames: Tensor, places: Tensor) -> Tensor:
    """Signal-to-clutter ratio (n,) of frames (batch, 1, height, width) at places (n, 3); negative for dark targets.

    (t - m) / s, t the mean of the 3x3 pixels there, m and s mean and standard deviation of their surroundings (Gao et
    al., Infrared Patch-Image Model for Small Target Detection, 2013).
    """
    around = torch.arange(RING, device=frames.device) - RING // 2
    rows, columns = places[:, 1, None, None] + around[:, None], places[:, 2, None, None] + around
    squares = frames[places[:, 0, None, None], 0, rows, columns]  # (n, RING, RING)
    core, guard = (_middle(squares, side) for side in (CORE, GUARD))
    count = RING**2 - GUARD**2
    mean = (squares.sum((1, 2)) - guard.sum((1, 2))) / count
    power = (squares.square().sum((1, 2)) - guard.square().sum((1, 2))) / count
    return (core.mean((1, 2)) - mean) / (power - mean**2).clamp_min(CLUTTER_FLOOR**2).sqrt()


def _middle(squares: Tensor, side: int) -> Tensor:
    """The central (n, side, side) of squares (n, RING, RING)."""
    start = (RING - side) // 2
    return squares[:, start : start + side, start : start + side]
