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

"""Static thermal-like scenes for training and backdrops: streets and skylines, rooms, machines and boards, landscapes.

They add a variety of layouts to a training set of few recordings. Grey is relative warmth, 0 coldest.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from infrared_ir_ros.records import CLEAN_PERCENTILES


def layout(rng: np.random.Generator, height: int = 512, width: int = 640) -> np.ndarray:
    """A random scene: (height, width) float32, 0..1 after a stretch of its 0.3 and 99.7 percentiles."""
    painters: tuple[Callable[[np.random.Generator, int, int], np.ndarray], ...] = (_street, _street, _room, _objects)
    image = painters[int(rng.integers(len(painters)))](rng, height, width)
    image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), rng.uniform(0.5, 1.3))
    image += 0.004 * rng.standard_normal(image.shape, np.float32)
    if rng.random() < 0.12:
        image = 1 - image
    low, high = np.percentile(image, CLEAN_PERCENTILES)
    return np.clip((image - low) / (high - low + 1e-6), 0, 1).astype(np.float32)


def clouds(rng: np.random.Generator, height: int, width: int, cells: int) -> np.ndarray:
    """Smooth noise of two octaves, (height, width) float32, about 0..1.5; `cells` features along each axis."""
    fine, coarse = (_upscale(rng.random((n, n)), height, width) for n in (2 * cells, cells))
    return coarse + 0.5 * fine


def _upscale(small: np.ndarray, height: int, width: int) -> np.ndarray:
    return cv2.resize(small.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)


def _texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Rough ground or leaves: noise of three scales, about unit spread."""
    image = np.zeros((height, width), np.float32)
    for divisor in (2, 4, 12):
        image += _upscale(rng.standard_normal((height // divisor + 1, width // divisor + 1)), height, width)
    return image / 2


def _street(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Sky over a skyline over ground, with trees, poles, wires and warm things."""
    horizon = rng.uniform(0.15, 0.85)
    image = _sky_and_ground(rng, height, width, horizon)
    for _ in range(rng.integers(0, 14)):
        _building(image, rng, horizon)
    for _ in range(rng.integers(0, 7)):
        _tree(image, rng, horizon)
    for _ in range(rng.integers(0, 7)):
        _pole_or_wire(image, rng, horizon)
    for _ in range(rng.integers(0, 9)):
        _warm_thing(image, rng, horizon)
    return image


def _sky_and_ground(rng: np.random.Generator, height: int, width: int, horizon: float) -> np.ndarray:
    uniform = rng.uniform
    rows, columns = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None]
    zenith, low_sky = uniform(0, 0.15), uniform(0, 0.3)
    image = zenith + (low_sky - zenith) * np.clip(rows / horizon, 0, 1) ** uniform(0.7, 4) + 0 * columns
    if rng.random() < 0.35:
        image += uniform(0.03, 0.3) * np.clip(
            clouds(rng, height, width, int(rng.integers(3, 9))) - uniform(0.4, 0.9), 0, 1
        )
    edge = horizon + uniform(-0.1, 0.1) * (columns - 0.5)
    depth = np.clip((rows - edge) / (1 - horizon + 1e-3), 0, 1)
    far, near = uniform(0.25, 0.75), uniform(0.2, 0.8)
    ground = far + (near - far) * depth + uniform(0, 0.05) * _texture(rng, height, width)
    if rng.random() < 0.6:
        middle, spread = uniform(0.2, 0.8) + uniform(-0.4, 0.4) * depth, uniform(0.1, 0.6) * depth
        ground = np.where(np.abs(columns - middle) < spread, far + uniform(-0.25, 0.25), ground)
    return np.where(rows > edge, ground, image).astype(np.float32)


def _building(image: np.ndarray, rng: np.random.Generator, horizon: float) -> None:
    height, width = image.shape
    uniform = rng.uniform
    left, wide = uniform(-0.1, 1.05), uniform(0.04, 0.4)
    top, base = horizon - uniform(0.03, 0.9) * uniform(0.3, 1), min(horizon + uniform(0, 0.25), 1)
    x0, x1 = max(int(left * width), 0), min(int((left + wide) * width), width)
    y0, y1 = max(int(top * height), 0), int(base * height)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    rows, columns = np.arange(y1 - y0)[:, None], np.arange(x1 - x0)[None]
    facade = uniform(0.2, 0.95) + uniform(-0.2, 0.2) * rows / len(rows) + uniform(-0.15, 0.15) * columns / columns.size
    if rng.random() < 0.75:  # windows or floors
        zoom = height / 256
        pitch_y, pitch_x = rng.integers(4, 22) * zoom, rng.integers(4, 26) * zoom
        window = (rows % pitch_y < uniform(0.3, 0.9) * pitch_y) & (columns % pitch_x < uniform(0.3, 1.0) * pitch_x)
        facade = facade + uniform(-0.35, 0.3) * window
    region = image[y0:y1, x0:x1]
    if rng.random() < 0.25:  # gable, spire or dome
        across = np.abs(np.linspace(-1, 1, x1 - x0))[None]
        roof = across <= np.clip(rows / len(rows) * uniform(0.2, 1.5) + uniform(0, 0.6), 0, 1)
        region[:] = np.where(roof, facade, region)
    else:
        region[:] = facade


def _tree(image: np.ndarray, rng: np.random.Generator, horizon: float) -> None:
    height, width = image.shape
    uniform = rng.uniform
    x, y, radius = uniform(0, 1) * width, (horizon + uniform(-0.15, 0.15)) * height, uniform(0.02, 0.22) * height
    leaves = _upscale(rng.random((12, 12)), height, width)
    distance = _distance(image.shape, x, y, uniform(0.6, 1.3)) / radius + 0.6 * (leaves - 0.5)
    warmth = uniform(0.2, 0.7) + uniform(-0.15, 0.15) * leaves + 0.05 * _texture(rng, height, width)
    image[:] = np.where(distance < 1, warmth, image)


def _distance(shape: tuple[int, ...], x: float, y: float, aspect: float) -> np.ndarray:
    rows, columns = np.arange(shape[0], dtype=np.float32)[:, None], np.arange(shape[1], dtype=np.float32)[None]
    return np.sqrt(((columns - np.float32(x)) / np.float32(aspect)) ** 2 + (rows - np.float32(y)) ** 2)


def _pole_or_wire(image: np.ndarray, rng: np.random.Generator, horizon: float) -> None:
    height, width = image.shape
    uniform = rng.uniform
    zoom = max(height / 256, 0.5)
    warmth = float(uniform(0.2, 0.9))
    if rng.random() < 0.7:
        x = int(uniform(0, 1) * width)
        thick = max(int(rng.integers(1, 4) * zoom), 1)
        image[int(uniform(0, 0.8) * height) : int((horizon + uniform(0, 0.3)) * height), x : x + thick] = warmth
    else:
        ends = [(int(uniform(0, 1) * width), int(uniform(0, horizon) * height)) for _ in range(2)]
        cv2.line(image, ends[0], ends[1], warmth, max(int(rng.integers(1, 8) * zoom), 1), cv2.LINE_AA)


def _warm_thing(image: np.ndarray, rng: np.random.Generator, horizon: float) -> None:
    height, width = image.shape
    uniform = rng.uniform
    x, y = uniform(0, 1) * width, min(horizon + uniform(0, max(1 - horizon, 0.05)), 0.98) * height
    size = uniform(0.01, 0.1) * height * (1 + 2 * max(y / height - horizon, 0))
    inside = _distance(image.shape, x, y, float(rng.choice([0.35, 0.5, 1.8, 2.2]))) < size
    image[:] = np.where(inside, min(uniform(0.5, 1.1), 1.0), image)


def _room(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Walls meeting in a corner, boxes of furniture, a warm person or two close by, a lamp or radiator."""
    uniform = rng.uniform
    rows, columns = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None]
    corner, floor = uniform(0.1, 0.9), uniform(0.55, 1.1)
    left, right = uniform(0.2, 0.6, 2)
    image = np.where(columns < corner, left + uniform(-0.1, 0.1) * columns, right + uniform(-0.1, 0.1) * rows)
    image = np.where(rows > floor + uniform(-0.3, 0.3) * np.abs(columns - corner), uniform(0.15, 0.5), image)
    image = (image + uniform(0, 0.02) * _texture(rng, height, width)).astype(np.float32)
    for _ in range(rng.integers(2, 12)):
        x, y, w, h = uniform(-0.1, 1), uniform(-0.1, 1), uniform(0.03, 0.4), uniform(0.03, 0.5)
        corners = np.array([[x, y], [x + w, y + uniform(-0.05, 0.05)], [x + w, y + h], [x, y + h]]) * (width, height)
        cv2.fillPoly(image, [corners.astype(np.int32)], float(uniform(0.1, 0.8)), cv2.LINE_AA)
    for _ in range(rng.integers(0, 3)):
        _person(image, rng)
    return image


def _person(image: np.ndarray, rng: np.random.Generator) -> None:
    """Head and shoulders: a warm face with cooler hair and nose over a clothed body."""
    height, width = image.shape
    uniform = rng.uniform
    x, y, head = uniform(0.1, 0.9) * width, uniform(0.1, 0.7) * height, uniform(0.03, 0.2) * height
    body, skin = uniform(0.35, 0.8), uniform(0.75, 1.0)
    shape = image.shape
    image[:] = np.where(_distance(shape, x, y + 3.2 * head, uniform(0.7, 1.1)) < 2.2 * head, body, image)
    image[:] = np.where(_distance(shape, x, y, 0.75) < head * 1.1, uniform(0.4, 0.8), image)
    image[:] = np.where(_distance(shape, x, y + 0.2 * head, 0.72) < head * 0.9, skin, image)
    image[:] = np.where(_distance(shape, x, y + 0.3 * head, 0.6) < head * 0.18, skin - uniform(0.05, 0.3), image)


def _objects(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A machine, a circuit board, a herd: blobs, bars and ellipses over a slowly varying ground."""
    uniform = rng.uniform
    image = uniform(0.1, 0.5) + uniform(0, 0.35) * clouds(rng, height, width, int(rng.integers(2, 7)))
    image = (image + uniform(0, 0.06) * _texture(rng, height, width)).astype(np.float32)
    size = uniform(0.01, 0.12)
    for _ in range(rng.integers(5, 60)):
        centre = (int(uniform(0, 1) * width), int(uniform(0, 1) * height))
        axes = tuple(max(int(height * size * uniform(0.3, 2)), 1) for _ in range(2))
        warmth, angle = float(np.clip(uniform(0, 1) ** 0.8, 0, 1)), float(rng.choice([0, 90, uniform(0, 180)]))
        if rng.random() < 0.5:
            cv2.ellipse(image, centre, axes, angle, 0, 360, warmth, -1, cv2.LINE_AA)
        else:
            box = cv2.boxPoints((centre, (2.0 * axes[0], 2.0 * axes[1]), angle))
            cv2.fillPoly(image, [box.astype(np.int32)], warmth, cv2.LINE_AA)
    return image
