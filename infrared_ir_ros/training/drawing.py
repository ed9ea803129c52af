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

"""Clean frames drawn at random: which frame, which part of it, in which tone."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.priors.field import HEIGHT, WIDTH
from infrared_ir_ros.simulation import stretch
from infrared_ir_ros.training.labels import View
from infrared_ir_ros.training.pack import FrameSets

MIRRORED = ("photographs", "small_photographs", "layouts")  # polarity carries no meaning there: inverted at random
LEAST_CONTRAST = 6  # of 255, between percentiles 1 and 99: a flat wall or sky teaches nothing
ATTEMPTS = 1000


def draw_name(rng: np.random.Generator, weights: dict[str, float]) -> str:
    """A random key, by weight."""
    return list(weights)[choose(rng, list(weights.values()))]


def choose(rng: np.random.Generator, weights: list[float]) -> int:
    """A random index, by weight."""
    total = np.cumsum(weights)
    return int(np.searchsorted(total, rng.random() * total[-1]))


def draw_view(
    frames: FrameSets, weights: dict[str, float], rng: np.random.Generator, height: int, width: int
) -> tuple[np.ndarray, View]:
    """A clean frame (height, width) float32 0..255, stretched: a crop or a whole field of view, with varied tone; and
    its view."""

    def resize(crop: np.ndarray) -> np.ndarray:
        shrink = crop.shape[0] > height
        return cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC)

    image, view = _draw(frames, weights, rng, (height, width), resize)
    return stretch(image), view


def draw_thumbnail(frames: FrameSets, weights: dict[str, float], rng: np.random.Generator) -> np.ndarray:
    """A clean frame as a thumbnail (64, 80), float32 0..255: stretched at its own size, then shrunk."""

    def thin(crop: np.ndarray) -> np.ndarray:
        step = max(crop.shape[0] // 200, 1)  # fewer pixels, the same levels
        return np.ascontiguousarray(crop[::step, ::step])

    image, _ = _draw(frames, weights, rng, (HEIGHT, WIDTH), thin)
    return cv2.resize(stretch(image), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def _draw(
    frames: FrameSets,
    weights: dict[str, float],
    rng: np.random.Generator,
    size: tuple[int, int],
    sample: Callable[[np.ndarray], np.ndarray],
) -> tuple[np.ndarray, View]:
    """A crop of a random frame with the aspect of `size`, sampled, with varied tone and enough contrast to stretch.

    Contrast is checked after sampling, which may remove a thin object on a flat ground. Raises SourceError after
    ATTEMPTS flat crops.
    """
    for _ in range(ATTEMPTS):
        name = draw_name(rng, weights)
        index = int(rng.integers(len(frames[name])))
        source = frames[name][index]
        view = View(name, index, source.shape, *_crop(source.shape, rng, *size))
        image = sample(view.of(source))
        if _contrast(image) >= LEAST_CONTRAST:
            varied = _vary(image.astype(np.float32), rng, name in MIRRORED)
            view = view._replace(**turns(rng))
            return view.flip(varied), view
    raise SourceError(f"{ATTEMPTS} crops of frames of {', '.join(weights)} were flat: pack frames with more contrast")


def _contrast(image: np.ndarray) -> int:
    """The distance of percentiles 1 and 99 of a uint8 image; those of `stretch`, 0.3 and 99.7, are no closer."""
    below = np.cumsum(cv2.calcHist([image], [0], None, [256], [0, 256]).ravel()) / image.size
    return int(np.searchsorted(below, 0.99) - np.searchsorted(below, 0.01, "right"))


def _vary(image: np.ndarray, rng: np.random.Generator, mirrored: bool) -> np.ndarray:
    """The same scene with a random tone."""
    if mirrored and rng.random() < 0.5:
        image = 255 - image
    if rng.random() < (0.8 if mirrored else 0.5):
        image = curve(image, rng, 0.9 if mirrored else 0.6)
    return image


def _crop(shape: tuple[int, int], rng: np.random.Generator, height: int, width: int) -> tuple[int, int, int, int]:
    """Top, left, rows and columns: half the time the largest crop of this aspect, else a smaller one, enlarged by at
    most 1.4."""
    largest = min(shape[0] / height, shape[1] / width)
    scale = largest if rng.random() < 0.5 else rng.uniform(min(0.7, 0.7 * largest), max(1.0, largest))
    scale = min(scale, largest)
    rows, columns = min(shape[0], round(height * scale)), min(shape[1], round(width * scale))
    top, left = rng.integers(shape[0] - rows + 1), rng.integers(shape[1] - columns + 1)
    return int(top), int(left), rows, columns


def curve(image: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """A random tone curve that keeps the ends."""
    return 255 * (np.clip(image, 0, 255) / 255) ** np.float32(np.exp(rng.uniform(-strength, strength)))


def turns(rng: np.random.Generator) -> dict[str, bool]:
    """Random flips; upside down is rare, since the sky is above."""
    return {"mirrored": rng.random() < 0.5, "upside_down": rng.random() < 0.1}
