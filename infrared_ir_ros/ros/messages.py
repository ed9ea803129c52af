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

"""Converts serialised messages to frames and back; refuses invalid ones with a reason to count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from infrared_ir_ros.errors import FrameError, SourceError
from infrared_ir_ros.media.headers import JPEG, PNG, check_picture
from infrared_ir_ros.media.image_message import CAMERA_INFO, COMPRESSED, IMAGE
from infrared_ir_ros.ros.bridge import DTYPES, PlainBridge, find_bridge
from infrared_ir_ros.ros.cdr import parse
from infrared_ir_ros.ros.counters import Drop

BRIDGE = find_bridge()
PLAIN = PlainBridge()  # for compressed pictures: releases of cv_bridge differ in whether they keep 16 bit
OUTPUT_ENCODINGS = {"8UC1": "mono8", "bgr8": "mono8", "rgb8": "mono8"}  # others keep their name
UNNAMED_ENCODINGS = {"uint8": "mono8", "uint16": "16UC1"}  # of compressed pictures that name none


class MessageError(FrameError):
    """A message without a usable frame; `reason` says how it is counted."""

    def __init__(self, reason: Drop, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True)
class Picture:
    """A received frame.

    header: of the message, reused for everything published for this frame.
    image: (H, W) uint8, uint16 or float32 in native byte order; may be a read-only view.
    encoding: of the published, restored frame.
    was_colour: the message had three channels, and `image` is their luma.
    """

    header: Any
    image: np.ndarray
    encoding: str
    was_colour: bool = False


def inspect_image(raw: bytes) -> None:
    """Raise MessageError unless `raw` is a serialised sensor_msgs/Image that `read_image` can read. Copies nothing."""
    *_, height, width, encoding, _, step, data = _parse(raw, IMAGE)
    if encoding not in DTYPES:
        raise MessageError(
            Drop.UNSUPPORTED, f"encoding {encoding[:40]!r} is not supported: send one of {', '.join(DTYPES)}"
        )
    code, channels = DTYPES[encoding]
    row = width * channels * np.dtype(code).itemsize
    size = f"{width}x{height} {encoding}"
    if width == 0 or height == 0:
        raise MessageError(Drop.MALFORMED, f"an image of {size} has no pixels")
    if step < row:
        raise MessageError(Drop.MALFORMED, f"step {step} of a {size} image: a row needs {row} bytes")
    if step * height != len(data):
        raise MessageError(
            Drop.MALFORMED, f"{len(data)} bytes of data in a {size} image with step {step}: {step * height} expected"
        )


def read_image(raw: bytes) -> Picture:
    """The frame in a serialised sensor_msgs/Image; MessageError when there is none."""
    inspect_image(raw)
    message: Image = deserialize_message(raw, Image)
    image = BRIDGE.imgmsg_to_cv2(message)
    grey = _grey(image, rgb=message.encoding == "rgb8")
    return Picture(message.header, grey, OUTPUT_ENCODINGS.get(message.encoding, message.encoding), grey is not image)


def inspect_compressed(raw: bytes) -> None:
    """Raise MessageError unless `raw` is a serialised sensor_msgs/CompressedImage, PNG or JPEG of allowed size."""
    *_, form, data = _parse(raw, COMPRESSED)
    if "compressedDepth" in form:
        raise MessageError(Drop.UNSUPPORTED, f"format {form[:40]!r} is not supported: send png or jpeg")
    if not bytes(data[:8]).startswith((PNG, JPEG)):
        raise MessageError(
            Drop.UNDECODABLE, f"the compressed picture is neither PNG nor JPEG: it starts with {bytes(data[:8])!r}"
        )
    try:
        check_picture(bytes(data), "the compressed picture")
    except SourceError as error:
        raise MessageError(Drop.UNDECODABLE, str(error)) from None


def read_compressed(raw: bytes) -> Picture:
    """The frame in a serialised sensor_msgs/CompressedImage (PNG or JPEG); MessageError when there is none."""
    inspect_compressed(raw)
    message: CompressedImage = deserialize_message(raw, CompressedImage)
    try:
        image = PLAIN.compressed_imgmsg_to_cv2(message)
    except Exception as error:  # a codec may raise anything
        raise MessageError(Drop.UNDECODABLE, f"the compressed picture does not decode: {error}") from error
    grey = _grey(image, rgb=False)
    named = message.format.split(";")[0].strip()
    fits = DTYPES.get(named) == (f"{grey.dtype.kind}{grey.itemsize}", 1)
    encoding = named if fits else UNNAMED_ENCODINGS[grey.dtype.name]
    return Picture(message.header, grey, OUTPUT_ENCODINGS.get(encoding, encoding), grey is not image)


def read_camera_info(raw: bytes) -> CameraInfo:
    """The calibration in a serialised sensor_msgs/CameraInfo; MessageError when it is damaged."""
    _parse(raw, CAMERA_INFO)
    return deserialize_message(raw, CameraInfo)


def calibration_misfit(info: CameraInfo, shape: tuple[int, ...]) -> str:
    """Why a calibration does not fit frames of `shape` (height, width), or an empty text.

    Width or height 0 means not calibrated; of the region of interest: the whole image. Binning 0 means 1."""
    height, width = info.roi.height or info.height, info.roi.width or info.width
    fitting = height // max(info.binning_y, 1), width // max(info.binning_x, 1)
    if 0 in (info.height, info.width) or fitting == shape:
        return ""
    return (
        f"camera_info is of {fitting[1]}x{fitting[0]} pixels, but frames have {shape[1]}x{shape[0]}: have the camera "
        "driver send the calibration of this mode"
    )


def byte_order_misfit(frame: np.ndarray) -> str:
    """Whether the bytes of 16-bit counts (height, width) look swapped: a message, or an empty text.

    Swapping makes a picture about 256 times rougher. Counts whose lower byte hardly varies (from a driver that shifts
    8 bits up) are rough anyway, and are not judged."""
    if frame.dtype != np.uint16:
        return ""
    rows = frame[::4]
    lower = np.bincount((rows & 0xFF).ravel())
    rough, otherwise = (np.abs(np.diff(counts.astype(np.float32))).mean() for counts in (rows, rows.byteswap()))
    if lower.max() > 0.95 * rows.size or rough < 16 * otherwise:
        return ""
    return "the bytes of the counts look swapped: have the camera driver set is_bigendian as its data are"


def write_image(image: np.ndarray, picture: Picture) -> Image:
    """`image` as a message, with the header and encoding of `picture`."""
    message = BRIDGE.cv2_to_imgmsg(image, picture.encoding)
    message.header = picture.header
    return message


def write_compressed(image: np.ndarray, picture: Picture) -> CompressedImage | None:
    """8 bit as JPEG, 16 bit as PNG, with image_transport's format names; None for 32FC1, which neither can hold."""
    if image.dtype == np.uint8:
        message = PLAIN.cv2_to_compressed_imgmsg(image, "jpg")
        message.format = f"{picture.encoding}; jpeg compressed"
    elif image.dtype == np.uint16:
        message = PLAIN.cv2_to_compressed_imgmsg(image, "png")
        message.format = f"{picture.encoding}; png compressed"
    else:
        return None
    message.header = picture.header
    return message


def _parse(raw: bytes, name: str) -> list[Any]:
    try:
        return parse(raw, name)
    except ValueError as error:
        raise MessageError(Drop.MALFORMED, f"a damaged {name}: {error}") from None


def _grey(image: np.ndarray, rgb: bool) -> np.ndarray:
    if image.ndim == 2:
        return image
    if image.shape[2] == 1:
        return image[:, :, 0]
    if image.shape[2] == 4:
        return cv2.cvtColor(image, cv2.COLOR_BGRA2GRAY)
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY if rgb else cv2.COLOR_BGR2GRAY)
