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

"""Frames with a stamp and a name, and the sources that yield them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.records import LARGEST_SIDE

DEFAULT_FRAME_RATE = 30.0  # Hz, of sources without a rate, such as images

Report = Callable[[str], None]


def log_problem(problem: str) -> None:
    """The default `report`: logs a problem that does not stop a source."""
    logging.getLogger("infrared_ir_ros.media").warning(problem)


@dataclass(frozen=True)
class Frame:
    """One thermal frame.

    image: (height, width) uint8 or uint16 counts, or float32 (kelvin or counts).
    stamp_ns: nanoseconds, increasing within a source; from 0 if the source has no clock.
    name: relative path, or the source's name and the number of the frame; printable, one line.
    number: index of the frame in its source; frames that could not be read count, too.
    """

    image: np.ndarray
    stamp_ns: int
    name: str
    number: int


class Source(Protocol):
    """A source of frames; may be iterated repeatedly.

    frame_rate: Hz. frame_count: by the container's header; 0 if unknown.
    """

    name: str
    frame_rate: float
    frame_count: int

    def __iter__(self) -> Iterator[Frame]: ...


def to_thermal(image: np.ndarray, what: str) -> np.ndarray:
    """A decoded image as a thermal frame: colour becomes luma, transparency is dropped, float16 and float64 become
    float32, and other integers uint16 if they are within 0..65535.

    image: (height, width) or (height, width, 1..4), BGR order. Raises SourceError for another dtype or shape.
    """
    if image.ndim == 3 and image.shape[2] in (1, 2):  # grey, grey and alpha
        image = np.ascontiguousarray(image[..., 0])
    if image.dtype.kind == "f":
        image = image.astype(np.float32, copy=False)
    if image.dtype.kind in "iu" and image.dtype != np.uint8 and image.size:
        low, high = image.min(), image.max()
        if low < 0 or high > 65535:
            raise SourceError(
                f"{what} holds {image.dtype} pixels of {low} to {high}: use counts of 0 to 65535, or float"
            )
        image = image.astype(np.uint16, copy=False)
    if image.dtype not in (np.uint8, np.uint16, np.float32):
        raise SourceError(f"{what} holds {image.dtype} pixels: use whole numbers of 0 to 65535, or float")
    if image.ndim == 3 and image.shape[2] in (3, 4):
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY if image.shape[2] == 3 else cv2.COLOR_BGRA2GRAY)
    if image.ndim != 2 or 0 in image.shape:
        raise SourceError(f"{what} has the shape {image.shape}: use a single picture")
    return image


def check_size(height: int, width: int, what: str) -> None:
    """Raises SourceError unless 1 <= height, width <= LARGEST_SIDE, before anything of that size is allocated."""
    if not (0 < height <= LARGEST_SIDE and 0 < width <= LARGEST_SIDE):
        raise SourceError(f"{what} claims {width} x {height} pixels: use 1 to {LARGEST_SIDE} on each side")
