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

"""A moving thermal scene in kelvin with true boxes: a street with walkers and cars, determined by a seed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.records import LARGEST_SIDE, SMALLEST_SIDE
from infrared_ir_ros.simulation.backdrop import CROSSING, PAVEMENT_HALF, ROAD_HALF, draw_backdrop
from infrared_ir_ros.simulation.figures import CrossingCar, Figure, OncomingCar, Walker
from infrared_ir_ros.simulation.optics import View, fractal, paint

TEMPERATURE_RANGE = (245.0, 325.0)  # K, coldest and warmest in a scene

_MIN_BOX = 3.0  # pixels; smaller objects have no box
_FINE_PIXELS = 2_000_000  # up to this size the backdrop is drawn at twice the resolution


@dataclass(frozen=True)
class Box:
    """A true box: label `person` or `vehicle`; upper left corner and size in pixels, inside the frame."""

    label: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class SceneFrame:
    """temperature: (height, width) float32 kelvin. boxes: nearest last, including parts hidden by nearer objects; None
    if unknown."""

    temperature: np.ndarray
    boxes: list[Box] | None


class ThermalScene:
    """A street at dusk. `frame(t)` depends on the seed, the size, and t alone.

    height, width: 16..4096 pixels. pan: pixels by which the camera turns to either side within 20 s; 0: not at all.
    Raises OptionError for a size or a seed out of range.
    """

    def __init__(self, seed: int, height: int = 512, width: int = 640, pan: float = 0.0) -> None:
        if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in (height, width)):
            raise OptionError(
                f"the scene's size is {width} x {height}: use {SMALLEST_SIDE} to {LARGEST_SIDE} pixels on each side"
            )
        if not 0 <= pan <= width / 4:
            raise OptionError(f"pan is {pan}: use 0 to a quarter of the width ({width / 4:g} pixels)")
        if seed < 0:
            raise OptionError(f"seed is {seed}: use 0 or more")
        rng = np.random.default_rng([seed, 1])  # a second generator: figures do not depend on the size of the backdrop
        self.view = View.of_size(height, width)
        self._pan, self._margin = pan, int(np.ceil(pan)) + 1 if pan else 0
        factor = 2 if height * width <= _FINE_PIXELS else 1
        self._backdrop = draw_backdrop(np.random.default_rng(seed), self.view.scaled(factor, self._margin), factor)
        self._wide = self.view.scaled(1, self._margin)
        self._texture = fractal(rng, 256, 256, 48, 2)
        self._figures = _walkers(rng, self._wide) + _cars(rng, self._wide)

    def frame(self, t: float) -> SceneFrame:
        """The scene t seconds after its start (t >= 0)."""
        canvas = self._backdrop.still.copy()
        boxes = []
        for figure in sorted(self._figures, key=lambda figure: -figure.place(t)[1]):
            box = self._draw(canvas, figure, t)
            if box is not None:
                boxes.append(box)
        canvas += self._backdrop.front_mask * (self._backdrop.front - canvas)
        canvas = cv2.GaussianBlur(canvas, (3, 3), 0.55)  # the lens
        return self._look(canvas, boxes, t)

    def _draw(self, canvas: np.ndarray, figure: Figure, t: float) -> tuple[str, np.ndarray, np.ndarray] | None:
        """Paint one figure; returns label, upper left and lower right corner, or None if it is out of sight."""
        x, z = figure.place(t)
        metre = self._wide.focal / z
        foot = self._wide.project(np.array([(x, 0.0, z)]))[0]
        if not -3 * metre < foot[0] < self._wide.width + 3 * metre:
            return None
        parts = [(foot + outline * (metre, -metre), temperature) for outline, temperature in figure.parts(t)]
        for outline, temperature in parts:
            paint(canvas, outline, temperature, self._texture, 0.35)
        solid = parts[1:] if figure.label == "vehicle" else parts  # without the glow under a car
        corners = np.concatenate([outline for outline, _ in solid])
        return figure.label, corners.min(axis=0), corners.max(axis=0)

    def _look(self, canvas: np.ndarray, found: list[tuple[str, np.ndarray, np.ndarray]], t: float) -> SceneFrame:
        """Turn the camera, and clip boxes to the frame."""
        shift = self._margin + self._pan * np.sin(2 * np.pi * t / 20) if self._pan else 0.0
        height, width = self.view.height, self.view.width
        if self._pan:
            turn = np.array([[1, 0, -shift], [0, 1, 0]])
            canvas = cv2.warpAffine(canvas, turn, (width, height), flags=cv2.INTER_LINEAR)
        boxes = []
        for label, low, high in found:
            low, high = np.clip(low - (shift, 0), 0, (width, height)), np.clip(high - (shift, 0), 0, (width, height))
            size = high - low
            if size.min() >= _MIN_BOX:
                boxes.append(Box(label, *(round(float(value), 2) for value in (*low, *size))))
        return SceneFrame(np.clip(canvas, *TEMPERATURE_RANGE), boxes)


def _walkers(rng: np.random.Generator, view: View) -> list[Figure]:
    """Some cross the road, some walk along it."""
    walkers: list[Figure] = []
    for z in (9.5, CROSSING[0] - 2.0, CROSSING[1] + 1.2, *rng.uniform(10, CROSSING[0] - 3.5, 2)):
        reach = min(0.5 * view.width / view.focal * z + 1.5, 14.0)
        walkers.append(_walker(rng, (-reach, z), (reach, z)))
    for side in (-1, 1):
        x = side * rng.uniform(ROAD_HALF + 0.8, PAVEMENT_HALF - 0.8)
        walkers.append(_walker(rng, (x, 7.5), (x, rng.uniform(35, 60))))
    return walkers


def _walker(rng: np.random.Generator, start: tuple[float, float], end: tuple[float, float]) -> Walker:
    if rng.random() < 0.5:
        start, end = end, start
    return Walker(start, end, rng.uniform(1.0, 1.7), rng.random(), rng.uniform(1.55, 1.9), rng.uniform(295.5, 301.5),
                  rng.uniform(294.0, 298.5))  # fmt: skip


def _cars(rng: np.random.Generator, view: View) -> list[Figure]:
    cars: list[Figure] = []
    middle = sum(CROSSING) / 2
    for z, way in ((middle - 2.0, 1), (middle + 2.0, -1)):
        reach = 0.5 * view.width / view.focal * z + 4
        cars.append(
            CrossingCar(z, reach, way * rng.uniform(5, 9), rng.uniform(10, 30), rng.random(), rng.uniform(286, 291))
        )
    cars.append(OncomingCar(-2.1, 5.5, 110, -rng.uniform(7, 10), rng.random(), rng.uniform(285, 290)))
    cars.append(OncomingCar(2.1, 6.5, 110, rng.uniform(6, 9), rng.random(), rng.uniform(285, 290)))
    return cars
