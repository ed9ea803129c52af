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

"""Frames enlarged by repeated pixels, as drivers of small sensors and line doublers send them."""

from __future__ import annotations

import numpy as np

from infrared_ir_ros.records import SMALLEST_SIDE

MOST = 8


def without_repeats(frame: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """A frame (height, width) at the resolution of the sensor, and how often each row and column is repeated in it.

    For nearly all frames: the frame itself and (1, 1). An enlarged frame has no noise of single pixels and nothing in
    its finest sub-bands, so it is restored, and its pattern is learned, at the resolution of the sensor. That has
    SMALLEST_SIDE pixels a side or more.
    """
    times = _repeats(frame), _repeats(frame.T)
    return np.ascontiguousarray(frame[:: times[0], :: times[1]]), times


def with_repeats(image: np.ndarray, times: tuple[int, int]) -> np.ndarray:
    """The inverse: the image with each row and column repeated so many times."""
    for axis, often in enumerate(times):
        image = image if often == 1 else np.repeat(image, often, axis)
    return image


def _repeats(frame: np.ndarray) -> int:
    length = len(frame)
    for often in range(min(MOST, length // SMALLEST_SIDE), 1, -1):
        if length % often == 0 and all(np.array_equal(frame[::often], frame[k::often]) for k in range(1, often)):
            return often
    return 1
