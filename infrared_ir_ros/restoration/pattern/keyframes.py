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

"""Coarse frames of the past, and the field that they have in common (design section 1.9)."""

from __future__ import annotations

import cv2
import numpy as np

from infrared_ir_ros.restoration.pattern.field import common_field, doubt
from infrared_ir_ros.restoration.pattern.solver import FoundField, Solver

KEYS = 64  # coarse frames kept
KEY_SPACING = 3  # least number of frames between two of them
KNOWN, UNFAMILIAR, LEAST_TRUST = 60, 4.0, 0.02  # frames; times the median slope; weight of an outlier
BESIDE = np.ones((3, 3), np.uint8)  # cells: those beside an outlier are trusted as little
FIRST_SOLVE, SOLVE_GROWTH = 3, 1.25  # keyframes until the first solution; growth until the next


class KeyFrames:
    """Some coarse frames, at growing intervals, and the field that they have in common.

    cells: rows and columns of a coarse frame. shape: of a full frame. background: solve in a thread.
    solver: runs the search for the field.
    """

    def __init__(self, cells: tuple[int, int], shape: tuple[int, ...], background: bool) -> None:
        self.solver, self._found = Solver(background), FoundField.flat(cells, shape)
        self._keys, self._trust = np.zeros((2, KEYS, *cells), np.float32)
        self._count, self._spacing, self._since, self._next_solve = 0, KEY_SPACING, 0, float(FIRST_SOLVE)

    @property
    def pattern(self) -> tuple[np.ndarray, np.ndarray]:
        """The field by cells and enlarged to a full frame; both are replaced at once, for other threads."""
        return self._found.pattern

    def look(self, coarse: np.ndarray, taught: int, memory: float) -> None:
        """Take in a coarse frame of a camera that has moved.

        taught: frames so far. memory: frames after which the past may be dropped."""
        self._since += 1
        if self._count and self._since < self._spacing:
            return
        if self._count == KEYS:
            self._thin_out(memory)
        self._keys[self._count] = coarse - coarse.mean()
        self._trust[self._count] = _familiar(coarse - self.pattern[0], coarse.std()) if taught >= KNOWN else 1
        self._count += 1
        self._since = 0
        self._next_solve -= 1
        if self._next_solve <= 0:
            self._next_solve = self._count * (SOLVE_GROWTH - 1)
            self._begin_solve()

    def settle(self) -> None:
        """Solve for the field now."""
        if self._count:
            self.solver.wait()
            _find(*self._evidence())

    def saved(self) -> tuple[dict[str, np.ndarray], dict[str, float]]:
        """Arrays and numbers for `resume`, which also needs the coarse pattern."""
        count = self._count
        arrays = {"keys": self._keys[:count].copy(), "trust": self._trust[:count].copy()}
        return arrays, {"spacing": float(self._spacing)}

    def resume(self, arrays: dict[str, np.ndarray], numbers: dict[str, float]) -> None:
        """Continue from what `saved` returned and from the `coarse` pattern."""
        if arrays["coarse"].shape != self.pattern[0].shape:
            raise ValueError(f"a coarse pattern of {arrays['coarse'].shape}, not {self.pattern[0].shape}")
        self._count = count = len(arrays["keys"])
        self._keys[:count], self._trust[:count] = arrays["keys"], arrays["trust"]
        self._spacing, self._next_solve = int(numbers["spacing"]), max(count * (SOLVE_GROWTH - 1), FIRST_SOLVE)
        self._found.take(arrays["coarse"].copy())

    def rescale(self, change: np.float32) -> None:
        """Scale for counts that are now `change` times as large. The result of a running search is discarded."""
        self._keys[: self._count] *= change
        self._found = self._found.rescaled(change)

    def _thin_out(self, memory: float) -> None:
        """Make room: drop every second keyframe while the past is short, then the oldest quarter."""
        if self._spacing * KEYS < 2 * memory:
            kept, self._spacing = slice(0, KEYS, 2), 2 * self._spacing
        else:
            kept = slice(KEYS // 4, KEYS)
        left = self._keys[kept].copy(), self._trust[kept].copy()
        self._count = len(left[0])
        self._keys[: self._count], self._trust[: self._count] = left

    def _begin_solve(self) -> None:
        if not self.solver.busy:
            self.solver.run(_find, *self._evidence())

    def _evidence(self) -> tuple[FoundField, np.ndarray, np.ndarray]:
        return self._found, self._keys[: self._count].copy(), self._trust[: self._count].copy()


def _find(found: FoundField, frames: np.ndarray, trust: np.ndarray) -> None:
    """Solve for the coarse pattern of keyframes, (n, rows, columns)."""
    found.take(common_field(frames, trust))


def _familiar(rest: np.ndarray, spread: float) -> np.ndarray:
    """How far each cell of a frame is trusted: little where the known pattern does not explain its slopes.

    An object that stays in one place becomes the majority after a while, but is an outlier when it appears."""
    across, down = np.abs(np.diff(rest, axis=1)), np.abs(np.diff(rest, axis=0))
    steep = np.zeros_like(rest)
    steep[:, 1:], steep[1:] = across, np.maximum(steep[1:], down)
    steep[:, :-1], steep[:-1] = np.maximum(steep[:, :-1], across), np.maximum(steep[:-1], down)
    width = UNFAMILIAR * np.median(steep) + 1e-3 * spread + 1e-9
    trust = np.maximum(1 / doubt(steep, width), LEAST_TRUST).astype(np.float32)
    return cv2.erode(trust, BESIDE)
