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

"""Checks serialised messages before anything is allocated for them.

ROS 2 sends XCDR1: four bytes of encapsulation, then the fields, each aligned to its size. A string or sequence carries
its length, which may be wrong. `parse` walks the lengths of a message and compares them with the bytes received.
"""

from __future__ import annotations

import struct
from typing import Any

from infrared_ir_ros.media.image_message import CAMERA_INFO, COMPRESSED, IMAGE

BOOL = "std_msgs/msg/Bool"
HEADER = ("u32", "u32", "string")
LAYOUTS: dict[str, tuple[str, ...]] = {
    IMAGE: (*HEADER, "u32", "u32", "string", "u8", "u32", "octets"),
    COMPRESSED: (*HEADER, "string", "octets"),
    CAMERA_INFO: (
        *(*HEADER, "u32", "u32", "string", "doubles"),
        *("double",) * 30,  # k, r, p
        *("u32",) * 6,  # binning, region of interest
        "u8",
    ),
    BOOL: ("u8",),
}
PADDING = 3  # bytes that a writer may add to reach a multiple of four


class _Walk:
    def __init__(self, raw: bytes) -> None:
        if len(raw) < 4:
            raise ValueError(f"it has {len(raw)} bytes, too few for a message")
        if raw[0] != 0 or raw[1] not in (0, 1):
            raise ValueError(f"its encapsulation is 0x{raw[0]:02x}{raw[1]:02x}, not plain CDR (0x0000 or 0x0001)")
        self.raw = raw
        self.at = 4
        self.unpack_u32 = struct.Struct("<I" if raw[1] else ">I").unpack_from

    def skip(self, size: int, alignment: int, what: str) -> None:
        start = self.at + (4 - self.at) % alignment
        if start + size > len(self.raw):
            raise ValueError(f"{what} needs {size} bytes, {max(0, len(self.raw) - start)} are left")
        self.at = start + size

    def u8(self) -> int:
        self.skip(1, 1, "a field")
        return self.raw[self.at - 1]

    def u32(self) -> int:
        self.skip(4, 4, "a field")
        return int(self.unpack_u32(self.raw, self.at - 4)[0])

    def double(self) -> None:
        self.skip(8, 8, "a field")

    def octets(self) -> memoryview:
        size = self.u32()
        self.skip(size, 1, "a sequence")
        return memoryview(self.raw)[self.at - size : self.at]

    def doubles(self) -> None:
        if count := self.u32():
            self.skip(8 * count, 8, "a sequence")

    def string(self) -> str:
        size = self.u32()
        self.skip(size, 1, "a string")
        text = self.raw[self.at - size : self.at]
        if text and text[-1] != 0:
            raise ValueError(f"a string does not end with a zero byte: {text[-20:]!r}")
        try:
            return text[:-1].decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"a string is not UTF-8 ({error.reason} at byte {error.start}): {text[:40]!r}") from None


def parse(raw: bytes, type_name: str) -> list[Any]:
    """The fields of the serialised message `raw` of a type in LAYOUTS, in order; doubles are None, octets a view.

    Raises ValueError unless it is a whole message of that type. Then it is safe to deserialise: every length fits into
    the bytes received, every string is UTF-8.
    """
    walk = _Walk(raw)
    fields = [getattr(walk, step)() for step in LAYOUTS[type_name]]
    if len(raw) - walk.at > PADDING:
        raise ValueError(f"{len(raw) - walk.at} bytes follow its end")
    return fields
