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

"""Label files: boxes in YOLO's format, and masks as images."""

from __future__ import annotations

from codecs import BOM_UTF8
from pathlib import Path

import numpy as np

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.images import read_image
from infrared_ir_ros.media.paths import printable, read_file

_LARGEST = 1 << 24  # bytes
MOST_CLASSES = 1 << 16


def read_boxes(path: Path) -> np.ndarray:
    """(n, 5) float32 from a label file in YOLO's format: class; centre x, y, width, height as shares of the frame.

    A frame without objects may have no file. Raises SourceError.
    """
    if not path.is_file():
        return np.zeros((0, 5), np.float32)
    text = read_file(path, _LARGEST).removeprefix(BOM_UTF8).decode("ascii", "replace")
    if not text.strip():
        return np.zeros((0, 5), np.float32)
    what = printable(str(path))
    try:
        boxes = np.loadtxt(text.splitlines(), np.float32, ndmin=2)
    except ValueError as error:
        reason = printable(str(error))
        raise SourceError(f"labels {what} can't be read ({reason}): lines of class, x, y, width, height") from error
    if boxes.shape[1] != 5:
        raise SourceError(f"labels {what} have {boxes.shape[1]} columns: class, x, y, width, height are expected")
    classes = boxes[:, 0]
    if odd := [float(one) for one in classes if not 0 <= one < MOST_CLASSES or one % 1]:
        raise SourceError(f"labels {what} have the class {odd[0]:g}: use whole numbers from 0")
    if not ((boxes[:, 1:] >= 0) & (boxes[:, 1:] <= 1)).all():  # nor NaN
        raise SourceError(f"labels {what}: x, y, width and height must be shares of the frame, 0..1")
    return boxes


def read_mask(path: Path) -> np.ndarray:
    """Mask (height, width) uint8, 1 where its image is not black. Raises SourceError."""
    try:
        return (read_image(path) > 0).astype(np.uint8)
    except SourceError as error:
        raise SourceError(f"each frame needs a mask: {error}") from error
