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

"""Counts of a camera <-> the unit range that the networks see (design section 5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from infrared_ir_ros.errors import FrameError
from infrared_ir_ros.records import CLEAN_LEVELS, CLEAN_PERCENTILES, LARGEST_SIDE, SMALLEST_SIDE, Counts
from infrared_ir_ros.restoration.unknown import blank, filled

LOW_LEVEL, HIGH_LEVEL = (level / 255 for level in CLEAN_LEVELS)
FLOOR, CEILING = -0.1, 1.2  # what lies beyond bypasses the networks, which were trained on about 0..1
FAINT = 0.3  # share of the window filled by a frame, down to which the networks restore as well as ever
MIDDLE, FLAME, MARGIN = (5.0, 95.0), 0.2, 0.15  # percentiles; with a flame, they span less of all; added on each side
SMALLEST = float(np.finfo(np.float32).tiny)  # counts; the inverse of less overflows float32
DTYPES = (np.uint8, np.uint16, np.float32)


@dataclass(frozen=True)
class Window:
    """A linear map: counts `low` -> 0, `high` -> 1."""

    low: float
    high: float

    def to_unit(self, frame: np.ndarray) -> np.ndarray:
        """(height, width) counts -> float32, not clipped. Raises FrameError for a window without width."""
        if not self.span > SMALLEST:
            raise FrameError("only single pixels of the frame vary: is the lens covered or the shutter closed?")
        scale = np.float32(1 / (self.high - self.low))
        return (frame.astype(np.float32) - np.float32(self.low)) * scale

    def to_counts(self, unit: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """The inverse, rounded and clipped to the range of the dtype."""
        counts = unit * np.float32(self.high - self.low) + np.float32(self.low)
        if dtype == np.float32:
            return counts
        return np.rint(np.clip(counts, 0, np.iinfo(dtype).max)).astype(dtype)

    def blended(self, past: Window, weight: float) -> Window:
        """This window, moved towards a past one by `weight`, 0..1."""
        return Window(*(weight * old + (1 - weight) * new for old, new in zip(past.ends, self.ends, strict=True)))

    def widened(self, smallest: float) -> Window:
        """This window, or one of `smallest` width around its middle."""
        missing = max(smallest - self.span, 0) / 2
        return Window(self.low - missing, self.high + missing)

    @property
    def span(self) -> float:
        return self.high - self.low

    @property
    def ends(self) -> tuple[float, float]:
        return self.low, self.high


def checked(frame: np.ndarray) -> np.ndarray:
    """The frame, if it can be restored; NaN and inf of a float frame are filled from their surroundings.

    Raises FrameError for a wrong type, dtype or shape, and for a frame in which nothing varies (a covered or broken
    sensor).
    """
    if not isinstance(frame, np.ndarray):  # cv2.imread returns None for a missing file
        raise FrameError(f"frame is of type {type(frame).__name__}: give an array (height, width)")
    if frame.dtype not in DTYPES:
        raise FrameError(f"frame has dtype {frame.dtype}: send uint8, uint16 or float32")
    if frame.ndim != 2 or not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in frame.shape):
        raise FrameError(
            f"frame has shape {frame.shape}: send (height, width), each from {SMALLEST_SIDE} to {LARGEST_SIDE} pixels"
        )
    if frame.dtype == np.float32:
        frame = filled(frame)
    low, high = float(frame.min()), float(frame.max())
    if high - low <= 1e-6 * abs(high):  # float32 rounds
        raise FrameError(f"every pixel of the frame is {high:g}: is the lens covered or the shutter closed?")
    return frame


def narrowed(whole: Window, frame: np.ndarray) -> Window:
    """The window for the networks: narrower than `whole` where the frame hardly fills it, like a flat sky in 8 bit.

    The networks were never trained on so little contrast, and would lose a target in that sky. The window narrows
    gradually, from FAINT of it filled down to half of that.
    """
    low, high = _range(frame[::4, ::4], CLEAN_PERCENTILES)
    weight = float(np.clip(2 * (high - low) / (FAINT * whole.span) - 1, 0, 1)) if high > low else 1.0
    return whole if weight == 1 else _clean_window(low, high).blended(whole, weight)


def window(frame: np.ndarray, counts: Counts, dtype: np.dtype | None = None) -> Window:
    """The window of one frame under a mapping. Percentiles are those of every fourth pixel, without bars; flames do
    not count, unless the user has chosen the percentiles.

    dtype: of the camera's frames, if it differs from that of `frame`."""
    if counts.mapping == "fixed":
        return Window(counts.minimum, counts.maximum)
    if counts.mapping == "auto" and (dtype or frame.dtype) == np.uint8:
        return Window(0.0, 255.0)
    sample = frame[::2, ::2] if min(frame.shape) >= 64 else frame
    asked = counts.low_percentile, counts.high_percentile
    low, high = _range(sample, asked, *(MIDDLE if asked == CLEAN_PERCENTILES else ()))
    if not high > low:  # a few hot pixels in a flat frame
        low, high = float(frame.min()), float(frame.max())
    return _clean_window(low, high)


def _range(frame: np.ndarray, percentiles: tuple[float, float], *middle: float) -> tuple[float, float]:
    """The counts of a scene at these percentiles; or at the middle ones, a little widened, if the rest is a flame."""
    nothing = blank(frame)
    scene = frame if nothing is None else frame[~nothing]
    low, *inner, high = np.percentile(scene, (percentiles[0], *middle, percentiles[1]))
    if inner and 0 < (span := inner[1] - inner[0]) < FLAME * (high - low):
        low, high = inner[0] - MARGIN * span, inner[1] + MARGIN * span
    return float(low), float(high)


def _clean_window(low: float, high: float) -> Window:
    """The window that maps these counts to the levels of clean frames."""
    span = (high - low) / (HIGH_LEVEL - LOW_LEVEL)
    return Window(low - LOW_LEVEL * span, low - LOW_LEVEL * span + span)


def split_excess(unit: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """What the networks see, and what bypasses them (flames far above the window) or None."""
    seen = np.clip(unit, FLOOR, CEILING)
    excess = unit - seen
    return seen, excess if excess.any() else None
