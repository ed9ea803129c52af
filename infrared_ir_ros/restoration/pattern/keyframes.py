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

"""The slow part of the pattern memory: coarse frames of the past, and what they have in common (design section 1.9)."""

from __future__ import annotations

import cv2
import numpy as np

from infrared_ir_ros.restoration.pattern.field import common_field, doubt
from infrared_ir_ros.restoration.pattern.solver import FoundField, Solver

KEYS = 64  # coarse frames that are kept
KEY_SPACING = 3  # frames, at least, between two of them
KNOWN, UNFAMILIAR, LEAST_TRUST = 60, 4.0, 0.02  # frames; of the median slope; weight of an outlier in a kept frame
BESIDE = np.ones((3, 3), np.uint8)  # cells: what is beside an outlier tells as little
FIRST_SOLVE, SOLVE_GROWTH = 3, 1.25  # kept frames until the coarse pattern is found first, and again


class KeyFrames:
    """Some coarse frames, further and further apart, and the field that they have in common.

    cells: rows and columns of a coarse frame. shape: of a whole one. background: find the field in a thread.
    solver: what finds it.
    """

    def __init__(self, cells: tuple[int, int], shape: tuple[int, ...], background: bool) -> None:
        self.solver, self._found = Solver(background), FoundField.flat(cells, shape)
        self._keys, self._trust = np.zeros((2, KEYS, *cells), np.float32)
        self._count, self._spacing, self._since, self._next_solve = 0, KEY_SPACING, 0, float(FIRST_SOLVE)

    @property
    def pattern(self) -> tuple[np.ndarray, np.ndarray]:
        """The field by cells, and enlarged to a frame; replaced as one, so that no frame sees half of it."""
        return self._found.pattern

    def look(self, coarse: np.ndarray, taught: int, memory: float) -> None:
        """Take note of a coarse frame of a camera that has moved.

        taught: frames so far. memory: frames after which the past may go."""
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
        """Bring the field up to date now."""
        if self._count:
            self.solver.wait()
            _find(*self._evidence())

    def saved(self) -> tuple[dict[str, np.ndarray], dict[str, float]]:
        """Arrays and numbers to go on from, together with a coarse pattern."""
        count = self._count
        arrays = {"keys": self._keys[:count].copy(), "trust": self._trust[:count].copy()}
        return arrays, {"spacing": float(self._spacing)}

    def resume(self, arrays: dict[str, np.ndarray], numbers: dict[str, float]) -> None:
        """Go on from what `saved` gave, and from the `coarse` pattern."""
        if arrays["coarse"].shape != self.pattern[0].shape:
            raise ValueError(f"a coarse pattern of {arrays['coarse'].shape}, not {self.pattern[0].shape}")
        self._count = count = len(arrays["keys"])
        self._keys[:count], self._trust[:count] = arrays["keys"], arrays["trust"]
        self._spacing, self._next_solve = int(numbers["spacing"]), max(count * (SOLVE_GROWTH - 1), FIRST_SOLVE)
        self._found.take(arrays["coarse"].copy())

    def rescale(self, change: np.float32) -> None:
        """The counts have become so many times as large. What a thread is finding now is lost."""
        self._keys[: self._count] *= change
        self._found = self._found.rescaled(change)

    def _thin_out(self, memory: float) -> None:
        """Make room: every second kept frame while the past is young, then the oldest."""
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
    """The coarse pattern of kept frames, (n, rows, columns)."""
    found.take(common_field(frames, trust))


def _familiar(rest: np.ndarray, spread: float) -> np.ndarray:
    """How much each cell of a frame may tell: little where a known pattern does not explain its slopes.

    A thing that stays in one place is the majority after a while, but it was an outlier when it came."""
    across, down = np.abs(np.diff(rest, axis=1)), np.abs(np.diff(rest, axis=0))
    steep = np.zeros_like(rest)
    steep[:, 1:], steep[1:] = across, np.maximum(steep[1:], down)
    steep[:, :-1], steep[:-1] = np.maximum(steep[:, :-1], across), np.maximum(steep[:-1], down)
    width = UNFAMILIAR * np.median(steep) + 1e-3 * spread + 1e-9
    trust = np.maximum(1 / doubt(steep, width), LEAST_TRUST).astype(np.float32)
    return cv2.erode(trust, BESIDE)
