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

"""One half of the pattern, the fine or the coarse one: whether it helps, and how much of it is used (design 1.9)."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

WORSE = 1.03  # contrast of one frame with over without the pattern: there is another pattern now
CHECK_SMOOTHING = 0.9
LAG_SHARE = 1 / 3  # of all frames that taught: age, at least, of the state that is judged
PAST_STATES, PAST_SPACING = 8, 1.15
BLOCK = 4  # cells
RAMP = 0.1  # of the pattern, more or less, from frame to frame

Contrast = Callable[[np.ndarray], float]


class Share:
    """How much of a part of the pattern is subtracted: all, where a ratio says that it helps, and none, by steps.

    limits: of the ratio; below the first it is used, above the second no more.
    """

    def __init__(self, limits: tuple[float, float]) -> None:
        self._limits = limits
        self.ratio, self.used, self.on, self.lost = 1.0, 0.0, False, False

    def ramp(self, trusted: bool, allowed: bool = True, known: bool = False) -> None:
        """Subtract so much from this frame: none at once where not trusted, else more or less by steps.

        known: whether it is to be used whatever the ratio says."""
        wanted = allowed and (known or self.ratio < self._limits[self.on])
        self.lost, self.on = self.lost or (self.on and not wanted), wanted
        self.used = float(np.clip(float(wanted), self.used - RAMP, self.used + RAMP)) if trusted else 0.0


class Half(Share):
    """Whether one half of the pattern (fine or coarse) helps: judged on each frame before it teaches anything.

    What was learned a moment ago also fits the next frame where it is the scene, which has hardly moved, or noise,
    which lasts. So an older state of the pattern is judged, learned on another part of the scene.

    limits: contrast with over without the pattern; below the first it is used, above the second no more.
    lag: frames that taught, the other least age of the state that is judged.
    contrast: what is compared for that; doubt: what is compared to see, on one frame, that there is another pattern.
    """

    SAVED = ("ratio", "used", "judged")

    def __init__(self, limits: tuple[float, float], lag: int, contrast: Contrast, doubt: Contrast) -> None:
        super().__init__(limits)
        self._lag, self._contrast, self._doubt = lag, contrast, doubt
        self.bad, self.judged = 0, 0
        self.past: list[tuple[int, np.ndarray]] = []

    def judge_by(self, limits: tuple[float, float], lag: int) -> None:
        """Want other evidence from now on. What is not wanted then is not lost: it was right by what was asked."""
        self._limits, self._lag, self.on = limits, lag, False

    def saved(self) -> dict[str, float]:
        """Numbers to `resume` from."""
        return {key: float(getattr(self, key)) for key in self.SAVED}

    def resume(self, numbers: dict[str, float], pattern: np.ndarray) -> None:
        """Go on from what `saved` gave; `pattern` is the first past state. Raises ValueError for impossible numbers."""
        self.ratio, self.used, self.judged = (numbers[key] for key in self.SAVED)
        if not (0 <= self.ratio < np.inf and 0 <= self.used <= 1 and 0 <= self.judged < np.inf):
            raise ValueError(f"the numbers {numbers}")
        self.on = self.used > 0
        self.past = [(0, pattern.copy())] if pattern.any() else []

    def remember(self, pattern: np.ndarray, taught: int) -> None:
        """Keep a state of the pattern: some, further and further apart."""
        if pattern.any() and (not self.past or taught >= PAST_SPACING * self.past[-1][0]):
            self.past = [*self.past[-PAST_STATES + 1 :], (taught, pattern.copy())]

    def judge(self, plain: np.ndarray, pattern: np.ndarray, taught: int) -> None:
        doubtful = (self.used > 0 or self.bad > 0) and self._doubt(plain - pattern) > WORSE * self._doubt(plain)
        self.bad = self.bad + 1 if doubtful else 0
        old = [state for when, state in self.past if taught - when >= max(self._lag, LAG_SHARE * taught)]
        if old:
            ratio = self._contrast(plain - old[-1]) / (self._contrast(plain) + 1e-9)
            self.judged += 1
            self.ratio += max(1 - CHECK_SMOOTHING, 1 / (self.judged + 3)) * (min(ratio, 2.0) - self.ratio)

    def rescale(self, change: np.float32) -> None:
        """The counts have become so many times as large."""
        self.past = [(when, state * change) for when, state in self.past]


def size(image: np.ndarray) -> float:
    """The median size of values."""
    return float(np.median(np.abs(image)))


def steps_across(image: np.ndarray) -> float:
    return size(np.diff(image, axis=1))


def wide_steps(image: np.ndarray) -> float:
    """Median steps between blocks of BLOCK x BLOCK values, geometric mean of both directions.

    Stripes, which many sensors have, average out here: they say nothing of the shading."""
    columns, rows = (max(side // BLOCK, 2) for side in image.shape[::-1])
    blocks = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
    return float(np.sqrt(steps_across(blocks) * size(np.diff(blocks, axis=0))))
