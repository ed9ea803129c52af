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

"""Measures a sensor from its frames: temporal noise, fixed pattern, lines, dead pixels, drift, shutter.

Frames are in grey levels 0..255 (`simulation.camera.GreyScale`), all of one size. A still scene shows noise, drift and
shutter events; some of its texture remains in the fixed pattern and lines, which are then upper bounds. A slowly
turning camera shows the fixed pattern best, since the scene is averaged away.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from infrared_ir_ros.evaluation.no_reference import Moments, still_pixels

LAGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)  # frames
LINE_SIGMA = 7.0  # lines: the neighbourhood with which a line is compared
FLAT_SHARE = 0.5  # of the pixels, where the scene is smoothest
SHUTTER = 5.0  # times the usual change from frame to frame
DEAD_LIMIT, DEAD_LEAST = 8.0, 24.0  # robust deviations, and grey levels, from the neighbours


@dataclass(frozen=True)
class Profile:
    """Figures of one sensor, in grey levels and pixels.

    noise: standard deviation of a pixel over time; noise_correlation: from frame to frame. pixel_offset, columns,
    rows: standard deviations of the fixed pattern. dead: share of dead pixels; dead_level: their level. drift: standard
    deviation of the change of level from frame to frame. shutter: numbers of the frames after a closed shutter.
    static: share of the pixels on which noise was measured.
    structure: mean square difference over time / 2, by lag. pattern: (H, W), the fixed pattern without what is smooth.
    """

    frames: int
    noise: float
    noise_correlation: float
    pixel_offset: float
    columns: float
    rows: float
    dead: float
    dead_level: float
    drift: float
    shutter: tuple[int, ...]
    static: float
    structure: dict[int, float] = field(repr=False)
    pattern: np.ndarray = field(repr=False)


def measure(frames: np.ndarray) -> Profile:
    """Profile of (N, H, W) float32 levels; N at least 8. Raises ValueError for fewer."""
    if len(frames) < 8:
        raise ValueError(f"{len(frames)} frames are too few to tell noise from pattern: use 8 or more")
    shutter = shutter_events(frames)
    frames = frames[_longest(len(frames), shutter)]
    levels = _levels(frames)
    steady = frames - (levels - levels.mean()).astype(np.float32)[:, None, None]
    mean, still = steady.mean(0), _still(steady)
    structure = structure_function(steady, still if still.any() else np.ones(mean.shape, bool))
    noise, correlation = fit_noise(structure)
    left = noise**2 * _share_left(len(frames), correlation)  # of the noise, in the mean of the frames
    dead, dead_level, repaired = dead_pixels(frames, noise)
    columns, rows = line_sigma(repaired), line_sigma(repaired.T)
    _, without = line_offsets(repaired)
    without = np.ascontiguousarray(line_offsets(without.T)[1].T)
    pixels = pixel_sigma(without, left)
    return Profile(
        frames=len(frames),
        noise=noise,
        noise_correlation=correlation,
        pixel_offset=pixels,
        columns=_less(columns, np.sqrt(np.pi / 2 * (pixels**2 + left) / mean.shape[0])),
        rows=_less(rows, np.sqrt(np.pi / 2 * (pixels**2 + left) / mean.shape[1])),
        dead=float(dead.mean()),
        dead_level=dead_level,
        drift=_less(float(np.std(np.diff(levels))), noise * np.sqrt(8 * (1 - correlation) / mean.size)),
        shutter=shutter,
        static=float(still.mean()),
        structure=structure,
        pattern=mean - _smooth(repaired),
    )


def _less(sigma: float, part: float) -> float:
    """A standard deviation after subtracting that of an independent part."""
    return float(np.sqrt(max(sigma**2 - part**2, 0)))


def _smooth(frame: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(frame, (0, 0), LINE_SIGMA, borderType=cv2.BORDER_REFLECT)


def shutter_events(frames: np.ndarray) -> tuple[int, ...]:
    """Frames before which the image jumped: the median pixel changed SHUTTER times as much as usual, which no moving
    object causes; repeated frames before the jump belong to it."""
    sample = frames[:, ::2, ::2]
    change = np.array([float(np.median(np.abs(b - a))) for a, b in zip(sample[:-1], sample[1:], strict=True)])
    moving = change[change > 0]
    if not moving.size:
        return ()
    return tuple(int(at) + 1 for at in np.flatnonzero(change > SHUTTER * np.median(moving) + 0.5))


def _longest(count: int, events: tuple[int, ...]) -> slice:
    """The longest stretch between shutter events."""
    ends = (0, *events, count)
    start, end = max(zip(ends[:-1], ends[1:], strict=True), key=lambda pair: pair[1] - pair[0])
    return slice(start, end)


def _levels(frames: np.ndarray) -> np.ndarray:
    """Level of each frame relative to the first: the sum of the median changes, (N,)."""
    sample = frames[:, ::2, ::2]
    steps = [float(np.mean(_trimmed(b - a))) for a, b in zip(sample[:-1], sample[1:], strict=True)]
    return np.concatenate([[0.0], np.cumsum(steps)])


def _trimmed(change: np.ndarray) -> np.ndarray:
    """The changes without those of moving objects."""
    middle = np.median(change)
    spread = 1.4826 * np.median(np.abs(change - middle)) + 1e-3
    return change[np.abs(change - middle) <= 3 * spread]


def _still(frames: np.ndarray) -> np.ndarray:
    """Pixels that change only by noise: (H, W) bool, none if the camera moves."""
    return still_pixels(Moments.of(frames[:: max(len(frames) // 32, 1)]))


def structure_function(frames: np.ndarray, still: np.ndarray) -> dict[int, float]:
    """Half the mean square change of a pixel, by lag in frames, from the Haar diagonals of the changes: they contain no
    slow change of the scene, and the robust spread ignores moving edges."""
    diagonals = np.stack([_diagonal(frame) for frame in frames])
    blocks = still[: 2 * diagonals.shape[1] : 2, : 2 * diagonals.shape[2] : 2][: diagonals.shape[1]]
    pixels = diagonals[:, blocks]
    lags = [lag for lag in LAGS if lag <= len(frames) // 2]
    return {lag: _robust_sigma(pixels[lag:] - pixels[:-lag]) ** 2 / 2 for lag in lags}


def _robust_sigma(values: np.ndarray) -> float:
    """Standard deviation of the values within three robust ones; not the robust one itself, which jumps if noise is
    only a few counts."""
    limit = 3 * float(np.median(np.abs(values))) / 0.6745
    return float(np.sqrt(np.mean(values[np.abs(values) <= limit] ** 2))) / 0.9866 if limit > 0 else float(values.std())


def _diagonal(frame: np.ndarray) -> np.ndarray:
    """Orthonormal Haar diagonal of blocks of 2x2 pixels: white noise keeps its standard deviation."""
    height, width = (side // 2 * 2 for side in frame.shape)
    a, b, c, d = (frame[i:height:2, j:width:2] for i, j in np.ndindex(2, 2))
    return (a - b - c + d) / 2


def fit_noise(structure: dict[int, float]) -> tuple[float, float]:
    """Standard deviation and correlation of an AR(1) process, whose structure function is s^2 (1 - r^lag)."""
    lags, values = np.array(list(structure)), np.array(list(structure.values()))
    if not values.any():
        return 0.0, 0.0
    best = (np.inf, 0.0, 0.0)
    for correlation in np.linspace(0, 0.99, 100):
        shape = 1 - correlation**lags
        power = float(shape @ values / (shape @ shape))
        error = float(np.sum((values - power * shape) ** 2))
        best = min(best, (error, float(np.sqrt(max(power, 0))), float(correlation)))
    return best[1], best[2]


def _share_left(count: int, correlation: float) -> float:
    """Variance of the mean of `count` values of an AR(1) process, relative to that of one value."""
    lags = np.arange(1, count)
    return float((1 + 2 * np.sum((1 - lags / count) * correlation**lags)) / count)


def dead_pixels(frames: np.ndarray, noise: float) -> tuple[np.ndarray, float, np.ndarray]:
    """Pixels far from the median of their neighbours that do not change as the others do: mask, their median level (0
    without any), and the mean frame without them. Without noise, stuck pixels and small hot objects look alike."""
    mean = np.ascontiguousarray(frames.mean(0), np.float32)
    around = cv2.medianBlur(mean, 5)
    off = np.abs(mean - around)
    dead = off > max(DEAD_LIMIT * 1.4826 * float(np.median(off)), DEAD_LEAST)
    dead &= frames.std(0) < 0.3 * noise if noise > 0.05 else True
    level = float(np.median(mean[dead])) if dead.any() else 0.0
    return dead, level, np.where(dead, around, mean).astype(np.float32)


def line_offsets(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offset of each column relative to its neighbourhood, (1, W), and the frame without them."""
    frame = np.ascontiguousarray(frame)
    window = (2 * int(3 * LINE_SIGMA) + 1, 1)
    smooth = cv2.GaussianBlur(frame, window, LINE_SIGMA, borderType=cv2.BORDER_REFLECT)
    offsets = np.median(frame - smooth, axis=0, keepdims=True)
    return offsets, frame - offsets


def line_sigma(frame: np.ndarray) -> float:
    """Standard deviation of white column offsets, from the median steps between neighbouring columns: the scene's
    median step is small, and the robust spread ignores its vertical edges."""
    steps = np.median(frame[:, 1:] - frame[:, :-1], axis=0)
    return float(1.4826 * np.median(np.abs(steps - np.median(steps))) / np.sqrt(2))


def pixel_sigma(frame: np.ndarray, left: float) -> float:
    """Standard deviation of a white pattern, from the Haar diagonal where the scene is smoothest; left: variance of the
    noise in it."""
    diagonal, smooth = np.abs(_diagonal(frame)), cv2.GaussianBlur(frame, (0, 0), 2.0)
    height, width = diagonal.shape
    slopes = np.hypot(*np.gradient(smooth))[::2, ::2][:height, :width]
    flat = diagonal[slopes <= np.quantile(slopes, FLAT_SHARE)]
    return float(np.sqrt(max((np.median(flat) / 0.6745) ** 2 - left, 0)))
