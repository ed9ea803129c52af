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

"""Converts the fields of ROS image messages to frames, without ROS."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.frames import check_size, to_thermal
from infrared_ir_ros.media.images import decode_image
from infrared_ir_ros.media.paths import printable

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
ENCODINGS = {
    "mono8": ("u1", 1), "8UC1": ("u1", 1), "mono16": ("u2", 1), "16UC1": ("u2", 1), "32FC1": ("f4", 1),
    "bgr8": ("u1", 3), "rgb8": ("u1", 3), "bgra8": ("u1", 4), "rgba8": ("u1", 4),
}  # fmt: skip
ENCODING_OF_DTYPE = {"uint8": "mono8", "uint16": "mono16", "float32": "32FC1"}


class ImageFields(Protocol):
    """The fields of sensor_msgs/Image."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: np.ndarray


def frame_of_image(message: ImageFields, what: str) -> np.ndarray:
    """(height, width) uint8, uint16 or float32 of an Image. Raises SourceError if its fields do not fit together."""
    encoding, (height, width, step) = str(message.encoding), (message.height, message.width, message.step)
    if encoding not in ENCODINGS:
        raise SourceError(f"{what} has the encoding {printable(encoding[:40])!r}: use one of {', '.join(ENCODINGS)}")
    check_size(height, width, what)
    code, channels = ENCODINGS[encoding]
    row = width * channels * np.dtype(code).itemsize
    if step < row or step * height != len(message.data):
        raise SourceError(
            f"{what} has {len(message.data)} bytes with step {step}: {width} x {height} {encoding} needs {row} a row"
        )
    rows = np.asarray(message.data, np.uint8).reshape(height, step)[:, :row]
    order = ">" if message.is_bigendian else "<"
    image = np.ascontiguousarray(rows).view(np.dtype(code).newbyteorder(order)).astype(code)
    if channels == 1:
        return image
    image = image.reshape(height, width, channels)
    if encoding.startswith("rgb"):
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)  # takes the first three of four channels
    return to_thermal(image, what)


def frame_of_compressed(data: np.ndarray, form: str, what: str) -> np.ndarray:
    """(height, width) uint8 or uint16 of a CompressedImage (png, jpeg). Raises SourceError."""
    if "compressedDepth" in form:
        raise SourceError(f"{what} has the format {printable(form[:40])!r}: use png or jpeg")
    return decode_image(bytes(data), what)
