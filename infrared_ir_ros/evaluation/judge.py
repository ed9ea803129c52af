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

"""Judges the frames of one recording: all figures of each method, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import nan

import numpy as np

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.evaluation.metrics import PEAK, Distance, fit_tone, psnr, ssim
from infrared_ir_ros.evaluation.no_reference import (
    WINDOW,
    BlurCurve,
    Moments,
    edge_mask,
    look,
    still_pixels,
    stillness,
)
from infrared_ir_ros.restoration.counts import checked
from infrared_ir_ros.simulation import stretch
from infrared_ir_ros.simulation.camera import GreyScale

Row = dict[str, float]


@dataclass(frozen=True)
class Yardsticks:
    """How frames are judged. kelvin: per count, 0 if counts are not temperatures. preserves: the methods keep level and
    contrast, so 8-bit clean frames are not stretched. distances: further figures by name, computed on every
    `distance_every`-th clean frame after the best gain and offset."""

    kelvin: float = 0.0
    preserves: bool = False
    distances: dict[str, Distance] = field(default_factory=dict)
    distance_every: int = 10


class Judge:
    """Judges one recording; all frames have one size. Rows are yielded complete, one window of frames at a time."""

    def __init__(self, yardsticks: Yardsticks) -> None:
        self._yardsticks = yardsticks
        self._grey: GreyScale | None = None
        self._curve: BlurCurve | None = None
        self._count = 0  # of clean frames
        self._begin()

    def _begin(self) -> None:
        self._rows: list[dict[str, Row]] = []
        self._moments: dict[str, Moments] = {}
        self._sources: list[np.ndarray] = []

    def add(self, images: dict[str, np.ndarray], clean: np.ndarray | None) -> Iterator[dict[str, Row]]:
        """The next frame by method, the input first; yields the rows of a finished window."""
        images = {name: checked(image) for name, image in images.items()}
        source = next(iter(images.values()))
        edges = edge_mask(source)
        rows: dict[str, Row] = {} if clean is None else self._against(images, checked(clean))
        for name, image in images.items():
            seen = look(image, edges)
            rows.setdefault(name, {}).update(stripes=seen.stripes, detail=seen.detail)
            self._moments.setdefault(name, Moments()).add(image)
        if self._curve is None:
            self._sources.append(source)
        self._rows.append(rows)
        self._count += clean is not None
        if len(self._rows) == WINDOW:
            yield from self.finish()

    def finish(self) -> Iterator[dict[str, Row]]:
        """The rows of the last window."""
        if not self._rows:
            return
        source, moments = next(iter(self._moments.items()))
        still = still_pixels(moments)
        self._curve = self._curve or BlurCurve.of(self._sources, still)
        for name, one in self._moments.items():
            figures = stillness(one, still)
            rows = [(frame[name], frame[source]["detail"]) for frame in self._rows if name in frame]
            details = np.mean([(row["detail"], of_source) for row, of_source in rows], 0)
            noise = self._curve.without_blur(figures.noise, *details, "noise")
            for row, of_source in rows:
                row["stripes"] = self._curve.without_blur(row["stripes"], row["detail"], of_source, "stripes")
                row |= {"temporal_noise": noise, "flicker": figures.flicker, "static": figures.static}
        yield from self._rows
        self._begin()

    def _against(self, images: dict[str, np.ndarray], clean: np.ndarray) -> dict[str, Row]:
        """Figures against the clean frame, on grey levels 0..255, and in kelvin.

        Raises SourceError for frames of more than 8 bit with clean ones of 8 bit: their levels are unrelated."""
        if clean.dtype == np.uint8 and (deep := {str(one.dtype) for one in images.values()} - {"uint8"}):
            raise SourceError(
                f"frames are {', '.join(sorted(deep))} and their clean ones uint8: use clean frames of the same depth"
            )
        if clean.dtype == np.uint8:
            truth = clean.astype(np.float64) if self._yardsticks.preserves else stretch(clean)
        else:
            self._grey = GreyScale(clean) if self._grey is None or self._grey.is_flat else self._grey
            truth = np.clip(self._grey.levels(clean), 0, PEAK)
        rows = {}
        for name, image in images.items():
            levels = image if image.dtype == np.uint8 or self._grey is None else self._grey.levels(image)
            row = self._scores(np.clip(np.asarray(levels, np.float64), 0, PEAK), np.asarray(truth, np.float64))
            if self._yardsticks.kelvin:
                error = kelvins(image, self._yardsticks.kelvin) - kelvins(clean, self._yardsticks.kelvin)
                row |= {"bias_k": float(error.mean()), "noise_k": float(error.std())}
            rows[name] = row
        return rows

    def _scores(self, levels: np.ndarray, truth: np.ndarray) -> Row:
        fitted = np.clip(fit_tone(levels, truth), 0, PEAK)
        row = {
            "psnr": psnr(levels, truth),
            "psnr_fitted": psnr(fitted, truth),
            "ssim": ssim(levels, truth),
            "ssim_fitted": ssim(fitted, truth),
        }
        due = self._count % self._yardsticks.distance_every == 0
        return row | {name: of(fitted, truth) if due else nan for name, of in self._yardsticks.distances.items()}


def kelvins(frame: np.ndarray, resolution: float) -> np.ndarray:
    """A frame of linear temperatures in kelvin, float64: counts of `resolution` kelvin, or float32 kelvin."""
    return frame.astype(np.float64) * (1.0 if frame.dtype == np.float32 else resolution)
