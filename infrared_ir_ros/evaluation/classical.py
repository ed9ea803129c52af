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

"""The classical opponent: the strongest chain of textbook steps that we know (design section 7).

Dead pixels, stripes, shading, noise, unsharp mask, percentile stretch. Its numbers were tuned on HIT-UAV *train*
frames under the `hm_tir` and `sensor` presets; no test frame shaped any of them. Frames are (height, width) float32
in grey levels 0..255 from end to end.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import pywt

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.simulation import stretch

DENOISERS = ("wavelet", "nlm", "bm3d")
SHADINGS = ("none", "dome", "gaussian", "gradient")

THUMBNAIL = (64, 80)
LINE_SIGMA = 7.0  # lines: the neighbourhood that a line is compared with spans about 31
SECOND_AXIS = 0.25  # the smoother axis is destriped too when its roughness is above this share of the rougher one's
DOME_SHARE = 0.5
GRADIENT_DOME_SHARE = 0.8
GAUSSIAN_SHARE = 0.75
GAUSSIAN_SIGMA = 150 / 640  # of the frame's width
UNSHARP_SIGMA, UNSHARP_AMOUNT = 2.0, 0.5


def restore(frame: np.ndarray, denoiser: str, shading: str) -> np.ndarray:
    """Restore one frame by the whole chain.

    frame: (height, width), 0..255. denoiser: one of DENOISERS (`bm3d` needs the package of that name); shading: one
    of SHADINGS. Returns float32 of the same shape on the levels of a stretched clean frame. Raises OptionError for an
    unknown step and for a flat frame.
    """
    return finish(prepare(frame), denoiser, shading)


def prepare(frame: np.ndarray) -> np.ndarray:
    """What all variants begin with: dead pixels replaced, lines destriped, (height, width) float32."""
    return destripe(replace_dead_pixels(np.asarray(frame, np.float32)))


def finish(prepared: np.ndarray, denoiser: str, shading: str) -> np.ndarray:
    """The rest of the chain, see `restore`."""
    steps = {"wavelet": denoise_wavelet, "nlm": denoise_nlm, "bm3d": denoise_bm3d}
    fields = {"none": no_shading, "dome": dome_shading, "gaussian": gaussian_shading, "gradient": gradient_dome_shading}
    if denoiser not in steps:
        raise OptionError(f"denoiser is {denoiser!r}: use one of {', '.join(DENOISERS)}")
    if shading not in fields:
        raise OptionError(f"shading is {shading!r}: use one of {', '.join(SHADINGS)}")
    frame = prepared - fields[shading](prepared)
    return stretch(unsharp(steps[denoiser](frame, noise_sigma(frame))))


def replace_dead_pixels(frame: np.ndarray, threshold: float = 6.0) -> np.ndarray:
    """Replace pixels that stand out of their 3x3 median by `threshold` robust deviations of all pixels."""
    middle = cv2.medianBlur(frame, 3)
    difference = np.abs(frame - middle)
    limit = threshold * max(1.4826 * float(np.median(difference)), 2.0)
    return np.where(difference > limit, middle, frame)


def destripe(frame: np.ndarray, passes: int = 2) -> np.ndarray:
    """Take offsets off the lines: first of the axis whose mean profile is rougher, then of the other if it needs it."""
    columns, rows = roughness(frame), roughness(frame.T)
    if rows > columns:
        return np.ascontiguousarray(destripe(np.ascontiguousarray(frame.T), passes).T)
    frame = _destripe_columns(frame, passes)
    if rows > SECOND_AXIS * columns:
        frame = np.ascontiguousarray(_destripe_columns(np.ascontiguousarray(frame.T), passes).T)
    return frame


def roughness(frame: np.ndarray) -> float:
    """Root mean square step between neighbouring column means."""
    return float(np.sqrt(np.mean(np.diff(frame.mean(0)) ** 2)))


def _destripe_columns(frame: np.ndarray, passes: int) -> np.ndarray:
    for _ in range(passes):
        frame = frame - column_offsets(frame)
    return frame


def column_offsets(frame: np.ndarray, sigma: float = LINE_SIGMA) -> np.ndarray:
    """Robust mean of each column's difference from its Gaussian neighbourhood: (1, width).

    Limited to 2.5 robust deviations of all columns: what stands out further is an upright edge of the scene.
    """
    neighbours = cv2.GaussianBlur(frame, (2 * int(3 * sigma) + 1, 1), sigma, borderType=cv2.BORDER_REFLECT)
    offsets = robust_mean(frame - neighbours)
    limit = 2.5 * 1.4826 * np.median(np.abs(offsets - np.median(offsets)))
    return np.clip(offsets, -limit, limit)


def robust_mean(values: np.ndarray, iterations: int = 3) -> np.ndarray:
    """Mean of each column with Cauchy weights around its median: (1, width)."""
    centre = np.median(values, axis=0, keepdims=True)
    for _ in range(iterations):
        residual = values - centre
        scale = 1.4826 * np.median(np.abs(residual), axis=0, keepdims=True) + 1e-3
        weights = 1 / (1 + (residual / (2 * scale)) ** 2)
        centre = (weights * values).sum(0, keepdims=True) / weights.sum(0, keepdims=True)
    return centre


def no_shading(frame: np.ndarray) -> np.ndarray:
    """A field of zeros, (1, 1)."""
    return np.zeros((1, 1), np.float32)


def gaussian_shading(frame: np.ndarray) -> np.ndarray:
    """A share of the frame's own very smooth part, mean zero, (height, width)."""
    small = _thumbnail(frame)
    smooth = cv2.GaussianBlur(small, (0, 0), GAUSSIAN_SIGMA * small.shape[1], borderType=cv2.BORDER_REFLECT)
    return _spread(GAUSSIAN_SHARE * (smooth - smooth.mean()), frame.shape)


def dome_shading(frame: np.ndarray) -> np.ndarray:
    """A share of the cos^4 dome or bowl that explains the grey levels best (robust line fit), (height, width)."""
    values, domes = _thumbnail(frame).ravel(), _domes()
    slopes, errors = _robust_lines(domes, values)
    best = int(np.argmin(errors))
    return _spread(DOME_SHARE * slopes[best] * domes[best].reshape(THUMBNAIL), frame.shape)


def gradient_dome_shading(frame: np.ndarray) -> np.ndarray:
    """A share of the cos^4 dome or bowl that explains the *gradients* best, (height, width).

    Edges of the scene are few and large, gradients of a dome small and everywhere: a robust fit tells them apart,
    which levels don't allow. Beyond design section 7, and the strongest shading step that we know.
    """
    small = cv2.GaussianBlur(_thumbnail(frame), (0, 0), 1.0)
    slopes, errors = _robust_slopes(_dome_gradients(), _gradients(small))
    best = int(np.argmin(errors))
    return _spread(GRADIENT_DOME_SHARE * slopes[best] * _domes()[best].reshape(THUMBNAIL), frame.shape)


def _robust_lines(domes: np.ndarray, values: np.ndarray, iterations: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Fit values = slope * dome + offset for each row of domes: slopes and robust errors of the fits."""
    weights = np.ones_like(domes)
    for _ in range(iterations):
        total = weights.sum(1, keepdims=True)
        dome_mean, value_mean = (weights * domes).sum(1, keepdims=True) / total, weights @ values[:, None] / total
        centred = domes - dome_mean
        power = (weights * centred**2).sum(1, keepdims=True)
        slopes = (weights * centred * (values - value_mean)).sum(1, keepdims=True) / power
        residuals = np.abs(values - value_mean - slopes * centred)
        scale = 1.4826 * np.median(residuals, axis=1, keepdims=True) + 1e-3
        weights = 1 / (1 + (residuals / (2 * scale)) ** 2)
    return slopes[:, 0], np.log1p((residuals / scale.min()) ** 2).mean(1)


def _robust_slopes(domes: np.ndarray, values: np.ndarray, iterations: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Fit values = slope * dome for each row of domes with Cauchy weights: slopes and robust errors of the fits."""
    scale = 0.5 * (1.4826 * np.median(np.abs(values)) + 1e-3)
    weights = np.ones_like(domes)
    for _ in range(iterations):
        weighted = weights * domes
        slopes = (weighted @ values)[:, None] / (weighted * domes).sum(1, keepdims=True)
        misfit = ((values - slopes * domes) / scale) ** 2
        weights = 1 / (1 + misfit)
    return slopes[:, 0], np.log1p(misfit).mean(1)


@lru_cache(maxsize=1)
def _domes(candidates: int = 9) -> np.ndarray:
    """Domes of unit height and zero mean, one a row, their centres on a grid over the thumbnail."""
    height, width = THUMBNAIL
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    domes = []
    for row in np.linspace(0, height, candidates):
        for column in np.linspace(0, width, candidates):
            radius = np.hypot(rows + 0.5 - row, columns + 0.5 - column)
            dome = np.cos(np.pi / 2 * radius / radius.max()) ** 4
            domes.append((dome - dome.mean()).ravel())
    return np.array(domes, np.float32)


@lru_cache(maxsize=1)
def _dome_gradients() -> np.ndarray:
    return np.array([_gradients(dome.reshape(THUMBNAIL)) for dome in _domes()], np.float32)


def _gradients(image: np.ndarray) -> np.ndarray:
    return np.concatenate([np.diff(image, axis=0).ravel(), np.diff(image, axis=1).ravel()])


def _thumbnail(frame: np.ndarray) -> np.ndarray:
    return cv2.resize(frame, THUMBNAIL[::-1], interpolation=cv2.INTER_AREA)


def _spread(field: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return cv2.resize(field.astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)


def noise_sigma(frame: np.ndarray) -> float:
    """Standard deviation of white noise from the median absolute diagonal Haar coefficient."""
    a, b, c, d = (frame[i : frame.shape[0] - 1 + i : 2, j : frame.shape[1] - 1 + j : 2] for i, j in np.ndindex(2, 2))
    return float(np.median(np.abs(a - b - c + d)) / 2 / 0.6745)


def denoise_wavelet(frame: np.ndarray, sigma: float, wavelet: str = "sym4", window: int = 5) -> np.ndarray:
    """Local Wiener shrinkage of wavelet coefficients, averaged over four shifts of the frame."""
    if sigma <= 0:
        return frame
    shifts = ((0, 0), (1, 1), (2, 3), (3, 2))
    level = min(4, pywt.dwt_max_level(min(frame.shape), wavelet))
    total = np.zeros_like(frame)
    for shift in shifts:
        coarse, *details = pywt.wavedec2(np.roll(frame, shift, (0, 1)), wavelet, mode="symmetric", level=level)
        shrunk = [tuple(_shrink(band, sigma, window) for band in bands) for bands in details]
        back = pywt.waverec2([coarse, *shrunk], wavelet, mode="symmetric")[: frame.shape[0], : frame.shape[1]]
        total += np.roll(back, (-shift[0], -shift[1]), (0, 1))
    return total / len(shifts)


def _shrink(band: np.ndarray, sigma: float, window: int) -> np.ndarray:
    """Empirical Wiener filter: the local power of a first estimate sets the gain of the second."""
    noise = np.float32(sigma * sigma)
    power = cv2.boxFilter(band * band, -1, (window, window), borderType=cv2.BORDER_REFLECT)
    first = band * np.maximum(power - noise, 0) / np.maximum(power, 1e-6)
    power = cv2.boxFilter(first * first, -1, (3, 3), borderType=cv2.BORDER_REFLECT)
    return band * power / (power + noise)


def denoise_nlm(frame: np.ndarray, sigma: float, strength: float = 1.0) -> np.ndarray:
    """Non-local means, 5x5 patches in a 21x21 window, on the frame scaled to the whole 8-bit range."""
    low, high = float(frame.min()), float(frame.max())
    if sigma <= 0 or high <= low:
        return frame
    gain = 255 / (high - low)
    scaled = np.rint((frame - low) * gain).astype(np.uint8)
    return cv2.fastNlMeansDenoising(scaled, None, strength * sigma * gain, 5, 21).astype(np.float32) / gain + low


def denoise_bm3d(frame: np.ndarray, sigma: float) -> np.ndarray:
    """BM3D as its authors' package computes it; 10 to 20 s for 640x512. Raises ImportError where it isn't installed."""
    from bm3d import bm3d  # heavy, optional, and not free software: only on request

    return bm3d(frame, sigma).astype(np.float32) if sigma > 0 else frame


def unsharp(frame: np.ndarray) -> np.ndarray:
    """Unsharp mask of UNSHARP_SIGMA pixels and UNSHARP_AMOUNT."""
    return frame + UNSHARP_AMOUNT * (frame - cv2.GaussianBlur(frame, (0, 0), UNSHARP_SIGMA))
