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

"""Figures of merit of a restored frame against its clean one: pure functions of two arrays.

Frames are (height, width) in grey levels 0..255 of any real dtype. Each figure exists twice: as the frames come, and
after the gain and offset that fit the restored frame to the clean one best (structure without tone).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nan

import cv2
import numpy as np

PEAK = 255.0
LUMA_GAIN, LUMA_OFFSET = 219 / 255, 16.0  # ITU-R BT.601: luma of a grey pixel


Distance = Callable[[np.ndarray, np.ndarray], float]  # of two frames 0..255


@dataclass(frozen=True)
class Score:
    """Figures of one frame: PSNR in dB, SSIM -1..1, ST-LPIPS 0 (equal) upwards, NaN where it was not computed.

    `fitted` is after the best gain and offset.
    """

    psnr: float
    psnr_fitted: float
    ssim: float
    ssim_fitted: float
    psnr_luma: float
    st_lpips: float = nan
    st_lpips_fitted: float = nan


def score(restored: np.ndarray, clean: np.ndarray, st_lpips: Distance | None = None) -> Score:
    """All figures of one frame, ST-LPIPS by the function given. Raises ValueError when the shapes differ."""
    fitted = fit_tone(restored, clean)
    return Score(
        psnr(restored, clean),
        psnr(fitted, clean),
        ssim(restored, clean),
        ssim(fitted, clean),
        psnr_luma(restored, clean),
        nan if st_lpips is None else st_lpips(np.asarray(restored, np.float64), clean),
        nan if st_lpips is None else st_lpips(np.clip(fitted, 0, PEAK), clean),
    )


def _pair(restored: np.ndarray, clean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if restored.shape != clean.shape or clean.ndim != 2:
        raise ValueError(f"frames are {restored.shape} and {clean.shape}: both must be (height, width) of one size")
    return np.asarray(restored, np.float64), np.asarray(clean, np.float64)


def psnr(restored: np.ndarray, clean: np.ndarray) -> float:
    """Peak signal to noise ratio in dB on one channel, peak 255; inf for equal frames."""
    first, second = _pair(restored, clean)
    error = float(np.mean((first - second) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(PEAK**2 / error))


def psnr_luma(restored: np.ndarray, clean: np.ndarray) -> float:
    """PSNR of the luma of YCbCr, as the paper prints it: 20 log10(255/219) = 1.32 dB above the grey one."""
    first, second = _pair(restored, clean)
    return psnr(LUMA_OFFSET + LUMA_GAIN * first, LUMA_OFFSET + LUMA_GAIN * second)


def fit_tone(restored: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """gain * restored + offset with the least squared error to the clean frame, not clipped, float64.

    The gain is never negative: an inverted picture gets no credit for its structure.
    """
    first, second = _pair(restored, clean)
    centred = first - first.mean()
    power = float(np.mean(centred**2))
    gain = max(float(np.mean(centred * second)) / power, 0.0) if np.ptp(first) > 0 else 0.0
    return gain * centred + second.mean()


def ssim(restored: np.ndarray, clean: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004): Gaussian window, sigma 1.5, 11x11, peak 255; borders left out.

    Raises ValueError for frames below 11x11.
    """
    first, second = _pair(restored, clean)
    if min(first.shape) < 11:
        raise ValueError(f"frames are {first.shape}: structural similarity needs at least 11x11")
    mean1, mean2 = _window(first), _window(second)
    variance1, variance2 = _window(first**2) - mean1**2, _window(second**2) - mean2**2
    covariance = _window(first * second) - mean1 * mean2
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    luminance = (2 * mean1 * mean2 + c1) / (mean1**2 + mean2**2 + c1)
    structure = (2 * covariance + c2) / (variance1 + variance2 + c2)
    return float(np.mean(luminance * structure))


def _window(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT)[5:-5, 5:-5]
