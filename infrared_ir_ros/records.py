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

"""The few records that all packages share."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from infrared_ir_ros.errors import OptionError

TONES = ("auto", "restore", "preserve")
PATTERN_MEMORY = ("off", "on", "auto")
MAPPINGS = ("auto", "fixed", "percentile", "tlinear")
CLEAN_PERCENTILES, CLEAN_LEVELS = (0.3, 99.7), (14.0, 229.0)  # of a clean frame, of 0..255 (design section 1.4)
SMALLEST_SIDE, LARGEST_SIDE = 16, 4096  # of a frame, pixels
INFINITE = np.float32(1e30)  # counts; some drivers mark unknown pixels with the largest float instead of inf
LEAST_SPAN, MOST_OUTSIDE, MOST_UNHELD = 0.02, 0.5, 0.1  # shares; beyond, fixed counts give a white or black picture


def _check(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise OptionError(f"{name} is {value!r}: use one of {', '.join(allowed)}")


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also refuses NaN
        raise OptionError(f"{name} is {value}: use a number from {low} to {high}")


@dataclass(frozen=True)
class Counts:
    """How the counts of a frame map to the unit range that the networks see (design section 5).

    mapping: `auto` (8 bit: fixed 0..255; otherwise percentile), `fixed` (minimum, maximum),
        `percentile` (of the frame, smoothed over time), `tlinear` (percentile, and the counts are temperatures).
    minimum, maximum: counts that map to 0 and 1 under `fixed`.
    resolution: kelvin per count under `tlinear`: 0.01 or 0.1 (32-bit float frames are in kelvin already).
    """

    mapping: str = "auto"
    minimum: float = 0.0
    maximum: float = 65535.0
    low_percentile: float = CLEAN_PERCENTILES[0]
    high_percentile: float = CLEAN_PERCENTILES[1]
    resolution: float = 0.01

    def __post_init__(self) -> None:
        _check("counts.mapping", self.mapping, MAPPINGS)
        _check_range("counts.low_percentile", self.low_percentile, 0.0, 50.0)
        _check_range("counts.high_percentile", self.high_percentile, 50.0, 100.0)
        if self.high_percentile <= self.low_percentile:
            raise OptionError("counts.high_percentile must be above counts.low_percentile")
        if not self.minimum < self.maximum:
            raise OptionError(
                f"counts.minimum is {self.minimum} and counts.maximum is {self.maximum}: minimum must be below maximum"
            )
        if self.resolution not in (0.01, 0.1):
            raise OptionError(f"counts.resolution is {self.resolution}: use 0.01 or 0.1 kelvin per count")

    def misfit(self, frame: np.ndarray) -> str:
        """Why the bounds of `fixed` do not fit a frame (height, width), or an empty text. Samples about 64x64 pixels.

        They do not fit a frame that spans hardly any of their range or lies mostly outside it, nor one whose dtype
        cannot hold the restored frame, which spans all of it.
        """
        if self.mapping != "fixed":
            return ""
        few = frame[:: max(len(frame) // 64, 1), :: max(frame.shape[1] // 64, 1)]
        few = few[np.abs(few) < INFINITE]
        if not few.size:
            return ""
        low, high = np.percentile(few, (self.low_percentile, self.high_percentile))
        span = self.maximum - self.minimum
        outside = np.mean((few < self.minimum) | (few > self.maximum))
        largest = np.iinfo(frame.dtype).max if frame.dtype.kind == "u" else np.inf
        unheld = max(self.maximum - largest, 0.0) / span
        fits = high - low >= LEAST_SPAN * span and outside <= MOST_OUTSIDE and unheld <= MOST_UNHELD
        if fits or low == high:  # a covered lens says nothing about the bounds
            return ""
        return (
            f"counts.minimum..maximum ({self.minimum:.6g} to {self.maximum:.6g}) does not fit the frames "
            f"({frame.dtype}, {low:.6g} to {high:.6g}): set them to what the camera sends, or counts.mapping to auto"
        )


@dataclass(frozen=True)
class Options:
    """The user's settings of a restoration. Changing one never reloads weights.

    tone: `restore` undoes loss of contrast and brightness, `preserve` keeps the level and contrast of the input,
        `auto` preserves for `tlinear` counts and restores otherwise (design section 1.4).
    strength: 0..1, mixes the input (0) and the restored frame (1).
    smoothing: 0..0.99, weight of past frames in the estimates of a video and where nothing moves; 0: no past.
    pattern_memory: `on` learns what stays in place while the scene moves and subtracts it (design section 1.9); only
        for the frames of one camera in order, never for single pictures. `auto`, the default for streams, does so
        once the evidence is strong.
    """

    task: str = "restore"
    tone: str = "auto"
    strength: float = 1.0
    smoothing: float = 0.0
    counts: Counts = field(default_factory=Counts)
    pattern_memory: str = "off"

    @property
    def preserves(self) -> bool:
        """Whether restored frames keep the level and contrast of the input."""
        return self.tone == "preserve" or (self.tone == "auto" and self.counts.mapping == "tlinear")

    def __post_init__(self) -> None:
        _check("tone", self.tone, TONES)
        _check("pattern_memory", self.pattern_memory, PATTERN_MEMORY)
        _check_range("strength", self.strength, 0.0, 1.0)
        _check_range("smoothing", self.smoothing, 0.0, 0.99)


@dataclass(frozen=True)
class Estimate:
    """The estimated degradation of a frame, in its unit range.

    The corrected frame is `gain * frame + offset - shading - columns - rows`, with shading enlarged bilinearly.

    gain, offset: tone, scalars.
    shading: (64, 80) float32, smooth optical shading field.
    columns, rows: (width,), (height,) float32, line offsets.
    log_snr_bands: (64,) float32, log-SNR of each wavelet sub-band after the correction.
    log_snr: of the frame, all bands together; this is published and projected to a timestep.
    """

    gain: float
    offset: float
    shading: np.ndarray
    columns: np.ndarray
    rows: np.ndarray
    log_snr_bands: np.ndarray
    log_snr: float


@dataclass(frozen=True)
class Restored:
    """One restored frame.

    image: same shape, dtype and units as the input. task: the task it was restored for.
    log_snr: smoothed log-SNR of the input. timestep: 0..999, its place on the diffusion trajectory.
    estimate: the smoothed estimate it was restored with, at the sensor's resolution (see `restoration.repeats`).
    milliseconds: duration of each step, by name (`counts`, `estimate`, `restore`, `tone`).
    """

    image: np.ndarray
    task: str
    log_snr: float
    timestep: int
    estimate: Estimate
    milliseconds: dict[str, float]


@dataclass(frozen=True)
class DetectionOptions:
    """The user's settings of a detector. Changing one never reloads weights.

    confidence: 0..1, detections with a lower score are dropped. iou: 0..1, of two boxes of one class that overlap by
    more, the better one is kept. classes: names of the wanted classes; empty: all.
    """

    confidence: float = 0.25
    iou: float = 0.6
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_range("detector.confidence", self.confidence, 0.0, 1.0)
        _check_range("detector.iou", self.iou, 0.0, 1.0)


@dataclass(frozen=True)
class Detection:
    """One detected object.

    box: left, top, right, bottom in pixels of the frame; (0, 0) is the outer corner of the first pixel. score: 0..1.
    track: number of the object over time, from 1; None if it is not (yet) known.
    """

    box: tuple[float, float, float, float]
    score: float
    label: str
    track: int | None = None
