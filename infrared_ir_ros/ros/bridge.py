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

"""Messages <-> arrays: `cv_bridge` where a ROS 2 provides it, else the same four methods for our encodings."""

from __future__ import annotations

import array
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from infrared_ir_ros.media.image_message import ENCODINGS

DTYPES = {name: layout for name, layout in ENCODINGS.items() if layout[1] < 4}  # cameras send no transparency


class Bridge(Protocol):
    """The methods of `cv_bridge.CvBridge` that this package uses."""

    def imgmsg_to_cv2(self, img_msg: Image, desired_encoding: str = "passthrough") -> np.ndarray: ...

    def cv2_to_imgmsg(self, cvim: np.ndarray, encoding: str = "passthrough") -> Image: ...


class PlainBridge:
    """Replaces `cv_bridge.CvBridge` where it is missing: no conversion of colours, only DTYPES."""

    def imgmsg_to_cv2(self, img_msg: Image, desired_encoding: str = "passthrough") -> np.ndarray:
        """(H, W) or (H, W, 3) array in native byte order; a view of the message's data where that is possible.

        The geometry must have been checked. KeyError for an encoding outside DTYPES.
        """
        if desired_encoding not in ("passthrough", img_msg.encoding):
            raise ValueError(f"cannot convert {img_msg.encoding} to {desired_encoding}")
        code, channels = DTYPES[img_msg.encoding]
        dtype = np.dtype(code).newbyteorder(">" if img_msg.is_bigendian else "<")
        rows = np.frombuffer(img_msg.data, np.uint8).reshape(img_msg.height, img_msg.step)
        pixels = rows[:, : img_msg.width * channels * dtype.itemsize]
        image = np.ascontiguousarray(pixels).view(dtype)
        if channels > 1:
            image = image.reshape(img_msg.height, img_msg.width, channels)
        return image.astype(dtype.newbyteorder("="), copy=False)

    def cv2_to_imgmsg(self, cvim: np.ndarray, encoding: str = "passthrough", header: Any = None) -> Image:
        """A message in this machine's byte order. Its data is an `array('B')`: rclpy copies that as a whole."""
        message = Image()
        if header is not None:
            message.header = header
        message.height, message.width = cvim.shape[:2]
        message.encoding = encoding
        message.is_bigendian = sys.byteorder == "big"
        message.step = cvim.nbytes // cvim.shape[0]
        data = array.array("B")
        data.frombytes(memoryview(np.ascontiguousarray(cvim)).cast("B"))
        message.data = data
        return message

    def compressed_imgmsg_to_cv2(
        self, cmprs_img_msg: CompressedImage, desired_encoding: str = "passthrough"
    ) -> np.ndarray:
        """The picture as it was compressed, depth and channels unchanged; cv2.error when it does not decode."""
        if desired_encoding != "passthrough":
            raise ValueError(f"cannot convert to {desired_encoding}: only passthrough")
        image = cv2.imdecode(np.frombuffer(cmprs_img_msg.data, np.uint8), cv2.IMREAD_UNCHANGED)
        if image is None:
            raise cv2.error("the picture does not decode")
        return image

    def cv2_to_compressed_imgmsg(self, cvim: np.ndarray, dst_format: str = "jpg") -> CompressedImage:
        done, picture = cv2.imencode(f".{dst_format}", cvim)
        if not done:
            raise cv2.error(f"a {cvim.dtype} picture of shape {cvim.shape} does not encode as {dst_format}")
        message = CompressedImage(format=dst_format)
        data = array.array("B")
        data.frombytes(memoryview(picture).cast("B"))
        message.data = data
        return message


def find_bridge() -> Bridge:
    """The `cv_bridge` of a sourced ROS 2, or ours. One from elsewhere (PyPI has a ROS 1 port) is not used."""
    sourced = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    prefixes = [Path(prefix).resolve() for prefix in sourced if prefix]
    try:
        found = importlib.util.find_spec("cv_bridge")
        if found is None or found.origin is None:
            return PlainBridge()
        if not any(prefix in Path(found.origin).resolve().parents for prefix in prefixes):
            return PlainBridge()
        from cv_bridge import CvBridge
    except (ImportError, ValueError):
        return PlainBridge()
    return CvBridge()
