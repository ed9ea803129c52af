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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.priors.field import HEIGHT, WIDTH
from infrared_ir_ros.restoration.dead_pixels import replace_dead_pixels
from infrared_ir_ros.signals import answer_signals
from infrared_ir_ros.simulation import degrade
from infrared_ir_ros.training.drawing import choose, curve, draw_name, draw_thumbnail, draw_view, turns
from infrared_ir_ros.training.labels import View, turn
from infrared_ir_ros.training.mottle import draw_mottle
from infrared_ir_ros.training.numbers import NonNegative, PositiveCount, Share, Side
from infrared_ir_ros.training.pack import FrameSets
from infrared_ir_ros.training.plain import plain
from infrared_ir_ros.training.raster import LINK_PRESET, Raster, draw_raster, through
from infrared_ir_ros.training.stream import Stream, draw_stream, streamed

SCALES = (2, 4, 5, 6, 8, 8, 8, 8, 16)  # of thumbnails, from Lepton to 1280x1024; mostly 640x512


@dataclass(frozen=True)
class Mix:
    """The frames of a training. Weights need not add up to 1.

    sets: weight of each set of the pack. presets: weight of each degradation preset.
    sizes: (height, width, batch, weight) of the frames of a batch. plain, resampled, mottled, streamed: shares of whole
    frames that become plain scenes (see training.plain), that are resampled (see training.raster), that come from a
    mottled sensor (see training.mottle), and that went through a faint stream (see training.stream).
    """

    sets: dict[str, NonNegative]
    presets: dict[str, NonNegative]
    sizes: list[tuple[Side, Side, PositiveCount, NonNegative]]
    plain: Share = 0.0
    resampled: Share = 0.0
    mottled: Share = 0.0
    streamed: Share = 0.0

    def check(self, pack: Iterable[str], whose: str) -> None:
        """Raises OptionError for a set that the pack does not have. whose: stage or task, for the message."""
        if unknown := set(self.sets) - set(pack):
            of_photographs = any("photographs" in name for name in unknown)
            make = "make it with `pack_frames --photographs FOLDER`, or " if of_photographs else ""
            raise OptionError(
                f"{whose} draws from {', '.join(sorted(unknown))}: the pack has {', '.join(sorted(pack))}; "
                f"{make}remove them from the sets of the mix"
            )


class Scene(NamedTuple):
    """A clean frame (height, width) float32 0..255, how to degrade it, and the random generator for that.

    view: the part of a frame that it shows; None for thumbnails and plain scenes. raster: of the sensor, if the
    frame is resampled. mottle: (height, width) float32 levels, which a mottled sensor adds. stream: that the frame went
    through.
    """

    clean: np.ndarray
    preset: str
    scale: float
    rng: np.random.Generator
    view: View | None = None
    raster: Raster | None = None
    mottle: np.ndarray | None = None
    stream: Stream | None = None

    @property
    def seen(self) -> np.ndarray:
        """What is degraded: the clean frame with the mottle."""
        return self.clean if self.mottle is None else self.clean + self.mottle


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
        if self._mix.plain and rng.random() < self._mix.plain:
            clean, view = plain(clean, rng), None  # what is labelled there is gone
        preset, raster, mottle, stream = draw_name(rng, self._mix.presets), None, None, None
        if self._mix.resampled and rng.random() < self._mix.resampled:
            raster = draw_raster(rng, height, width)
            clean = through(clean, raster)
        if self._mix.mottled and rng.random() < self._mix.mottled:
            mottle = draw_mottle(rng, height, width)
        if self._mix.streamed and rng.random() < self._mix.streamed:
            stream = draw_stream(rng)
        return Scene(clean, preset, 1.0, rng, view, raster, mottle, stream)

    def degrade(self, scene: Scene) -> np.ndarray:
        degraded = degrade(scene.seen, scene.preset, scene.rng)
        if scene.raster is not None:
            degraded = np.rint(through(degraded, scene.raster))
            if scene.raster.linked:
                degraded = degrade(degraded, LINK_PRESET, scene.rng)
        if scene.stream is not None:
            degraded = streamed(degraded, scene.stream)
        return replace_dead_pixels(degraded)

    def _size(self, step: int) -> tuple[int, int, int, float]:
        rng = np.random.default_rng([*self._entropy, step, 0])
        return self._mix.sizes[choose(rng, [size[3] for size in self._mix.sizes])]


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
        clean = turn(curve(clean, rng, 0.3), **turns(rng))
        return Scene(clean, draw_name(rng, self._mix.presets), float(rng.choice(SCALES)), rng)

    def degrade(self, scene: Scene) -> np.ndarray:
        return degrade(scene.clean, scene.preset, scene.rng, scene.scale)


class CleanBatch(NamedTuple):
    """Clean frames (batch, 1, height, width) float32 0..1, and the same with their mottle, of any range, which are
    degraded, with the preset, scale, raster and stream of each."""

    clean: Tensor
    seen: Tensor
    presets: list[str]
    scales: list[float]
    rasters: list[Raster | None]
    streams: list[Stream | None]


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
        each = ([getattr(scene, name) for scene in scenes] for name in ("preset", "scale", "raster", "stream"))
        clean, seen = (_batch([getattr(scene, name) for scene in scenes]) for name in ("clean", "seen"))
        return CleanBatch(clean, seen, *each)


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
        worker_init_fn=_ignore_signals,
        pin_memory=pinned,
    )


def _ignore_signals(worker: int) -> None:
    """Ctrl-C and the end of a service reach all processes of a group, but only the parent decides how the training
    ends; a worker leaves when it is gone."""
    answer_signals(signal.SIG_IGN)


def _batch(images: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(images)[:, None] / np.float32(255))
