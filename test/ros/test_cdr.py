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

"""Serialised messages are checked before anything is allocated for them."""

from __future__ import annotations

import array
import random
import struct

import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Bool

from infrared_ir_ros.ros.cdr import parse

KINDS = {
    "sensor_msgs/msg/Image": Image,
    "sensor_msgs/msg/CompressedImage": CompressedImage,
    "sensor_msgs/msg/CameraInfo": CameraInfo,
    "std_msgs/msg/Bool": Bool,
}


def _image(frame_id: str = "camera", encoding: str = "mono8") -> bytes:
    message = Image(height=3, width=5, step=5, encoding=encoding, data=array.array("B", range(15)))
    message.header.frame_id = frame_id
    return bytes(serialize_message(message))


@pytest.mark.parametrize("name", KINDS)
def test_whole_messages_pass(name: str) -> None:
    message = KINDS[name]()
    if hasattr(message, "header"):
        for length in range(9):  # every alignment
            message.header.frame_id = "x" * length
            parse(bytes(serialize_message(message)), name)
    if name.endswith("CameraInfo"):
        for count in range(5):
            message.d = [0.5] * count
            parse(bytes(serialize_message(message)), name)
    parse(bytes(serialize_message(message)), name)


@pytest.mark.parametrize(("order", "mark"), [("<", 1), (">", 0)])
def test_fields_come_in_their_order_from_either_kind_of_machine(order: str, mark: int) -> None:
    header = struct.pack(order + "III4sII", 12, 34, 4, b"cam\0", 3, 5)  # each number on a multiple of 4
    encoding = struct.pack(order + "I5sB2xII", 5, b"rgb8\0", 1, 5, 15)
    *fields, data = parse(bytes([0, mark, 0, 0]) + header + encoding + bytes(range(15)), "sensor_msgs/msg/Image")
    assert fields == [12, 34, "cam", 3, 5, "rgb8", 1, 5] and bytes(data) == bytes(range(15))


def test_a_length_that_lies_is_refused_without_allocation() -> None:
    raw = _image()
    at = raw.index(struct.pack("<I", 15) + bytes(range(15)))
    for length in (16, 1000, 2**31, 2**32 - 1):
        with pytest.raises(ValueError, match=f"a sequence needs {length} bytes, 15 are left"):
            parse(raw[:at] + struct.pack("<I", length) + raw[at + 4 :], "sensor_msgs/msg/Image")


def test_a_text_that_is_not_utf8_is_refused() -> None:
    raw = _image(frame_id="camera").replace(b"camera", b"cam\xffra")
    with pytest.raises(ValueError, match="not UTF-8"):
        parse(raw, "sensor_msgs/msg/Image")


def test_what_breaks_off_or_goes_on_is_refused() -> None:
    raw = _image()
    for length in range(len(raw)):
        with pytest.raises(ValueError):
            parse(raw[:length], "sensor_msgs/msg/Image")
    with pytest.raises(ValueError, match="follow its end"):
        parse(raw + bytes(20), "sensor_msgs/msg/Image")
    with pytest.raises(ValueError, match="encapsulation"):
        parse(b"\x07" + raw[1:], "sensor_msgs/msg/Image")


def test_whatever_passes_can_be_deserialised() -> None:
    rng = random.Random(0)
    passed = 0
    for _ in range(2000):
        raw = bytearray(_image("cam" * rng.randrange(4)))
        for _ in range(rng.randrange(1, 4)):
            raw[rng.randrange(len(raw))] = rng.choice((0, 1, 127, 255, rng.randrange(256)))
        try:
            parse(bytes(raw), "sensor_msgs/msg/Image")
        except ValueError:
            continue
        deserialize_message(bytes(raw), Image)
        passed += 1
    assert passed > 100
