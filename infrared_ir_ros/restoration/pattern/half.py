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

"""Whether one half of the pattern, fine or coarse, helps, and how much of it is used (design section 1.9)."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

WORSE = 1.03  # contrast of one frame with / without the pattern; above, the camera has another pattern now
CHECK_SMOOTHING = 0.9
LAG_SHARE = 1 / 3  # of all frames that taught: least age of the judged state
PAST_STATES, PAST_SPACING = 8, 1.15
BLOCK = 4  # cells
RAMP = 0.1  # of the pattern, largest step per frame

Contrast = Callable[[np.ndarray], float]


class Share:
    """The share of a part of the pattern that is subtracted: rises to 1 while a ratio shows that it helps, else falls.

    limits: of the ratio; used below the first, dropped above the second.
    """

    def __init__(self, limits: tuple[float, float]) -> None:
        self._limits = limits
        self.ratio, self.used, self.on, self.lost = 1.0, 0.0, False, False

    def ramp(self, trusted: bool, allowed: bool = True, known: bool = False) -> None:
        """Set the share for this frame: 0 at once if not trusted, else a step up or down.

        known: use it whatever the ratio."""
        wanted = allowed and (known or self.ratio < self._limits[self.on])
        self.lost, self.on = self.lost or (self.on and not wanted), wanted
        self.used = float(np.clip(float(wanted), self.used - RAMP, self.used + RAMP)) if trusted else 0.0


class Half(Share):
    """Whether one half of the pattern (fine or coarse) helps: judged on each frame before it teaches anything.

    What was learned a moment ago fits the next frame even if it is scene, which has hardly moved, or lasting noise. So
    an older state of the pattern is judged, which was learned on another part of the scene.

    limits: of the contrast with / without the pattern; used below the first, dropped above the second.
    lag: least age of the judged state, in frames that taught (and at least LAG_SHARE of all).
    contrast: the measure for that. doubt: the measure that shows, on one frame, that the camera has another pattern.
    """

    SAVED = ("ratio", "used", "judged")

    def __init__(self, limits: tuple[float, float], lag: int, contrast: Contrast, doubt: Contrast) -> None:
        super().__init__(limits)
        self._lag, self._contrast, self._doubt = lag, contrast, doubt
        self.bad, self.judged = 0, 0
        self.past: list[tuple[int, np.ndarray]] = []

    def judge_by(self, limits: tuple[float, float], lag: int) -> None:
        """Require other evidence from now on. If that drops the pattern, it does not count as `lost`."""
        self._limits, self._lag, self.on = limits, lag, False

    def saved(self) -> dict[str, float]:
        """Numbers to `resume` from."""
        return {key: float(getattr(self, key)) for key in self.SAVED}

    def resume(self, numbers: dict[str, float], pattern: np.ndarray) -> None:
        """Continue from `saved`; `pattern` is the first past state. Raises ValueError for impossible numbers."""
        self.ratio, self.used, self.judged = (numbers[key] for key in self.SAVED)
        if not (0 <= self.ratio < np.inf and 0 <= self.used <= 1 and 0 <= self.judged < np.inf):
            raise ValueError(f"the numbers {numbers}")
        self.on = self.used > 0
        self.past = [(0, pattern.copy())] if pattern.any() else []

    def remember(self, pattern: np.ndarray, taught: int) -> None:
        """Keep some states of the pattern, at growing intervals."""
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
        """Scale for counts that are now `change` times as large."""
        self.past = [(when, state * change) for when, state in self.past]


def size(image: np.ndarray) -> float:
    """The median magnitude."""
    return float(np.median(np.abs(image)))


def steps_across(image: np.ndarray) -> float:
    return size(np.diff(image, axis=1))


def wide_steps(image: np.ndarray) -> float:
    """Median step between blocks of BLOCK x BLOCK values, geometric mean of both directions.

    Stripes, which many sensors have, average out: they say nothing about the shading."""
    columns, rows = (max(side // BLOCK, 2) for side in image.shape[::-1])
    blocks = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
    return float(np.sqrt(steps_across(blocks) * size(np.diff(blocks, axis=0))))
