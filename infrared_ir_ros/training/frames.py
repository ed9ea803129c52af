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

"""Batches of clean and degraded frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from infrared_ir_ros.priors.field import HEIGHT, WIDTH
from infrared_ir_ros.restoration.dead_pixels import replace_dead_pixels
from infrared_ir_ros.simulation import degrade, stretch
from infrared_ir_ros.training.pack import FrameSets

MIRRORED = ("photographs", "layouts")  # sets whose polarity carries no meaning: inverted at random


@dataclass(frozen=True)
class Mix:
    """What a training sees. Weights need not add up to 1.

    sets: weight of each set of the pack. presets: weight of each degradation preset.
    sizes: (height, width, batch, weight) of the frames of a batch.
    """

    sets: dict[str, float]
    presets: dict[str, float]
    sizes: list[tuple[int, int, int, float]]


class Pairs(IterableDataset):
    """Endless batches (clean, degraded), each (batch, 1, height, width) float32 in 0..1, of one size each."""

    def __init__(self, frames: FrameSets, mix: Mix, seed: int) -> None:
        self._frames, self._mix, self._seed = frames, mix, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self._seed, worker.id if worker else 0])
        weights = [size[3] for size in self._mix.sizes]
        while True:
            height, width, count, _ = self._mix.sizes[_choose(rng, weights)]
            yield _batch([self._pair(rng, height, width) for _ in range(count)])

    def _pair(self, rng: np.random.Generator, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        clean = draw_clean(self._frames, self._mix.sets, rng, height, width)
        return clean, replace_dead_pixels(degrade(clean, draw_name(rng, self._mix.presets), rng))


class ThumbnailPairs(IterableDataset):
    """Endless batches (clean, degraded) of thumbnails (count, 1, 64, 80), degraded as thumbnails of larger frames.

    pool: how many clean thumbnails are drawn beforehand, since shrinking whole frames is the slow part.
    """

    def __init__(self, frames: FrameSets, mix: Mix, seed: int, count: int, pool: int) -> None:
        self._mix, self._seed, self._count = mix, seed, count
        rng = np.random.default_rng([seed, 7])
        self._pool = np.empty((pool, HEIGHT, WIDTH), np.float16)
        for index in range(pool):
            self._pool[index] = draw_thumbnail(frames, mix.sets, rng)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        rng = np.random.default_rng([self._seed, 8])
        while True:
            yield _batch([self._pair(rng) for _ in range(self._count)])

    def _pair(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        clean = self._pool[rng.integers(len(self._pool))].astype(np.float32)
        clean = _flip(_curve(clean, rng, 0.3), rng)
        scale = float(rng.choice([2, 4, 5, 6, 8, 8, 8, 8, 16]))  # Lepton to 1280x1024; most often 640x512
        return clean, degrade(clean, draw_name(rng, self._mix.presets), rng, scale)


def draw_name(rng: np.random.Generator, weights: dict[str, float]) -> str:
    return list(weights)[_choose(rng, list(weights.values()))]


def _choose(rng: np.random.Generator, weights: list[float]) -> int:
    total = np.cumsum(weights)
    return int(np.searchsorted(total, rng.random() * total[-1]))


def draw_clean(
    frames: FrameSets, weights: dict[str, float], rng: np.random.Generator, height: int, width: int
) -> np.ndarray:
    """A clean frame of (height, width), float32 0..255, stretched: a crop or a whole field of view, tone varied."""
    crop, mirrored = _draw_crop(frames, weights, rng, height, width)
    shrink = crop.shape[0] > height
    image = cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC)
    return stretch(_vary(image.astype(np.float32), rng, mirrored))


def draw_thumbnail(frames: FrameSets, weights: dict[str, float], rng: np.random.Generator) -> np.ndarray:
    """A clean frame as a thumbnail (64, 80), float32 0..255: stretched at its own size, then shrunk."""
    crop, mirrored = _draw_crop(frames, weights, rng, HEIGHT, WIDTH)
    step = max(crop.shape[0] // 200, 1)  # fewer pixels, the same levels
    image = stretch(_vary(crop[::step, ::step].astype(np.float32), rng, mirrored))
    return cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def _draw_crop(
    frames: FrameSets, weights: dict[str, float], rng: np.random.Generator, height: int, width: int
) -> tuple[np.ndarray, bool]:
    """A piece of a random frame in the shape of (height, width), and whether its polarity may be inverted."""
    while True:
        name = draw_name(rng, weights)
        crop = _crop(frames[name][rng.integers(len(frames[name]))], rng, height, width)
        low, high = np.percentile(crop[::3, ::3], (1, 99))
        if high - low >= 6:  # a flat wall or sky teaches nothing
            return crop, name in MIRRORED


def _vary(image: np.ndarray, rng: np.random.Generator, mirrored: bool) -> np.ndarray:
    """Another tone and side of the same scene."""
    if mirrored and rng.random() < 0.5:
        image = 255 - image
    if rng.random() < (0.8 if mirrored else 0.5):
        image = _curve(image, rng, 0.6)
    return _flip(image, rng)


def _crop(source: np.ndarray, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Half the time the widest field of view of this shape; else a smaller one, not enlarged by more than 1.4."""
    largest = min(source.shape[0] / height, source.shape[1] / width)
    scale = largest if rng.random() < 0.5 else rng.uniform(min(0.7, 0.7 * largest), max(1.0, largest))
    scale = min(scale, largest)
    rows, columns = min(source.shape[0], round(height * scale)), min(source.shape[1], round(width * scale))
    top, left = rng.integers(source.shape[0] - rows + 1), rng.integers(source.shape[1] - columns + 1)
    return source[top : top + rows, left : left + columns]


def _curve(image: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """A random tone curve that keeps the ends."""
    return 255 * (np.clip(image, 0, 255) / 255) ** np.float32(np.exp(rng.uniform(-strength, strength)))


def _flip(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Left and right at random; upside down seldom, since the sky is up."""
    image = image[:, ::-1] if rng.random() < 0.5 else image
    return np.ascontiguousarray(image[::-1] if rng.random() < 0.1 else image)


def _batch(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[Tensor, Tensor]:
    clean, degraded = (torch.from_numpy(np.stack(side)[:, None] / np.float32(255)) for side in zip(*pairs, strict=True))
    return clean, degraded
