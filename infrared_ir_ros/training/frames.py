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

"""Batches of clean and degraded frames. A batch depends on seed, stage, step and process alone, so that a resumed
training continues with the same batches, with any number of workers.
"""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from infrared_ir_ros.errors import OptionError, SourceError
from infrared_ir_ros.priors.field import HEIGHT, WIDTH
from infrared_ir_ros.restoration.dead_pixels import replace_dead_pixels
from infrared_ir_ros.simulation import degrade, stretch
from infrared_ir_ros.training.labels import View, turn
from infrared_ir_ros.training.numbers import NonNegative, PositiveCount, Share
from infrared_ir_ros.training.pack import FrameSets
from infrared_ir_ros.training.raster import LINK_PRESET, Raster, draw_raster, through

MIRRORED = ("photographs", "layouts")  # sets whose polarity carries no meaning: inverted at random
LEAST_CONTRAST = 6  # of 255, between percentiles 1 and 99: a flat wall or sky teaches nothing
ATTEMPTS = 1000
SCALES = (2, 4, 5, 6, 8, 8, 8, 8, 16)  # of thumbnails, from Lepton to 1280x1024; mostly 640x512


@dataclass(frozen=True)
class Mix:
    """The frames of a training. Weights need not add up to 1.

    sets: weight of each set of the pack. presets: weight of each degradation preset.
    sizes: (height, width, batch, weight) of the frames of a batch. resampled: share of whole frames that are resampled
    (see training.raster).
    """

    sets: dict[str, NonNegative]
    presets: dict[str, NonNegative]
    sizes: list[tuple[PositiveCount, PositiveCount, PositiveCount, NonNegative]]
    resampled: Share = 0.0

    def check(self, pack: Iterable[str], whose: str) -> None:
        """Raises OptionError for a set that the pack does not have. whose: stage or task, for the message."""
        if unknown := set(self.sets) - set(pack):
            make = "make it with `pack_frames --photographs FOLDER`, or " if "photographs" in unknown else ""
            raise OptionError(
                f"{whose} draws from {', '.join(sorted(unknown))}: the pack has {', '.join(sorted(pack))}; "
                f"{make}remove them from the sets of the mix"
            )


class Scene(NamedTuple):
    """A clean frame (height, width) float32 0..255, how to degrade it, and the random generator for that.

    view: the part of a frame that it shows; None for thumbnails. raster: of the sensor, if the frame is resampled.
    """

    clean: np.ndarray
    preset: str
    scale: float
    rng: np.random.Generator
    view: View | None = None
    raster: Raster | None = None


class WholeFrames:
    """Scenes in the sizes of a mix; all frames of a step have one size. entropy: seed and stage."""

    def __init__(self, frames: FrameSets, mix: Mix, entropy: Sequence[int]) -> None:
        self._frames, self._mix, self._entropy = frames, mix, tuple(entropy)

    def count(self, step: int) -> int:
        """Frames per process in this step."""
        return self._size(step)[2]

    def draw(self, step: int, index: int) -> Scene:
        """Frame `index` of this step, counted over all processes."""
        rng = np.random.default_rng([*self._entropy, step, 1 + index])
        height, width, _, _ = self._size(step)
        clean, view = draw_view(self._frames, self._mix.sets, rng, height, width)
        preset, raster = draw_name(rng, self._mix.presets), None
        if self._mix.resampled and rng.random() < self._mix.resampled:
            raster = draw_raster(rng, height, width)
            clean = through(clean, raster)
        return Scene(clean, preset, 1.0, rng, view, raster)

    def degrade(self, scene: Scene) -> np.ndarray:
        degraded = degrade(scene.clean, scene.preset, scene.rng)
        if scene.raster is not None:
            degraded = np.rint(through(degraded, scene.raster))
            if scene.raster.linked:
                degraded = degrade(degraded, LINK_PRESET, scene.rng)
        return replace_dead_pixels(degraded)

    def _size(self, step: int) -> tuple[int, int, int, float]:
        rng = np.random.default_rng([*self._entropy, step, 0])
        return self._mix.sizes[_choose(rng, [size[3] for size in self._mix.sizes])]


class Thumbnails:
    """Scenes of thumbnails (64, 80), degraded like thumbnails of larger frames.

    count: per process and step. pool: how many are drawn in advance, since shrinking whole frames is slow.
    """

    def __init__(self, frames: FrameSets, mix: Mix, entropy: Sequence[int], count: int, pool: int) -> None:
        self._mix, self._entropy, self._count = mix, tuple(entropy), count
        rng = np.random.default_rng([*self._entropy, 0, 0, 1])
        self._pool = np.empty((pool, HEIGHT, WIDTH), np.float16)
        for index in range(pool):
            self._pool[index] = draw_thumbnail(frames, mix.sets, rng)

    def count(self, step: int) -> int:
        return self._count

    def draw(self, step: int, index: int) -> Scene:
        rng = np.random.default_rng([*self._entropy, step, 1 + index])
        clean = self._pool[rng.integers(len(self._pool))].astype(np.float32)
        clean = turn(_curve(clean, rng, 0.3), **_turns(rng))
        return Scene(clean, draw_name(rng, self._mix.presets), float(rng.choice(SCALES)), rng)

    def degrade(self, scene: Scene) -> np.ndarray:
        return degrade(scene.clean, scene.preset, scene.rng, scene.scale)


class CleanBatch(NamedTuple):
    """Clean frames (batch, 1, height, width) float32 0..1, with the preset, scale and raster to degrade each by."""

    clean: Tensor
    presets: list[str]
    scales: list[float]
    rasters: list[Raster | None]


class Scenes(Protocol):
    """The scenes of each step, by number, and their degradation. count: per process in a step."""

    def count(self, step: int) -> int: ...
    def draw(self, step: int, index: int) -> Scene: ...
    def degrade(self, scene: Scene) -> np.ndarray: ...


class Batches(Dataset):
    """Batches by step. Process n takes the n-th part of a step's frames."""

    def __init__(self, scenes: Scenes, process: int = 0) -> None:
        self._scenes, self._process = scenes, process

    def scenes(self, step: int) -> list[Scene]:
        count = self._scenes.count(step)
        return [self._scenes.draw(step, self._process * count + index) for index in range(count)]


class CleanBatches(Batches):
    """Batches that will be degraded on the device."""

    def __getitem__(self, step: int) -> CleanBatch:
        scenes = self.scenes(step)
        presets, scales, rasters = ([getattr(s, name) for s in scenes] for name in ("preset", "scale", "raster"))
        return CleanBatch(_batch([scene.clean for scene in scenes]), presets, scales, rasters)


class Pairs(Batches):
    """Batches (clean, degraded), each (batch, 1, height, width) float32 in 0..1."""

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        return self.of(self.scenes(step))

    def of(self, scenes: list[Scene]) -> tuple[Tensor, Tensor]:
        """The batch of these scenes."""
        return _batch([scene.clean for scene in scenes]), _batch([self._scenes.degrade(scene) for scene in scenes])


def loader(batches: Batches, start: int, workers: int, pinned: bool = False) -> DataLoader:
    """The batches of steps `start`, `start + 1`, ... without end, in order, drawn in advance by `workers` processes.

    With workers, OpenCV runs in one thread from here on: a forked worker would wait forever for threads of its parent.
    """
    if workers:
        cv2.setNumThreads(1)
    return DataLoader(
        batches,
        batch_size=None,
        sampler=itertools.count(start),
        num_workers=workers,
        worker_init_fn=_ignore_interruptions,
        pin_memory=pinned,
    )


def _ignore_interruptions(worker: int) -> None:
    """Ctrl-C reaches all processes of a terminal, but only the parent decides how the training ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def draw_name(rng: np.random.Generator, weights: dict[str, float]) -> str:
    return list(weights)[_choose(rng, list(weights.values()))]


def _choose(rng: np.random.Generator, weights: list[float]) -> int:
    total = np.cumsum(weights)
    return int(np.searchsorted(total, rng.random() * total[-1]))


def draw_clean(
    frames: FrameSets, weights: dict[str, float], rng: np.random.Generator, height: int, width: int
) -> np.ndarray:
    """A clean frame (height, width) float32 0..255, stretched: a crop or a whole field of view, with varied tone."""
    return draw_view(frames, weights, rng, height, width)[0]


def draw_view(
    frames: FrameSets, weights: dict[str, float], rng: np.random.Generator, height: int, width: int
) -> tuple[np.ndarray, View]:
    """A clean frame as of `draw_clean`, and its view."""

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
            view = view._replace(**_turns(rng))
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
        image = _curve(image, rng, 0.9 if mirrored else 0.6)
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


def _curve(image: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """A random tone curve that keeps the ends."""
    return 255 * (np.clip(image, 0, 255) / 255) ** np.float32(np.exp(rng.uniform(-strength, strength)))


def _turns(rng: np.random.Generator) -> dict[str, bool]:
    """Random flips; upside down is rare, since the sky is above."""
    return {"mirrored": rng.random() < 0.5, "upside_down": rng.random() < 0.1}


def _batch(images: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(images)[:, None] / np.float32(255))
