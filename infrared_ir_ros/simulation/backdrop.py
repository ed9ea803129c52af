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

"""The still part of the moving scene: sky, street, buildings, trees, poles; drawn once, in kelvin."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from infrared_ir_ros.simulation.optics import View, capsule, ellipse, fractal, paint

ROAD_HALF, PAVEMENT_HALF = 4.2, 7.0  # m from the middle of our road
CROSSING = (22.0, 31.0)  # m: the street that crosses ours
_FINEST_FACADE = 16.0  # pixels per metre of flat facades


@dataclass(frozen=True)
class Backdrop:
    """still: (H, W) float32 K. front: (H, W) float32 K, the object nearest to the camera. front_mask: (H, W) float32
    0..1, its coverage."""

    still: np.ndarray
    front: np.ndarray
    front_mask: np.ndarray


def draw_backdrop(rng: np.random.Generator, view: View, factor: int) -> Backdrop:
    """Draw everything that does not move, at `factor` times the resolution, and scale it down.

    view: already scaled by `factor`. Takes about half a second at 640x512.
    """
    still = _sky(rng, view)
    _hills(rng, view, still)
    _ground(rng, view, still)
    for side in (-1, 1):
        _row_of_buildings(rng, view, still, side)
    for x, z in sorted(_tree_places(rng), key=lambda place: -place[1]):
        _tree(rng, view, still, x, z)
    _wires(view, still)
    front, front_mask = _front(rng, view)
    size = (view.width // factor, view.height // factor)
    return Backdrop(*(cv2.resize(layer, size, interpolation=cv2.INTER_AREA) for layer in (still, front, front_mask)))


def _sky(rng: np.random.Generator, view: View) -> np.ndarray:
    """Cold overhead, warmer towards the horizon, warmer clouds."""
    height, width = view.height, view.width
    up = np.clip((view.horizon - np.arange(height, dtype=np.float32)) / max(view.horizon, 1), 0, 1)[:, None]
    clouds = fractal(rng, height, width, width / 3, width / 160)
    clouds = np.clip(clouds + rng.uniform(-0.8, 0.2), 0, 2) * (0.35 + 0.65 * up)
    return (270 - 16 * up**0.6 + np.float32(rng.uniform(2.5, 4.5)) * clouds).astype(np.float32)


def _hills(rng: np.random.Generator, view: View, canvas: np.ndarray) -> None:
    """Two ridges of distant woods."""
    for tall, temperature in ((0.10, 276.0), (0.055, 279.5)):
        ridge = fractal(rng, 1, view.width, view.width / 4, 3)[0]
        tops = view.horizon - view.height * tall * np.clip(0.6 + 0.25 * ridge, 0.1, 1.2)
        rows = np.arange(view.height, dtype=np.float32)[:, None]
        cover = np.clip(rows - tops[None] + 0.5, 0, 1)
        woods = temperature + 0.8 * fractal(rng, view.height, view.width, 40, 2)
        canvas += cover * (woods - canvas)


def _ground(rng: np.random.Generator, view: View, canvas: np.ndarray) -> None:
    """Asphalt, kerbs, pavement, grass, a crossing street; lane marks, wheel tracks, patches; texture in perspective."""
    top = int(np.ceil(view.horizon + 1))
    rows = np.arange(top, view.height, dtype=np.float32)[:, None]
    z = np.minimum(view.focal * view.eye / (rows - np.float32(view.horizon)), 400).astype(np.float32)
    x = (np.arange(view.width, dtype=np.float32)[None] - np.float32(view.centre)) * z / np.float32(view.focal)
    z = np.broadcast_to(z, x.shape)
    footprint = z * z / np.float32(view.focal * view.eye)  # metres per pixel, along z
    edge = np.maximum(footprint, 0.02)
    crossing = _band(z, *CROSSING, edge)
    road = np.maximum(_band(x, -ROAD_HALF, ROAD_HALF, 0.03), crossing)
    pavement = np.maximum(
        _band(x, -PAVEMENT_HALF, PAVEMENT_HALF, 0.05), _band(z, CROSSING[0] - 2.5, CROSSING[1] + 2.5, edge)
    )
    grain, fine, coarse = (_ground_texture(rng, x, z, footprint, scale) for scale in (0.008, 0.05, 0.5))
    grass = 284.5 + 1.2 * coarse + 1.2 * fine + 0.9 * grain
    stone = 288.0 + 0.6 * coarse + 0.5 * fine + 0.5 * grain - 1.2 * _joints(x, z, footprint)
    asphalt = 290.2 + 0.8 * coarse + 0.55 * fine + 0.65 * grain
    for lane in (-2.1, 2.1):  # wheels warm their tracks
        for wheel in (-0.75, 0.75):
            asphalt += 0.8 * np.exp(-(((x - lane - wheel) / 0.28) ** 2)) * (1 - crossing)
    dashes = _band(x, -0.08, 0.08, 0.04) * ((z % 6) < 2.8) * (1 - crossing)
    zebra = (
        _band(z, CROSSING[0] - 3.2, CROSSING[0] - 0.8, edge) * _band(x, -ROAD_HALF, ROAD_HALF, 0.05) * ((x % 1.0) < 0.5)
    )
    asphalt -= 2.2 * np.maximum(dashes, zebra)
    asphalt -= 1.6 * _band(np.abs(x), ROAD_HALF - 0.28, ROAD_HALF - 0.15, 0.04)
    for _ in range(7):  # repairs, covers, where a car has stood
        asphalt += _patch(rng, x, z, edge)
    floor = grass + pavement * (stone - grass)
    floor += road * (asphalt - floor)
    kerb = np.maximum(_band(np.abs(x), ROAD_HALF, ROAD_HALF + 0.16, 0.03) * (1 - crossing), 0)
    floor += 0.8 * kerb * (285.5 - floor)
    haze = np.exp(-z / 260)
    canvas[top:] = 281.5 + haze * (floor - 281.5)


def _band(at: np.ndarray, low: float, high: float, edge: np.ndarray | float) -> np.ndarray:
    """1 where low < at < high, with soft edges as wide as a pixel."""
    return np.clip((at - low) / edge + 0.5, 0, 1) * np.clip((high - at) / edge + 0.5, 0, 1)


def _joints(x: np.ndarray, z: np.ndarray, footprint: np.ndarray) -> np.ndarray:
    """Gaps between paving stones, fading where they are finer than a pixel."""
    gaps = np.maximum((x % 0.6) < 0.035, (z % 0.6) < 0.035)
    return gaps * np.clip(1.5 - footprint / 0.08, 0, 1)


def _patch(rng: np.random.Generator, x: np.ndarray, z: np.ndarray, edge: np.ndarray) -> np.ndarray:
    near, left = rng.uniform(5, 40), rng.uniform(-ROAD_HALF, ROAD_HALF - 1)
    cover = _band(x, left, left + rng.uniform(0.6, 2.0), 0.05) * _band(z, near, near + rng.uniform(0.6, 5.0), edge)
    return np.float32(rng.choice([-1.3, -0.7, 0.9, 1.8])) * cover


def _ground_texture(
    rng: np.random.Generator, x: np.ndarray, z: np.ndarray, footprint: np.ndarray, scale: float
) -> np.ndarray:
    """Texture fixed to the ground with features from `scale` metres up, fading where a pixel covers more."""
    tile = fractal(rng, 512, 512, 64, 2)
    start = rng.uniform(100, 300, 2)  # the tile is repeated mirrored; keeps the mirror axis off the middle of the road
    maps = (np.abs((values / scale + offset) % 1022 - 511) for values, offset in zip((x, z), start, strict=True))
    sampled = cv2.remap(tile, *(at.astype(np.float32) for at in maps), cv2.INTER_LINEAR)
    return sampled * np.clip(1.3 - footprint / (16 * scale), 0.0, 1)


def _row_of_buildings(rng: np.random.Generator, view: View, canvas: np.ndarray, side: int) -> None:
    """Houses along our road behind the crossing, far to near: the wall along the road, and the one facing us."""
    houses = []
    z = CROSSING[1] + 4.0
    while z < 120:
        depth = rng.uniform(9, 20)
        houses.append((z, z + depth, rng.uniform(6, 17), rng.uniform(10.0, 12.5), rng.uniform(14, 30)))
        z += depth + (rng.uniform(3, 9) if rng.random() < 0.4 else 0.3)
    for near, far, height, inner, width in reversed(houses):
        wall = rng.uniform(283.0, 287.5)
        scale = float(np.clip(1.3 * view.focal / near, 3, _FINEST_FACADE))
        flank = _facade(rng, far - near, height, wall, scale)
        front = _facade(rng, width, height, wall + rng.uniform(-1.2, 1.2), scale)
        edge, outer = side * inner, side * (inner + width)
        for flat, end, z in ((flank, edge, far), (front, outer, near)):
            corners = np.array([(edge, height, near), (end, height, z), (end, 0, z), (edge, 0, near)])
            _hang(view, canvas, flat, corners)


def _facade(rng: np.random.Generator, width: float, height: float, wall: float, scale: float) -> np.ndarray:
    """A flat wall with floors, windows and a roof edge, `scale` pixels per metre."""
    rows, columns = max(int(height * scale), 8), max(int(width * scale), 8)
    flat = wall + 0.8 * fractal(rng, rows, columns, 4 * scale, 1.5)
    flat += np.linspace(-1.2, 0.8, rows, dtype=np.float32)[:, None]
    flat[:: max(int(scale / 4), 2)] -= 0.25  # courses of stone
    storey, bay = 3.1, rng.uniform(2.2, 3.4)
    glass_width, glass_height = bay * rng.uniform(0.35, 0.6), storey * rng.uniform(0.4, 0.6)
    edge = max(int(0.5 * scale), 1)
    for floor in range(int(height / storey)):
        base = rows - int((floor * storey + 0.9) * scale)
        slab = rows - int(floor * storey * scale)
        flat[max(slab - 2, 0) : slab] += 0.9  # floor slabs leak heat
        for column in range(int(width / bay)):
            left = int((column + 0.5 * (1 - glass_width / bay)) * bay * scale)
            top, right = base - int(glass_height * scale), left + max(int(glass_width * scale), 1)
            if top >= edge + 2 and rng.random() < 0.94:
                _window(rng, flat, top, left, base, right)
    flat[:edge] = 277.0 + 0.5 * fractal(rng, edge, columns, scale, 2)  # the roof edge sees the sky
    return flat.astype(np.float32)


def _window(rng: np.random.Generator, flat: np.ndarray, top: int, left: int, bottom: int, right: int) -> None:
    """Glass that mirrors the cold sky, or a warm room, or a closed blind; a frame around it that leaks."""
    frame = max((right - left) // 8, 1)
    flat[top - frame : bottom + frame, max(left - frame, 0) : right + frame] += 1.1
    kind = rng.random()
    pane = rng.uniform(273, 278) if kind < 0.45 else rng.uniform(281, 284) if kind < 0.75 else rng.uniform(289, 293.5)
    shade = np.linspace(-1.5, 1.5, max(bottom - top, 1), dtype=np.float32)[:, None] * (1.0 if kind < 0.45 else 0.3)
    flat[top:bottom, left:right] = pane + shade + 0.25 * rng.standard_normal()
    flat[top:bottom, (left + right) // 2] = 284.0
    flat[bottom : bottom + frame, max(left - frame, 0) : right + frame] += rng.uniform(-2, 1)


def _hang(view: View, canvas: np.ndarray, flat: np.ndarray, corners: np.ndarray) -> None:
    """Put a flat wall into the scene. corners: (4, 3) metres: upper near, upper far, lower far, lower near."""
    rows, columns = flat.shape
    target = view.project(corners).astype(np.float32)
    span = np.linalg.norm(target[1] - target[0])
    if span < columns / 2:  # shrink it first, so that it does not alias
        flat = cv2.resize(flat, (max(int(span), 2), max(int(rows * span / columns), 2)), interpolation=cv2.INTER_AREA)
        rows, columns = flat.shape
    x0, y0 = np.clip(np.floor(target.min(axis=0)), 0, (view.width, view.height)).astype(int)
    x1, y1 = np.clip(np.ceil(target.max(axis=0)) + 1, 0, (view.width, view.height)).astype(int)
    if x0 >= x1 or y0 >= y1:
        return
    source = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float32) - 0.5
    warp = cv2.getPerspectiveTransform(source, target - np.array([x0, y0], np.float32))
    size = (int(x1 - x0), int(y1 - y0))
    cover = cv2.warpPerspective(np.ones_like(flat), warp, size, flags=cv2.INTER_LINEAR)
    wall = cv2.warpPerspective(flat, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    region = canvas[y0:y1, x0:x1]
    region += cover * (wall - region)


def _tree_places(rng: np.random.Generator) -> list[tuple[float, float]]:
    places = [(side * rng.uniform(7.8, 9.5), z + rng.uniform(-2, 2)) for side in (-1, 1) for z in (17, 38, 52, 70)]
    return [place for place in places if rng.random() < 0.8]


def _tree(rng: np.random.Generator, view: View, canvas: np.ndarray, x: float, z: float) -> None:
    """A trunk, branches, and a crown of many leaf clusters with gaps."""
    tall, wide = rng.uniform(5.5, 9.0), rng.uniform(1.8, 3.2)
    place = lambda px, py: tuple(view.project(np.array([(x + px, py, z)]))[0])  # noqa: E731
    metre = view.focal / z
    texture = fractal(rng, 128, 128, 16, 1.5)
    crown = tall - wide
    paint(canvas, capsule(place(0, 0), place(0, crown), 0.17 * metre, 0.10 * metre), (285.5, 284.0), texture, 0.5)
    for _ in range(7):
        tip = (rng.uniform(-wide, wide) * 0.8, crown + rng.uniform(-0.3, wide))
        paint(canvas, capsule(place(0, crown * rng.uniform(0.7, 1)), place(*tip), 0.06 * metre, 0.02 * metre), 284.0)
    lobes = rng.uniform(-0.75, 0.75, (9, 2)) * wide + (0, crown + 0.45 * wide)
    for index in range(int(np.clip(12 * wide * metre, 80, 900))):
        px, py = lobes[index % len(lobes)] + rng.standard_normal(2) * 0.23 * wide
        radius = rng.uniform(0.03, 0.17) * metre
        temperature = 281.3 + 1.1 * rng.standard_normal() + 0.9 * (py - crown) / wide
        leaves = ellipse(*place(px, py), radius, radius * rng.uniform(0.3, 1.0))
        paint(canvas, leaves, temperature, texture, 0.6)


def _wires(view: View, canvas: np.ndarray) -> None:
    """A lamp post on each side far away and wires along the road, cold against the sky."""
    for side in (-1, 1):
        x = side * (PAVEMENT_HALF - 0.6)
        for z in (36.0, 60.0, 90.0):
            foot, top, arm = view.project(np.array([(x, 0, z), (x, 7.5, z), (x - side * 1.6, 7.7, z)]))
            radius = max(0.07 * view.focal / z, 0.4)
            paint(canvas, capsule(tuple(foot), tuple(top), radius, radius * 0.7), 282.0)
            paint(canvas, capsule(tuple(top), tuple(arm), radius * 0.6, radius * 0.6), 280.0)
            paint(canvas, ellipse(*arm, radius * 3, radius * 1.5), 298.0)
    for height in (8.2, 8.7):
        line = view.project(np.array([(-9.0 + 0.04 * (z - 60) ** 2 / 60, height, z) for z in np.linspace(9, 120, 40)]))
        for start, end in zip(line[:-1], line[1:], strict=True):
            paint(canvas, capsule(tuple(start), tuple(end), 0.6, 0.6), 277.0)


def _front(rng: np.random.Generator, view: View) -> tuple[np.ndarray, np.ndarray]:
    """A post near the camera, in front of everyone who walks: its temperature and its coverage."""
    warm, cover = np.full((view.height, view.width), 286.0, np.float32), np.zeros((view.height, view.width), np.float32)
    x, z = rng.choice([-1.0, 1.0]) * rng.uniform(3.6, 3.9), 8.2
    foot, top = view.project(np.array([(x, -0.1, z), (x, 9, z)]))
    radius = 0.085 * view.focal / z
    outline = capsule(tuple(foot), tuple(top), radius, radius)
    paint(warm, outline, (283.0, 288.0), fractal(rng, 128, 128, 24, 2), 0.25)
    paint(cover, outline, 1.0)
    sign = ellipse(float(top[0]), float(view.project(np.array([(x, 2.75, z)]))[0, 1]), 4 * radius, 4 * radius)
    paint(warm, sign, (281.0, 284.0), fractal(rng, 128, 128, 32, 3), 0.2)
    paint(cover, sign, 1.0)
    return warm, cover
