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

"""Pixels of which nothing is known: NaN and infinity, bars, the corners behind a round lens."""

from __future__ import annotations

import cv2
import numpy as np

from infrared_ir_ros.errors import FrameError
from infrared_ir_ros.records import CLEAN_PERCENTILES, INFINITE

BLANK = 0.001  # share of a frame's pixels: fewer do not move percentiles
PATCH = np.ones((5, 5), np.uint8)  # the least one; at the border of a frame, 3 pixels are enough


def blank(frame: np.ndarray) -> np.ndarray | None:
    """Where a frame shows nothing: black bars, corners behind a round lens, or saturated boxes; None if nowhere.

    These are many pixels of exactly the least counts that the dtype has (of a float frame, the least in it) or the
    greatest, further from all others than those are apart. Returns (height, width) bool."""
    integer = np.issubdtype(frame.dtype, np.integer)
    least, greatest = (0, np.iinfo(frame.dtype).max) if integer else (frame.min(), np.inf)
    darkest, brightest = frame == least, frame == greatest
    between = frame[~(darkest | brightest)]
    if not 0 < between.size < (1 - BLANK) * frame.size:
        return None
    low, high = (float(x) for x in np.percentile(between, CLEAN_PERCENTILES))
    ends = (darkest, low - least), (brightest, greatest - high)
    found = [mask for mask, gap in ends if gap > high - low and mask.any()]
    return np.logical_or.reduce(found) if found else None


def without_blank(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """The frame with its blank patches mirrored from beside them, as noisy as that; and where they are, or None."""
    nothing = blank(frame)
    if nothing is None or not (patches := _patches(nothing)).any():
        return frame, None
    return _mirrored(frame, patches), patches


def filled(frame: np.ndarray) -> np.ndarray:
    """NaN and inf of a (height, width) float32 frame replaced: patches are mirrored from beside them, so that they are
    as noisy as that and the noise is estimated well; small holes are filled with the mean of the pixels around them.

    Raises FrameError if no pixel is finite."""
    finite = np.abs(frame) < INFINITE
    if finite.all():
        return frame
    if not finite.any():
        raise FrameError("no pixel of the frame is finite: check the camera driver")
    whole, patches = np.where(finite, frame, np.float32(0)), _patches(~finite)
    if not patches.any():
        return _smoothly_filled(whole, finite)
    mirrored = np.where(patches, _mirrored(whole, ~finite), whole)
    return _smoothly_filled(mirrored, finite | patches)


def _patches(mask: np.ndarray) -> np.ndarray:
    """The connected parts of a mask that are not single pixels or thin lines."""
    _, parts = cv2.connectedComponents(mask.astype(np.uint8))
    thick = cv2.erode(mask.astype(np.uint8), PATCH, borderType=cv2.BORDER_REPLICATE) > 0
    return np.isin(parts, np.unique(parts[thick])) if thick.any() else thick


def _mirrored(frame: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Each missing pixel as far on the other side of the nearest known one, or that one if nothing is known there."""
    _, labels = cv2.distanceTransformWithLabels(
        missing.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3, labelType=cv2.DIST_LABEL_PIXEL
    )
    known, holes = np.flatnonzero(~missing), np.flatnonzero(missing)
    places = np.zeros(labels.max() + 1, int)
    places[labels.flat[known]] = known
    nearest = places[labels.flat[holes]]
    near, here = (np.stack(np.divmod(places, frame.shape[1])) for places in (nearest, holes))
    there = np.clip(2 * near - here, 0, np.array(frame.shape)[:, None] - 1)
    beyond = np.ravel_multi_index(tuple(there), frame.shape)
    out = frame.copy()
    out.flat[holes] = frame.flat[np.where(missing.flat[beyond], nearest, beyond)]
    return out


def _smoothly_filled(frame: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Unknown pixels, which hold 0, replaced by the mean of the known ones in the smallest neighbourhood with any."""
    found, missing, size = frame.copy(), ~known, 3
    while missing.any():
        weight = cv2.blur(known.astype(np.float32), (size, size), borderType=cv2.BORDER_REFLECT)
        mean = cv2.blur(frame, (size, size), borderType=cv2.BORDER_REFLECT)
        reach = missing & (weight > 1e-7)
        found[reach] = mean[reach] / weight[reach]
        missing, size = missing & ~reach, 2 * size + 1
        if size > 2 * max(frame.shape):
            found[missing] = frame[known].mean()
            break
    return found
