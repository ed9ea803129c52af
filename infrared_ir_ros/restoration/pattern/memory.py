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

"""The memory of a camera's pattern: learns what stays in place while the scene moves (design section 1.9)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from infrared_ir_ros.restoration.pattern.fine import LIFE, PRIOR_FRAMES, STRIP, learn_fine
from infrared_ir_ros.restoration.pattern.half import Half, Share, size, steps_across, wide_steps
from infrared_ir_ros.restoration.pattern.keyframes import KeyFrames
from infrared_ir_ros.restoration.pattern.motion import CameraMotion
from infrared_ir_ros.restoration.pattern.pairs import OverlaidPairs

GRID = (64, 80)  # most rows and columns of the coarse frame: at 512 x 640, a cell is 8 pixels wide
SHOWN, REFUTED = 0.36, 0.5  # the share of overlaid frames' differences that the pattern leaves: used; no longer used
USE_OVERLAID = (0.8, 0.86)  # the share of overlaid frames' differences that the pattern found from them leaves
FINE_LAG = 10  # see `Half`
LEAST_JUDGED = 12  # pairs of overlaid frames, before what they leave shows anything
RESCALED = 1.15  # times as strong or weak as in the frames before: another exposure
LEAST_SCALE, FITS = 0.2, 0.95  # weaker: another pattern; largest residual after rescaling
AGREEMENT = 0.9  # weight of the past
FAR = 6.0  # times the median: what is further away does not count for the strength
PATIENCE = 2  # successive frames that the pattern makes worse before it is forgotten
NOTHING_USED = (0.0, 0.0, 0.0)  # see `PatternState`


@dataclass(frozen=True)
class Evidence:
    """What is required before the pattern is subtracted.

    fine, coarse: limits of `Half`; coarse_lag: its lag, long since a slow pan shows the same scene for long.
    together: share of the moving cells that move as one, above which the camera moves and it is not noise.
    """

    fine: tuple[float, float]
    coarse: tuple[float, float]
    coarse_lag: int
    together: float


STRONG = Evidence(fine=(0.75, 0.82), coarse=(0.33, 0.42), coarse_lag=90, together=0.3)
WEAK = Evidence(fine=(0.9, 0.95), coarse=(0.8, 0.9), coarse_lag=30, together=0.25)


@dataclass(frozen=True)
class PatternState:
    """confidence: 0..1, mean over pixels. strength: standard deviation of what is subtracted, counts. frames: number
    that taught something. used: shares subtracted, 0..1, of the fine pattern, of the coarse one and, in its place, of
    the part of it found from overlaid frames."""

    confidence: float
    strength: float
    frames: int
    used: tuple[float, float, float]


class PatternMemory:
    """Learns and subtracts the fixed pattern of the frames of one camera, in constant memory.

    A frame is split into a coarse frame of cells and the fine rest. Fine pattern: a robust running mean per pixel.
    Coarse pattern: `common_field` of keyframes or, while the camera turns, that of `OverlaidPairs`; until it is known
    well, only the part of it that no scene can imitate. Both are solved for now and then. Only frames on which the
    camera has moved teach; an object that stays in place while the rest moves is an outlier for both.

    background: solve in threads. sure: the user says that there is a pattern; otherwise strong evidence is required
    before anything is subtracted. Not for use by several threads at once, except for `state`.
    """

    def __init__(self, background: bool = False, sure: bool = True) -> None:
        self._background, self._sure = background, sure
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._shape: tuple[int, ...] = ()
        self._dtype: np.dtype | None = None
        self._state = PatternState(0.0, 0.0, 0, NOTHING_USED)

    @np.errstate(over="ignore", invalid="ignore")  # an infinitely far outlier has no weight
    def __call__(self, frame: np.ndarray, learn: bool = True) -> np.ndarray:
        """Correct the next frame: (height, width) uint8, uint16 or finite float32, it is not changed; learn from it.

        Returns float32 counts, not clipped, with the mean of the frame.
        """
        self._dtype, before = frame.dtype, self._dtype or frame.dtype
        frame = np.asarray(frame, np.float32)
        if frame.shape != self._shape or before != self._dtype:  # another dtype means another camera
            self._start(frame.shape)
        self._look_up()
        coarse = cv2.resize(frame, self._grid, interpolation=cv2.INTER_AREA)
        cv2.resize(coarse, frame.shape[::-1], dst=self._work, interpolation=cv2.INTER_LINEAR)
        fine = cv2.subtract(frame, self._work, dst=self._work)  # allocating a new array costs more than filling it
        self._follow_exposure(fine)
        self._judge(fine, coarse)
        bad = max(self._fine_half.bad, self._coarse_half.bad)
        self._ramp(trusted=not bad)
        if bad > PATIENCE or (not any(self._used) and (self._fine_half.lost or self._coarse_half.lost)):
            self._start(frame.shape)
        corrected = self._without(frame)
        if learn:
            self._learn(fine, coarse)
        self._state = self._state_now()
        return corrected

    @property
    def pattern(self) -> np.ndarray | None:
        """The pattern found so far, (height, width) float32 counts of mean 0, or None before the first frame."""
        if not self._shape:
            return None
        known = self._fine + self._coarse_large
        return known - known.mean()

    @property
    def state(self) -> PatternState:
        """The state after the last frame; any thread may read it."""
        return self._state

    @property
    def _used(self) -> tuple[float, float, float]:
        return self._fine_half.used, self._coarse_half.used, self._overlaid.used

    def _ramp(self, trusted: bool) -> None:
        """Raise or lower the subtracted share of each part by a step.

        Overlaid frames tell a part of the coarse pattern, used only if the user is sure: the network would take the
        rest of a shading for another shading. The whole is used as soon as overlaid frames confirm it.
        Nothing is used until the scene has been tracked over some frames: to a still camera, lasting noise looks like
        motion.
        """
        self._overlaid.ratio, left = self._pairs.ratios
        left_at_best = min(left, self._pairs.of_turn)
        possible = left_at_best < REFUTED or not self._pairs.judged
        self._followed |= self._pairs.together >= self._demands.together
        moving = self._followed or (self._sure and not self._pairs.possible)
        known = left_at_best < (REFUTED if self._coarse_half.on else SHOWN) and self._pairs.judged >= LEAST_JUDGED
        self._coarse_half.ramp(trusted, allowed=moving and possible, known=known)
        self._overlaid.ramp(trusted, allowed=moving and self._sure and not self._coarse_half.on)
        self._fine_half.ramp(trusted, allowed=moving)

    def _parts(self) -> list[tuple[np.float32, np.ndarray]]:
        """The fields that are subtracted, and the share of each."""
        fields = self._fine, self._coarse_large, self._pairs.pattern[1]
        return [(np.float32(share), field) for share, field in zip(self._used, fields, strict=True) if share]

    def _state_now(self) -> PatternState:
        weight, zero = self._weight[::4, ::4], np.zeros((1, 1), np.float32)
        strength = np.std(sum((share * field[::4, ::4] for share, field in self._parts()), start=zero))
        confidence = float(np.mean(weight / (weight + PRIOR_FRAMES)))
        return PatternState(confidence, float(strength), self._taught, self._used)

    @property
    def _demands(self) -> Evidence:
        return WEAK if self._sure else STRONG

    def be_sure(self, sure: bool) -> None:
        """Keep what is known, and require less evidence (`sure`) or more from now on."""
        self._sure = sure
        if self._shape:
            self._fine_half.judge_by(self._demands.fine, FINE_LAG)
            self._coarse_half.judge_by(self._demands.coarse, self._demands.coarse_lag)

    def settle(self) -> None:
        """Solve for the coarse pattern now, as at the end of a first pass."""
        if self._shape:
            self._kept.settle()
            self._pairs.settle()
            self._look_up()

    def wait(self, patience: float | None = None) -> None:
        """Wait for the solvers in the background, at most `patience` seconds for each."""
        if self._shape:
            self._kept.solver.wait(patience)
            self._pairs.solver.wait(patience)

    def saved(self) -> tuple[dict[str, np.ndarray], dict[str, float]]:
        """Copies of all that is known, for `resume`. Only after the first frame."""
        arrays, numbers = self._kept.saved()
        arrays |= {"coarse": self._coarse, "fine": self._fine.copy(), "weight": self._weight.copy()}
        numbers |= {"frames": float(self._taught)}
        for name, half in (("fine", self._fine_half), ("coarse", self._coarse_half)):
            numbers |= {f"{name}.{key}": value for key, value in half.saved().items()}
        return arrays, numbers

    def resume(self, arrays: dict[str, np.ndarray], numbers: dict[str, float]) -> None:
        """Continue from what `saved` returned, for frames of the same size, and subtract it from the first one on.

        Raises KeyError or ValueError if something is missing or has another shape."""
        self._start(arrays["fine"].shape)
        self._followed = True
        self._fine[:], self._weight[:] = arrays["fine"], arrays["weight"]
        self._kept.resume(arrays, numbers)
        self._look_up()
        self._taught = int(numbers["frames"])
        self._fine_half.resume({key: numbers[f"fine.{key}"] for key in Half.SAVED}, self._fine[::4, ::4])
        self._coarse_half.resume({key: numbers[f"coarse.{key}"] for key in Half.SAVED}, arrays["coarse"])

    def _start(self, shape: tuple[int, ...]) -> None:
        rows, columns = coarse_shape(shape)
        self._shape, self._grid = shape, (columns, rows)
        self._work = np.empty(shape, np.float32)
        self._fine, self._weight = np.zeros((2, *shape), np.float32)
        self._kept = KeyFrames((rows, columns), shape, self._background)
        self._motion, self._followed = CameraMotion(shape), False
        self._taught, self._scale = 0, 0.0
        self._fine_half = Half(self._demands.fine, FINE_LAG, size, size)
        self._coarse_half = Half(self._demands.coarse, self._demands.coarse_lag, wide_steps, steps_across)
        self._pairs, self._overlaid = OverlaidPairs((rows, columns), shape, self._background), Share(USE_OVERLAID)
        self._look_up()

    def _look_up(self) -> None:
        """Take over the newest solution for the coarse pattern."""
        self._coarse, self._coarse_large = (self._pairs if self._pairs.turning else self._kept).pattern

    def _without(self, frame: np.ndarray) -> np.ndarray:
        """The frame minus the used share of each part; its mean is kept, since it may be a temperature."""
        parts = self._parts()
        if not parts:
            return frame
        level = np.float32(sum(share * field.mean() for share, field in parts))
        out = np.empty_like(frame)
        for top in range(0, len(frame), STRIP):
            rows = slice(top, top + STRIP)
            np.add(frame[rows], level, out=out[rows])
            for share, field in parts:
                out[rows] -= share * field[rows]
        return out

    def _follow_exposure(self, fine: np.ndarray) -> None:
        """Rescale everything if the fine pattern is suddenly stronger or weaker: another exposure or gain."""
        if not self._fine_half.used:
            return
        few, known = fine[::4, ::4], self._fine[::4, ::4]
        limit = FAR * size(few) + 1e-9
        scale = float(np.vdot(np.clip(few, -limit, limit), known)) / (float(np.vdot(known, known)) + 1e-9)
        change = scale / self._scale if self._scale > 0 else 1.0
        possible = LEAST_SCALE < change < 1 / LEAST_SCALE and not 1 / RESCALED < change < RESCALED
        if possible and size(few - change * known) < FITS * size(few - known):
            self._rescale(np.float32(change))
        else:
            self._scale += (1 - AGREEMENT if self._scale > 0 else 1.0) * (scale - self._scale)

    def _rescale(self, change: np.float32) -> None:
        self._fine *= change
        self._kept.rescale(change)
        self._pairs.rescale(change)
        self._look_up()
        for half in (self._fine_half, self._coarse_half):
            half.rescale(change)
        self._motion.forget()

    def _judge(self, fine: np.ndarray, coarse: np.ndarray) -> None:
        if not self._taught:
            return
        self._fine_half.judge(fine[::4, ::4], self._fine[::4, ::4], self._taught)
        self._coarse_half.judge(coarse, self._coarse, self._taught)

    def _learn(self, fine: np.ndarray, coarse: np.ndarray) -> None:
        if not self._motion(coarse, fine[::4, ::4]):
            return
        learn_fine(fine, self._fine, self._weight, self._taught)
        self._taught += 1
        self._fine_half.remember(self._fine[::4, ::4], self._taught)
        self._coarse_half.remember(self._coarse, self._taught)
        self._pairs.look(coarse, self._taught, self._kept.pattern[0])
        self._kept.look(coarse, self._taught, LIFE)


def coarse_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of the coarse frame of a frame of (height, width) pixels."""
    cell = max(shape[0] / GRID[0], shape[1] / GRID[1], 2.0)
    rows, columns = (max(2 * round(side / cell / 2), 2) for side in shape[:2])
    return rows, columns
