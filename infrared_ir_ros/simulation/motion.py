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

"""A camera that moves over still pictures: it pans over a mosaic of them, or drives through a street made of them.

Frames are (height, width) float32 in the units of the pictures. Used to evaluate methods that learn from motion: the
truth of every frame is known, and the pictures may be real ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

CAMERA_HEIGHT = 1.5  # metres above the road
ROAD = (-6.0, 5.0)  # metres: its left and right edge, where the buildings stand
PIXELS_PER_METRE = 30
FADE = 50.0  # metres: decay length of a picture's contrast with distance
HORIZON = 0.45  # share of the height, from the top


class Pan:
    """Pans back and forth over a mosaic of four pictures."""

    def __init__(self, pictures: Sequence[np.ndarray], seed: int, shape: tuple[int, int]) -> None:
        rng = np.random.default_rng(seed)
        height, width = shape
        scaled = [cv2.resize(np.float32(picture), (width, height)) for picture in pictures[:4]]
        rows = [np.hstack([scaled[i], scaled[i][:, ::-1], scaled[i + 1], scaled[i + 1][:, ::-1]]) for i in (0, 2)]
        self._mosaic = np.vstack([rows[0], rows[1][::-1]])
        self._shape, self._phase, self._speed = shape, rng.uniform(0, 6.28, 2), rng.uniform(0.5, 1.5)

    def frame(self, index: int) -> np.ndarray:
        height, width = self._shape
        turn = np.sin(np.array([0.006, 0.004]) * self._speed * index + self._phase)
        x, y = (np.array(self._mosaic.shape[::-1]) - (width, height)) * (0.5 + 0.48 * turn)
        return cv2.warpAffine(self._mosaic, np.float32([[1, 0, -x], [0, 1, -y]]), (width, height))


class Drive:
    """Drives through a street: three pictures become road and facades; the sky does not move."""

    def __init__(self, pictures: Sequence[np.ndarray], seed: int, shape: tuple[int, int]) -> None:
        rng = self._rng = np.random.default_rng(seed)
        self._shape, self._focal = shape, 0.8 * shape[1]
        self._pictures = [_mirrored(np.float32(picture)) for picture in pictures[:3]]
        self._low, self._span = float(pictures[0].min()), float(np.ptp(pictures[0]))
        self._speed = 0.35 * rng.uniform(0.6, 1.4)  # metres from frame to frame
        self._levels = [rng.uniform(*limits) for limits in ((0.55, 0.85), (0.3, 0.8), (0.3, 0.8), (0.0, 0.2))]
        self._heights = [self._houses(6, 4, 40).clip(0, 20) for _ in range(2)]
        self._tones = [self._houses(0, spread, 60) for spread in (0.08, 0.18, 0.18)]
        self._phase = rng.uniform(0, 6.28, 5)

    def _houses(self, mean: float, spread: float, longest: int) -> np.ndarray:
        """A number per quarter of a metre, constant along each house."""
        return np.repeat(self._rng.normal(mean, spread, 800), self._rng.integers(8, longest, 800))

    def frame(self, index: int) -> np.ndarray:
        height, width = self._shape
        swing = np.sin(np.array([0.011, 0.07, 0.09, 0.2, 0.013]) * index + self._phase)
        middle = width * (0.5 + 0.04 * swing[0] + 0.01 * swing[1])
        horizon = height * (HORIZON + 0.008 * swing[2] + 0.006 * swing[3])
        x = np.arange(width, dtype=np.float32)[None] - np.float32(middle)
        y = np.arange(height, dtype=np.float32)[:, None] - np.float32(horizon)
        sky = self._levels[3] + 0.2 * np.clip(1 + y / (height * HORIZON), 0, 1) ** 2
        out = np.broadcast_to(sky, self._shape).astype(np.float32)
        travelled, aside = self._speed * index, 0.8 * float(swing[4])
        for side in (0, 1):
            self._stand(out, side, x, y, travelled, aside)
        self._lie(out, x, y, travelled, aside)
        return np.float32(self._low) + np.float32(self._span) * cv2.GaussianBlur(out, (0, 0), 0.7)

    def _stand(self, out: np.ndarray, side: int, x: np.ndarray, y: np.ndarray, travelled: float, aside: float) -> None:
        """The row of facades on one side, 0 left, 1 right."""
        outwards = np.maximum(x if side else -x, 1.5)
        depth = self._focal * (abs(ROAD[side]) + (-aside if side else aside)) / outwards
        down = y * depth / self._focal
        place = np.clip((depth[0] + travelled) * 4, 0, len(self._heights[side]) - 1).astype(int)
        tone = self._tones[1 + side][np.clip(place, 0, len(self._tones[1 + side]) - 1)]
        value = self._levels[1 + side] + np.exp(-depth / FADE) * (self._seen(1 + side, depth + travelled, down) + tone)
        visible = (outwards > 1.5) & (-down < self._heights[side][place]) & (down < CAMERA_HEIGHT) & (depth < 250)
        np.copyto(out, value.astype(np.float32), where=visible)

    def _lie(self, out: np.ndarray, x: np.ndarray, y: np.ndarray, travelled: float, aside: float) -> None:
        """The road."""
        down = np.maximum(y, 1.0)
        depth, across = self._focal * CAMERA_HEIGHT / down, x * CAMERA_HEIGHT / down + aside
        place = np.clip((depth + travelled) * 4, 0, len(self._tones[0]) - 1).astype(int)
        value = self._levels[0] + np.exp(-depth / FADE) * (
            self._seen(0, across, depth + travelled) + self._tones[0][place]
        )
        np.copyto(out, value.astype(np.float32), where=(y > 1) & (across > ROAD[0]) & (across < ROAD[1]))

    def _seen(self, which: int, along: np.ndarray, across: np.ndarray) -> np.ndarray:
        """A picture at places in metres: (height, width) float32, about -0.25..0.25."""
        picture, metres = self._pictures[which], np.broadcast_arrays(along, across)
        u, v = (np.float32(m * PIXELS_PER_METRE % (n - 1)) for m, n in zip(metres, picture.shape[::-1], strict=True))
        return cv2.remap(picture, u, v, cv2.INTER_LINEAR)


def _mirrored(picture: np.ndarray) -> np.ndarray:
    """The picture with its mirror images beside and below, so that it repeats without a seam; values -0.25..0.25."""
    scaled = 0.5 * ((picture - picture.min()) / max(float(np.ptp(picture)), 1e-6) - 0.5)
    both = np.hstack([scaled, scaled[:, ::-1]])
    return cv2.GaussianBlur(np.vstack([both, both[::-1]]), (0, 0), 1.0)
