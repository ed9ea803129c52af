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

"""How clean a sequence looks, without reference.

Each figure is the strength of a fault divided by the strength of the scene's edges in the same band, from which noise
is subtracted: a gain does not change it. A blur weakens narrow faults more than edges, so a figure is compared with
that of the input *blurred until it has as little detail* (`BlurCurve`): a method that only blurs gets the figure of the
input. The scene's edges are found once, on the input, for all methods. Frames are (height, width) of any real dtype and
unit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import nan

import cv2
import numpy as np

from infrared_ir_ros.restoration.pattern.memory import coarse_shape
from infrared_ir_ros.restoration.pattern.overlay import overlaid
from infrared_ir_ros.restoration.pattern.pairs import LEAST_SIDE

WIDTHS = (1, 2, 4)  # pixels: the bands of the stripe index
BOXES = (1, 3, 7, 15)  # pixels: their differences are the bands of the temporal noise
EDGE_SHARE = 0.1  # of all pixels
LEAST_POWER = 0.05  # share of the power on the edges that is the scene's, however noisy the frame
BLOCK = 16  # pixels: the mean of a block is free of noise and unchanged by a blur
WINDOW = 32  # frames over which a pixel must be static
LEAST_STATIC = 0.05  # of all pixels; with fewer, nothing is measured
LOOKED = 4  # frames of a window
BLURS = (0.0, 0.5, 0.8, 1.2, 2.0, 4.0)  # pixels, of the input's blurred copies
MOVING = 4.0  # times the power over time on edges as elsewhere: the camera moves
LEAST_SHIFT = 0.1  # pixels, or it does not: compression changes edges alone
OF_NOISE = 1.5  # times the noise of pixels in a cell; less is noise that seems to move as one: 1.0 to 1.3
OTHER = 0.1  # of the mean frame's power, over time: each frame shows another scene
PLACES, LAGS = 8, (1, 2, 3, 4)  # frames laid over each other, and their distances
TOGETHER = 0.2  # share of the moving cells that move as one: the camera moves; at most 0.10 in still scenes


@dataclass(frozen=True)
class Look:
    """Figures of one frame. stripes: of columns and rows together; 0 means none. detail: edges of 1 to 4 pixels
    relative to the coarse contrast; not a figure of merit, since sharpening raises it too."""

    stripes: float
    detail: float


@dataclass(frozen=True)
class Stillness:
    """Figures of the static pixels of a sequence. noise: over time, relative to the scene. flicker: of blocks from
    frame to frame, relative to the scene's contrast. static: share of the pixels, 0..1. The first two are NaN if it is
    too small or the camera moves."""

    noise: float
    flicker: float
    static: float


def edge_mask(frame: np.ndarray) -> np.ndarray:
    """The strongest edges of the scene, at a scale free of noise and narrow stripes: (H, W) bool."""
    smooth = cv2.GaussianBlur(_float(frame), (0, 0), 2.0, borderType=cv2.BORDER_REFLECT)
    slopes = np.hypot(*np.gradient(smooth))
    return slopes >= np.quantile(slopes[::2, ::2], 1 - EDGE_SHARE)


def look(frame: np.ndarray, edges: np.ndarray) -> Look:
    """Stripes and detail of one frame. edges: `edge_mask` of the input."""
    frame = _float(frame)
    columns, powers = _stripes(frame, edges)
    rows, more = _stripes(np.ascontiguousarray(frame.T), np.ascontiguousarray(edges.T))
    contrast = float(_blocks(frame).std())
    detail = float(np.sqrt(np.mean(powers + more))) / contrast if contrast > 0 else nan
    return Look(float(np.hypot(columns, rows)), detail)


@dataclass(frozen=True)
class BlurCurve:
    """The input's figures under blur alone, of copies that are blurred more and more, relative to those of the input
    itself, so the first is 1. detail: not increasing."""

    detail: np.ndarray
    stripes: np.ndarray
    noise: np.ndarray

    @classmethod
    def of(cls, frames: list[np.ndarray], static: np.ndarray) -> BlurCurve:
        """The curve of successive frames of the input; noise from all of them, the rest from LOOKED, evenly spread."""
        looked = range(0, len(frames), -(-len(frames) // LOOKED))
        edges = {index: edge_mask(frames[index]) for index in looked}
        details, stripes, noises = [], [], []
        for sigma in BLURS:
            copies = [cv2.GaussianBlur(_float(frame), (0, 0), sigma) if sigma else frame for frame in frames]
            looks = [look(copies[index], mask) for index, mask in edges.items()]
            details.append(np.mean([one.detail for one in looks]))
            stripes.append(np.mean([one.stripes for one in looks]))
            noises.append(stillness(Moments.of(copies), static).noise)
        detail = np.minimum.accumulate(details)
        return cls(_to_first(detail), _to_first(np.array(stripes)), _to_first(np.array(noises)))

    def without_blur(self, figure: float, detail: float, of_input: float, kind: str) -> float:
        """A method's figure (`stripes` or `noise`), without the part of its fall that its loss of detail explains.

        detail, of_input: of the method and of the input in the same frames."""
        share = detail / of_input if of_input > 0 else 1.0
        gained = np.interp(share, self.detail[::-1], getattr(self, kind)[::-1])
        return figure / max(float(gained), 1e-3)


def _to_first(values: np.ndarray) -> np.ndarray:
    """Each relative to the first; 1 if that is not possible."""
    return values / values[0] if np.isfinite(values).all() and values[0] > 0 else np.ones(len(values))


def _stripes(frame: np.ndarray, edges: np.ndarray) -> tuple[float, list[float]]:
    """Root mean ratio of the power that whole columns share to that of edges, over the bands; and the edges' powers."""
    ratios, powers = [], []
    for width in WIDTHS:
        means = cv2.blur(frame, (width, width), borderType=cv2.BORDER_REFLECT) if width > 1 else frame
        steps, mask = means[:, width:] - means[:, :-width], edges[:, width:]
        shared = np.median(steps, axis=0, keepdims=True)
        power = scene_power(steps - shared, mask)
        ratios.append(float(np.mean(shared**2)) / power if power > 0 else nan)
        powers.append(power)
    return float(np.sqrt(np.mean(ratios))), powers


def scene_power(band: np.ndarray, edges: np.ndarray) -> float:
    """Mean square on the edges, minus that of noise, which is the robust one elsewhere."""
    power = float(np.mean(band[edges] ** 2)) if edges.any() else 0.0
    elsewhere = band[~edges][::3]
    noise = 1.4826 * float(np.median(np.abs(elsewhere))) if elsewhere.size else 0.0
    return max(power - noise**2, LEAST_POWER * power)


@dataclass
class Moments:
    """Running sums over a sequence, of each pixel in each band and of each block from frame to frame.

    Bands are relative to those of the first frame, `origins`: squares of 16-bit counts would round in float32.
    """

    count: int = 0
    origins: list[np.ndarray] = field(default_factory=list)
    sums: list[np.ndarray] = field(default_factory=list)
    squares: list[np.ndarray] = field(default_factory=list)
    blocks: np.ndarray | None = None
    last: np.ndarray | None = None
    steps: np.ndarray | None = None
    coarse: list[np.ndarray] = field(default_factory=list)  # frames of at most 64 x 80 cells

    @classmethod
    def of(cls, frames: Iterable[np.ndarray]) -> Moments:
        """The moments of a sequence of frames."""
        moments = cls()
        for frame in frames:
            moments.add(frame)
        return moments

    def add(self, frame: np.ndarray) -> None:
        """Take in the next frame, (height, width), all of one size."""
        rows, columns = coarse_shape(frame.shape)
        self.coarse.append(cv2.resize(_float(frame), (columns, rows), interpolation=cv2.INTER_AREA))
        bands, blocks = _bands(_float(frame)), _blocks(_float(frame))
        if self.blocks is None or self.last is None or self.steps is None:
            self.origins = bands
            self.sums, self.squares = ([np.zeros_like(band) for band in bands] for _ in range(2))
            self.blocks, self.steps = blocks, np.zeros_like(blocks)
        else:
            for total, square, band, origin in zip(self.sums, self.squares, bands, self.origins, strict=True):
                total += band - origin
                square += (band - origin) ** 2
            self.blocks = self.blocks + blocks
            self.steps = self.steps + (blocks - self.last) ** 2
        self.last = blocks
        self.count += 1

    def means(self) -> list[np.ndarray]:
        """Mean of each pixel over time, by band; they add up to the mean frame."""
        return [origin + total / self.count for origin, total in zip(self.origins, self.sums, strict=True)]

    def variances(self) -> list[np.ndarray]:
        """Variance of each pixel over time, by band; the last one is that of the smoothed frame."""
        return [
            np.maximum(square - total**2 / self.count, 0) / (self.count - 1)
            for total, square in zip(self.sums, self.squares, strict=True)
        ]


def still_pixels(moments: Moments) -> np.ndarray:
    """Pixels of the *input* that changed only by noise: (H, W) bool, all False of a single frame, if the camera moves
    or if each frame shows another scene."""
    change = moments.variances()[-1]
    if moments.count < 2:
        return np.zeros(change.shape, bool)
    mean = moments.means()[-1]
    slopes = np.hypot(*np.gradient(mean))
    flat, steep = slopes <= np.quantile(slopes, 0.5), slopes >= np.quantile(slopes, 1 - EDGE_SHARE)
    floor, swing = float(np.median(change[flat])), float(np.median(change[steep]))
    shaken = swing > MOVING * floor and swing - floor > (LEAST_SHIFT * float(np.median(slopes[steep]))) ** 2
    if shaken or _shows_another(moments):
        return np.zeros(change.shape, bool)
    return change <= MOVING * floor


def _shows_another(moments: Moments) -> bool:
    """Whether frames show different parts of a scene, or different scenes: cells change, apart from the level, by more
    than pixel noise would, and either as one or nearly as much as they differ within a frame."""
    steady = np.stack([frame - frame.mean() for frame in moments.coarse])
    change, noise = float(np.median(steady.var(0))), float(np.median(moments.variances()[0]))
    if change <= OF_NOISE * noise * steady[0].size / moments.variances()[0].size:
        return False
    is_other = change > OTHER * float(steady.mean(0).var()) and change > noise
    return is_other or moving_as_one(moments.coarse) > TOGETHER


def moving_as_one(frames: list[np.ndarray]) -> float:
    """The share, 0..1, of the moving cells of coarse frames that move as one, by camera motion (a mean frame has no
    edges left to show it). 0 if the frames are too small for optical flow."""
    if min(frames[0].shape) < LEAST_SIDE:
        return 0.0
    places = frames[:: max(len(frames) // PLACES, 1)]
    unknown = np.zeros_like(frames[0])  # the fixed pattern
    pairs = [(at, at + lag) for lag in LAGS for at in range(len(places) - lag)]
    return float(np.mean([overlaid(places[a], places[b], unknown).together for a, b in pairs])) if pairs else 0.0


def stillness(moments: Moments, static: np.ndarray) -> Stillness:
    """Figures of the frames in `moments`, on the static pixels of the input."""
    share = float(static.mean())
    if moments.count < 2 or share < LEAST_STATIC:
        return Stillness(nan, nan, share)
    return Stillness(_temporal_noise(moments, static), _flicker(moments, static), share)


def _temporal_noise(moments: Moments, static: np.ndarray) -> float:
    means = moments.means()
    edges = edge_mask(np.sum(means, axis=0))
    ratios = []
    for variance, mean in zip(moments.variances()[:-1], means[:-1], strict=True):
        noise = float(np.mean(variance[static]))
        power = scene_power(mean, edges)
        ratios.append(noise / power if power > 0 else nan)
    return float(np.sqrt(np.mean(ratios)))


def _flicker(moments: Moments, static: np.ndarray) -> float:
    assert moments.blocks is not None and moments.steps is not None
    whole = _blocks(static.astype(np.float32)) > 0.8
    contrast = float((moments.blocks / moments.count).std())
    if not whole.any() or contrast == 0:
        return nan
    return float(np.sqrt(np.mean(moments.steps[whole]) / (moments.count - 1))) / contrast


def _bands(frame: np.ndarray) -> list[np.ndarray]:
    """Differences of box means of growing size, and the coarsest mean; their sum is the frame."""
    means = [cv2.blur(frame, (box, box), borderType=cv2.BORDER_REFLECT) if box > 1 else frame for box in BOXES]
    return [fine - coarse for fine, coarse in zip(means[:-1], means[1:], strict=True)] + [means[-1].copy()]


def _blocks(frame: np.ndarray) -> np.ndarray:
    height, width = (max(side // BLOCK, 1) for side in frame.shape)
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)


def _float(frame: np.ndarray) -> np.ndarray:
    return np.asarray(frame, np.float32)
