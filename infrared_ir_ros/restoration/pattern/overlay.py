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

"""Lays two coarse frames of a moving scene over each other: their difference tells of the pattern.

The scene is tracked by dense flow (Kroeger et al., ECCV 2016). If the camera turns, the scene moves as one, and by an
affine motion, chained from flows over a few frames, frames much further apart can be laid over each other, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from infrared_ir_ros.restoration.pattern.field import doubt

ENLARGED = 2  # times, for the computation of flow
LEAST_MOVE, MOST_SLIP = 1.0, 0.6  # cells; mismatch of forward and backward flow
LEAST_SHARE = 0.05  # of all cells: with fewer, there is no pair
NEARLY = 0.3  # deviation from the affine motion, as a share of a cell's own move
WIDTH, ROUNDS = 1.5, 3  # times the median residual; of reweighting
BLOCK, FAR_MOVE = 4, 3.0  # cells: over a block, stripes average out; over a move, a coarse shading shows
STILL = np.eye(2, 3)


@dataclass(frozen=True)
class Pair:
    """n cells of one frame, each found between four cells of another: the difference is p - p interpolated there.

    cells: (n,) int32. around, share: (4, n), the four cells and their weights. difference: (n,) float32, of the two
    frames. far: (n,) bool, whether the cell moved far."""

    cells: np.ndarray
    around: np.ndarray
    share: np.ndarray
    difference: np.ndarray
    far: np.ndarray

    def of(self, pattern: np.ndarray) -> np.ndarray:
        """The differences that a pattern, (rows, columns), causes: (n,) float32."""
        flat = pattern.ravel()
        return flat[self.cells] - np.einsum("kn,kn->n", self.share, flat[self.around])

    def wide(self, values: np.ndarray, columns: int) -> np.ndarray:
        """Means over blocks of BLOCK x BLOCK, of the cells that moved far: stripes average out."""
        row, column = np.divmod(self.cells[self.far], columns)
        block = row // BLOCK * columns + column // BLOCK
        count = np.bincount(block)
        return (np.bincount(block, values[self.far]) / np.maximum(count, 1))[count > BLOCK * BLOCK // 2]

    def back(self, rest: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """The transpose of `of`."""
        size = shape[0] * shape[1]
        out = np.bincount(self.cells, rest, size) - np.bincount(self.around.ravel(), (self.share * rest).ravel(), size)
        return out.reshape(shape).astype(np.float32)


@dataclass(frozen=True)
class Overlay:
    """Two frames laid over each other.

    pair: None if too few cells moved far enough. together: share of the moved cells that follow the motion of a turning
    or driving camera; 0 without a pair. flow: (rows, columns, 2), in cells. sure: where the flow is reliable."""

    pair: Pair | None
    together: float
    flow: np.ndarray
    sure: np.ndarray

    def as_one(self) -> tuple[np.ndarray, float]:
        """The affine motion, (2, 3) in cells, of most of the tracked cells, and the share of them that follows it."""
        return _as_one(np.flatnonzero(self.sure), self.flow, least=1.0)


def overlaid(first: np.ndarray, second: np.ndarray, known: np.ndarray, guess: np.ndarray = STILL) -> Overlay:
    """Lay the second frame over the first, both (rows, columns) float32.

    known: a pattern that is subtracted before the scene is tracked. guess: (2, 3), motion in cells to search around.
    """
    flow, sure = _flow(first - known, second - known, guess)
    moved = np.hypot(flow[..., 0], flow[..., 1])
    cells = np.flatnonzero(sure & (moved >= LEAST_MOVE)).astype(np.int32)
    if len(cells) < LEAST_SHARE * first.size:
        return Overlay(None, 0.0, flow, sure)
    return Overlay(_pair(first, second, cells, flow), _as_one(cells, flow)[1], flow, sure)


def chained(motions: list[np.ndarray]) -> np.ndarray:
    """The affine motions, (2, 3) each, one after the other."""
    whole = np.eye(3)
    for motion in motions:
        whole = np.vstack([motion, [0, 0, 1]]) @ whole
    return whole[:2]


def spread(values: np.ndarray) -> float:
    """Median absolute deviation; 0 of no values."""
    return float(np.median(np.abs(values - np.median(values)))) if len(values) else 0.0


def _pair(first: np.ndarray, second: np.ndarray, cells: np.ndarray, flow: np.ndarray) -> Pair:
    rows, columns = first.shape
    y, x = np.divmod(cells, columns)
    move = flow.reshape(-1, 2)[cells]
    across = np.clip(x + move[:, 0], 0, columns - 1.001)
    down = np.clip(y + move[:, 1], 0, rows - 1.001)
    left, top = across.astype(np.int32), down.astype(np.int32)
    right, below = across - left, down - top
    corner = top * columns + left
    around = np.stack([corner, corner + 1, corner + columns, corner + columns + 1])
    share = np.stack([(1 - right) * (1 - below), right * (1 - below), (1 - right) * below, right * below])
    share = share.astype(np.float32)
    difference = first.ravel()[cells] - np.einsum("kn,kn->n", share, second.ravel()[around])
    return Pair(cells, around, share, difference, np.hypot(*move.T) >= FAR_MOVE)


def _as_one(cells: np.ndarray, flow: np.ndarray, least: float = 0.0) -> tuple[np.ndarray, float]:
    """The affine motion, (2, 3), of most of the cells, and the share of them that follows it.

    least: the tolerance of slower cells is that of this motion, in cells."""
    if len(cells) < LEAST_SHARE * flow[..., 0].size:
        return STILL, 0.0
    y, x = np.divmod(cells, flow.shape[1])
    terms, weight = np.stack([x, y, np.ones(len(cells))], 1), np.ones((len(cells), 1))
    moves = flow.reshape(-1, 2)[cells]
    for _ in range(ROUNDS):
        motion = np.linalg.lstsq(terms * weight, moves * weight, rcond=None)[0]
        off = np.linalg.norm(moves - terms @ motion, axis=1)
        weight = 1 / doubt(off[:, None], WIDTH * np.median(off) + 1e-9)
    nearly = off < NEARLY * np.maximum(np.linalg.norm(moves, axis=1), least)
    return STILL + motion.T, float(np.mean(nearly))


def _flow(first: np.ndarray, second: np.ndarray, guess: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The flow from the first frame to the second, (rows, columns, 2) in cells, and whether it is reliable."""
    size = (ENLARGED * first.shape[1], ENLARGED * first.shape[0])
    low, high = np.percentile(first, (1, 99))
    scale = 255 / max(float(high - low), 1e-6)
    images = [
        np.clip((cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) - low) * scale, 0, 255).astype(np.uint8)
        for image in (first, second - (np.median(second) - np.median(first)))
    ]
    guess = _enlarged(guess)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    images[1] = cv2.warpAffine(images[1], guess, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    method.setFinestScale(0)
    forth, back = method.calc(*images, None), method.calc(*images[::-1], None)
    start = np.stack(np.meshgrid(*map(np.float32, map(np.arange, size))), -1)
    warped = start + forth
    slip = forth + cv2.remap(back, warped, None, cv2.INTER_LINEAR)
    there = cv2.transform(warped, guess)
    inside = ((warped >= 0) & (warped <= np.array(size) - 1) & (there >= 0) & (there <= np.array(size) - 1)).all(-1)
    sure = inside & (np.hypot(slip[..., 0], slip[..., 1]) <= ENLARGED * MOST_SLIP)
    flow, share = (
        cv2.resize(image, first.shape[::-1], interpolation=cv2.INTER_AREA)
        for image in (np.float32(there - start), np.float32(sure))
    )
    return flow / ENLARGED, share > 0.9


def _enlarged(motion: np.ndarray) -> np.ndarray:
    """The same motion in a frame ENLARGED times as large; enlarging shifts the centres of the cells."""
    offset = (ENLARGED - 1) / 2
    shift = ENLARGED * motion[:, 2] + offset - motion[:, :2] @ (offset, offset)
    return np.column_stack([motion[:, :2], shift])
