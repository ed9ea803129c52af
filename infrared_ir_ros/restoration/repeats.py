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

"""Frames that were enlarged on their way by repeating pixels, as drivers of small sensors and line doublers do."""

from __future__ import annotations

import numpy as np

from infrared_ir_ros.records import SMALLEST_SIDE

MOST = 8


def once(frame: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """A frame (height, width) as the sensor saw it, of SMALLEST_SIDE pixels or more, and how often each of its rows and
    columns stood in what came: the frame itself and (1, 1), for nearly all frames.

    The noise of what came is not that of pixels, and of its finest sub-bands nothing is left: it is restored, and its
    pattern is learned, as the sensor saw it.
    """
    times = _repeats(frame), _repeats(frame.T)
    return np.ascontiguousarray(frame[:: times[0], :: times[1]]), times


def repeated(image: np.ndarray, times: tuple[int, int]) -> np.ndarray:
    """The image with each row and each column repeated so often."""
    for axis, often in enumerate(times):
        image = image if often == 1 else np.repeat(image, often, axis)
    return image


def _repeats(frame: np.ndarray) -> int:
    length = len(frame)
    for often in range(min(MOST, length // SMALLEST_SIDE), 1, -1):
        if length % often == 0 and all(np.array_equal(frame[::often], frame[k::often]) for k in range(1, often)):
            return often
    return 1
