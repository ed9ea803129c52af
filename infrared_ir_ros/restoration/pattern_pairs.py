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

"""The part of the pattern that a scene cannot imitate: two frames of a moving scene, laid over each other.

Where the scene at x is found again at x + d some frames later, it drops out of the difference of the two values, and
what the pattern adds stays: p(x) - p(x + d). From many such differences follows the pattern as far as they tell it;
the rest (what is the same all along the motion, or where nothing can be followed) stays flat. What lies in the same
place in all frames, a sky above or a road below, is so never taken for pattern: safer than `common_field`, and less.
Registration-based correction of non-uniformity (Hardie et al., Applied Optics 39, 2000; Zuo et al., Optical Review 18,
2011), with a dense flow (Kroeger et al., ECCV 2016) in place of one shift, and robust least squares.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from infrared_ir_ros.restoration.pattern_field import conjugate_gradients, divergence, doubt, inverse_laplacian, slopes
from infrared_ir_ros.restoration.pattern_solver import FoundField, Solver

LAGS, FAR_LAG, SPACING = (4, 12), 30, 5  # frames that taught: between the two of a pair, and between pairs
PAIRS, FIRST_SOLVE = 48, 6  # that are kept; new ones until the pattern is found first
LEAST_SIDE = 24  # cells; a smaller frame shows no flow
ENLARGED = 2  # times, for the flow
LEAST_MOVE, MOST_SLIP = 1.0, 0.6  # cells; forth and back
LEAST_SHARE = 0.05  # of all cells: a pair with fewer tells nothing
TOGETHER, NEARLY = 0.3, 0.3  # share of the moved cells that moves as one; how far from that, of its own move
MOTION_PAIRS = 6  # that are looked at before a camera is said to move
WIDTH, ROUNDS = 1.5, 3  # of the median residual; of reweighting
FLATNESS, SMALLNESS = 0.02, 1e-4  # weight, per pair, of the assumption that there is no slope, or nothing
SMOOTHING = 0.9  # of the ratios
BLOCK, FAR_MOVE, LEAST_BLOCKS = 4, 3.0, 8  # cells: stripes average out; a move that coarse shading shows itself in


_Candidate = tuple[np.ndarray, np.ndarray, np.ndarray, bool]  # two frames, what was known, whether they teach


class OverlaidPairs:
    """Keeps some pairs and the field that explains them.

    cells: rows and columns of a coarse frame. shape: of a whole one. background: find the field in a thread.
    solver: what finds it.
    """

    def __init__(self, cells: tuple[int, int], shape: tuple[int, ...], background: bool) -> None:
        self.solver, self._found = Solver(background), _Found.flat(cells, shape)
        self._recent: deque[np.ndarray] = deque(maxlen=FAR_LAG + 1)
        self._new: list[_Candidate] = []
        self._possible = min(cells) >= LEAST_SIDE

    @property
    def pattern(self) -> tuple[np.ndarray, np.ndarray]:
        """The field by cells, and enlarged to a frame; replaced as one, so that no frame sees half of it."""
        return self._found.pattern

    @property
    def ratios(self) -> tuple[float, float]:
        """Differences that are left in pairs which had taught nothing yet: by the field, and by what was `known`."""
        return self._found.of_field.value, self._found.of_known.value

    @property
    def followed(self) -> bool:
        """Whether what moves has moved as one, pair after pair: the camera does move, it isn't noise."""
        motion = self._found.motion
        return motion.count >= MOTION_PAIRS and motion.value >= TOGETHER

    @property
    def judged(self) -> int:
        """Pairs that the second ratio rests on."""
        return self._found.of_known.count

    def look(self, coarse: np.ndarray, taught: int, known: np.ndarray) -> None:
        """Take note of a coarse frame of a camera that has moved.

        taught: frames so far. known: a pattern without which the flow is found, scene or not."""
        if not self._possible:
            return
        self._recent.append(coarse)
        if taught % SPACING == 0:
            self._new += [
                (self._recent[-1 - lag], coarse, known, lag in LAGS)
                for lag in (*LAGS, FAR_LAG)
                if lag < len(self._recent)
            ]
        if len(self._new) >= max(FIRST_SOLVE, len(self._found.pairs) // 2):
            self._begin()

    def settle(self) -> None:
        """Bring the field up to date now."""
        self.solver.wait()
        _find(self._found, self._taken())

    def rescale(self, change: np.float32) -> None:
        """The counts have become so many times as large. What a thread is finding now is lost."""
        self._recent.clear()
        self._new.clear()
        self._found = self._found.rescaled(change)

    def _begin(self) -> None:
        if not self.solver.busy:
            self.solver.run(_find, self._found, self._taken())

    def _taken(self) -> list[_Candidate]:
        new, self._new = self._new, []
        return new


@dataclass(frozen=True)
class _Pair:
    """n cells of one frame that lie between four cells each of another: difference = (p - the four's share of p).

    cells: (n,) int32. around, share: (4, n). difference: (n,) float32, of the two frames. far: (n,) bool, moved far.
    together: share of the cells that moves as a camera's turn or drive makes them."""

    cells: np.ndarray
    around: np.ndarray
    share: np.ndarray
    difference: np.ndarray
    far: np.ndarray
    together: float

    def of(self, pattern: np.ndarray) -> np.ndarray:
        """What a pattern, (rows, columns), makes of the differences: (n,) float32."""
        flat = pattern.ravel()
        return flat[self.cells] - np.einsum("kn,kn->n", self.share, flat[self.around])

    def wide(self, values: np.ndarray, columns: int) -> np.ndarray:
        """Of cells that moved far, means over blocks of BLOCK x BLOCK: stripes average out."""
        row, column = np.divmod(self.cells[self.far], columns)
        block = row // BLOCK * columns + column // BLOCK
        count = np.bincount(block)
        return (np.bincount(block, values[self.far]) / np.maximum(count, 1))[count > BLOCK * BLOCK // 2]

    def back(self, rest: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """The transpose of `of`."""
        size = shape[0] * shape[1]
        out = np.bincount(self.cells, rest, size) - np.bincount(self.around.ravel(), (self.share * rest).ravel(), size)
        return out.reshape(shape).astype(np.float32)


@dataclass
class _Ratio:
    """A running mean, of `count` values."""

    value: float = 1.0
    count: int = 0

    def take(self, value: float) -> None:
        self.count += 1
        self.value += max(1 - SMOOTHING, 1 / self.count) * (min(value, 2.0) - self.value)


@dataclass
class _Found(FoundField):
    """All that pairs have told."""

    pairs: list[_Pair] = field(default_factory=list)
    of_field: _Ratio = field(default_factory=_Ratio)
    of_known: _Ratio = field(default_factory=_Ratio)
    motion: _Ratio = field(default_factory=_Ratio)

    def judge(self, pair: _Pair, known: np.ndarray) -> None:
        """See what a pair that has taught nothing yet says of the field, and of what was known when it came."""
        if self.pattern[0].any():
            left = _spread(pair.difference - pair.of(self.pattern[0])) / (_spread(pair.difference) + 1e-9)
            self.of_field.take(left)
        before, after = (
            pair.wide(rest, known.shape[1]) for rest in (pair.difference, pair.difference - pair.of(known))
        )
        if len(before) >= LEAST_BLOCKS:
            self.of_known.take(_spread(after) / (_spread(before) + 1e-9))

    def rescaled(self, change: np.float32) -> _Found:
        pairs = [replace(pair, difference=pair.difference * change) for pair in self.pairs]
        return replace(super().rescaled(change), pairs=pairs)


def _find(found: _Found, new: list[_Candidate]) -> None:
    for first, second, known, teaches in new:
        pair = _overlaid(first, second, known)
        found.motion.take(pair.together if pair is not None else 0.0)
        if pair is not None:
            found.judge(pair, known)
            found.pairs = [*found.pairs, pair][-PAIRS:] if teaches else found.pairs
    if found.pairs:
        found.take(_explaining(found.pairs, found.pattern[0]))


def _overlaid(first: np.ndarray, second: np.ndarray, known: np.ndarray) -> _Pair | None:
    """The pair of two coarse frames, or None where too little has moved far enough to tell something."""
    flow, sure = _flow(first - known, second - known)
    rows, columns = first.shape
    moved = np.hypot(flow[..., 0], flow[..., 1])
    cells = np.flatnonzero(sure & (moved >= LEAST_MOVE)).astype(np.int32)
    if len(cells) < LEAST_SHARE * first.size:
        return None
    y, x = np.divmod(cells, columns)
    across = np.clip(x + flow[..., 0].ravel()[cells], 0, columns - 1.001)
    down = np.clip(y + flow[..., 1].ravel()[cells], 0, rows - 1.001)
    left, top = across.astype(np.int32), down.astype(np.int32)
    right, below = across - left, down - top
    corner = top * columns + left
    around = np.stack([corner, corner + 1, corner + columns, corner + columns + 1])
    share = np.stack([(1 - right) * (1 - below), right * (1 - below), (1 - right) * below, right * below])
    share = share.astype(np.float32)
    difference = first.ravel()[cells] - np.einsum("kn,kn->n", share, second.ravel()[around])
    together = _moving_together(np.stack([x, y], 1), flow.reshape(-1, 2)[cells])
    return _Pair(cells, around, share, difference - np.median(difference), moved.ravel()[cells] >= FAR_MOVE, together)


def _moving_together(places: np.ndarray, moves: np.ndarray) -> float:
    """Share of the moves (n, 2) that is nearly the affine motion of most of them. places: (n, 2), their cells."""
    terms, weight = np.hstack([np.ones((len(places), 1)), places / places.max()]), np.ones((len(places), 1))
    for _ in range(ROUNDS):
        motion = np.linalg.lstsq(terms * weight, moves * weight, rcond=None)[0]
        off = np.linalg.norm(moves - terms @ motion, axis=1)
        weight = 1 / doubt(off[:, None], WIDTH * np.median(off) + 1e-9)
    return float(np.mean(off < NEARLY * np.linalg.norm(moves, axis=1)))


def _flow(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each cell of the first frame is in the second, (rows, columns, 2) cells away, and whether that is sure."""
    size = (ENLARGED * first.shape[1], ENLARGED * first.shape[0])
    low, high = np.percentile(first, (1, 99))
    scale = 255 / max(float(high - low), 1e-6)
    images = [
        np.clip((cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) - low) * scale, 0, 255).astype(np.uint8)
        for image in (first, second - (np.median(second) - np.median(first)))
    ]
    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    method.setFinestScale(0)
    forth, back = method.calc(*images, None), method.calc(*images[::-1], None)
    at = [forth[..., axis] + line for axis, line in enumerate(np.meshgrid(*map(np.float32, map(np.arange, size))))]
    slip = forth + cv2.remap(back, *at, cv2.INTER_LINEAR)
    inside = (at[0] >= 0) & (at[0] <= size[0] - 1) & (at[1] >= 0) & (at[1] <= size[1] - 1)
    sure = inside & (np.hypot(slip[..., 0], slip[..., 1]) <= ENLARGED * MOST_SLIP)
    forth, share = (
        cv2.resize(image, first.shape[::-1], interpolation=cv2.INTER_AREA) for image in (forth, np.float32(sure))
    )
    return forth / ENLARGED, share > 0.9


def _explaining(pairs: list[_Pair], pattern: np.ndarray) -> np.ndarray:
    """The flattest field that explains the differences: robust least squares, from the last field on."""
    shape, count = pattern.shape, len(pairs)
    inverse = inverse_laplacian(shape) / np.float32(sum(len(pair.cells) for pair in pairs) / pattern.size)
    for _ in range(ROUNDS):
        weights, right = [], np.zeros(shape, np.float32)
        for pair in pairs:
            rest = pair.difference - pair.of(pattern)
            level = np.median(rest)  # one exposure is brighter than the other
            weight = 1 / doubt(rest - level, WIDTH * _spread(rest) + 1e-9)
            weights.append(weight)
            right += pair.back(weight * (pair.difference - level), shape)

        def apply(field: np.ndarray, weights: list[np.ndarray] = weights) -> np.ndarray:
            out = np.float32(count) * (
                np.float32(FLATNESS) * divergence(*slopes(field)) + np.float32(SMALLNESS) * field
            )
            for pair, weight in zip(pairs, weights, strict=True):
                out += pair.back(weight * pair.of(field), shape)
            return out

        pattern = conjugate_gradients(apply, right, pattern, inverse)
    return pattern


def _spread(values: np.ndarray) -> float:
    """Median distance from the median; 0 of nothing."""
    return float(np.median(np.abs(values - np.median(values)))) if len(values) else 0.0
