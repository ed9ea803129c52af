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

"""Detects a shift between frames and their clean counterparts."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

EDGES = 1.5, 6.0  # standard deviations, pixels: finer is noise, coarser is shading
MOST_PAIRS = 16
LEAST_ALIKE = 0.2  # correlation at the best shift: below it they have nothing in common
CLEARLY = 1.05  # times the correlation without a shift; a shift of two pixels makes a larger difference


def offset(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[int, int]:
    """Rows and columns by which the second pictures are shifted down and right; (0, 0) if no shift is clear.

    pairs: (height, width) each, any counts; at most `MOST_PAIRS` of the first pair's size are used. The shift is common
    to all: that of the highest mean correlation of their edges. Fixed patterns and noise do not matter, since clean
    frames have nothing to correlate with them.
    """
    if not pairs:
        return 0, 0
    same = [pair for pair in pairs if pair[0].shape == pairs[0][0].shape]
    chosen = same[:: -(-len(same) // MOST_PAIRS)]
    alike = np.mean([_alike(_edges(first), _edges(second)) for first, second in chosen], 0)
    row, column = (int(place) for place in np.unravel_index(np.argmax(alike), alike.shape))
    if alike[row, column] < max(LEAST_ALIKE, CLEARLY * alike[0, 0]):
        return 0, 0
    return _signed(row, alike.shape[0]), _signed(column, alike.shape[1])


def _edges(frame: np.ndarray) -> np.ndarray:
    """The band between noise and shading, windowed towards the borders, of unit energy."""
    fine, coarse = (cv2.GaussianBlur(frame.astype(np.float32), (0, 0), sigma) for sigma in EDGES)
    height, width = frame.shape
    edges = (fine - coarse) * cv2.createHanningWindow((width, height), cv2.CV_32F)
    return edges / max(float(np.linalg.norm(edges)), 1e-12)


def _alike(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Circular correlation for every shift of the second against the first, -1 to 1."""
    return np.fft.irfft2(np.conj(np.fft.rfft2(first)) * np.fft.rfft2(second), first.shape)


def _signed(place: int, size: int) -> int:
    return (place + size // 2) % size - size // 2
