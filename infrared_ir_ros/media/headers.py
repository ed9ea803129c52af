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

"""Headers of image files, read before anything of the claimed size is decoded."""

from __future__ import annotations

import io
import re
import struct
from contextlib import suppress
from typing import BinaryIO

import numpy as np

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.frames import check_size

PNG, JPEG, NPY = b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"\x93NUMPY"  # magic numbers
TIFF = {b"II*\x00": "<", b"MM\x00*": ">", b"II+\x00": "<", b"MM\x00+": ">"}  # byte order; with +, 64-bit offsets
NETPBM = (b"P2", b"P3", b"P5", b"P6")
KINDS = "png, jpeg, tiff, bmp, webp, pgm, ppm or npy"
HEAD = 1 << 17  # bytes
MAX_ENTRIES = 10_000  # of all directories of a tiff; further ones are not read
MAX_SCANS = 100  # of a progressive jpeg: encoders write about ten, and each costs the decoder a pass over the image

_JPEG_BARE = frozenset((0xFF, 0x01, *range(0xD0, 0xD8)))  # fill bytes, and markers without a length


def is_radiometric(head: bytes) -> bool:
    """Whether a jpeg with this head is from a FLIR camera, with counts beside the coloured image that readers decode.

    FLIR's segments follow those of EXIF, within HEAD bytes."""
    return head.startswith(JPEG) and re.search(rb"\xff\xe1..FLIR\x00", head, re.DOTALL) is not None


def check_picture(data: bytes, what: str) -> None:
    """Raises SourceError unless an image has an allowed size, one page, and no chunk longer than the file."""
    check_size(*claimed_size(data, what), what)
    if data.startswith(PNG):
        _refuse_lying_chunks(data, what)
    if data.startswith(JPEG) and (scans := data.count(b"\xff\xda", _jpeg_frame(data))) > MAX_SCANS:
        raise SourceError(f"{what} has {scans} scans, which would take minutes to decode: use at most {MAX_SCANS}")
    if data[:4] in TIFF:
        if _tiff_has_pages(data):
            raise SourceError(
                f"{what} holds several pages, of which only one would be read: split it into one file each"
            )
        if _tiff_is_planar(data):  # OpenCV mixes up its planes
            raise SourceError(
                f"{what} stores its channels in separate planes: save each as a file, or store colour by pixel"
            )


def claimed_size(data: bytes, what: str) -> tuple[int, int]:
    """(height, width) from the header of an image. Raises SourceError for any format not in KINDS."""
    readers = ((PNG, _png_size), (JPEG, _jpeg_size), (b"BM", _bmp_size), (NPY, _npy_size),
               *((magic, _tiff_size) for magic in TIFF), *((magic, _netpbm_size) for magic in NETPBM),
               (b"RIFF" + data[4:8] + b"WEBP", _webp_size))  # fmt: skip
    for magic, reader in readers:
        if data.startswith(magic):
            try:
                return reader(data)
            except (struct.error, IndexError, ValueError, EOFError):
                raise SourceError(f"{what} is cut short or damaged") from None
    raise SourceError(f"{what} is not a {KINDS} picture (it starts with {data[:8]!r})")


def npy_header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and dtype of an npy from its header. Raises ValueError or EOFError."""
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    return shape, dtype


def _npy_size(data: bytes) -> tuple[int, int]:
    file = io.BytesIO(data)
    shape, dtype = npy_header(file)
    if len(shape) != 2:
        return 1, 1  # not an image; the decoder will refuse it
    if dtype.hasobject or len(data) - file.tell() < shape[0] * shape[1] * dtype.itemsize:
        raise ValueError("fewer bytes than its shape says")
    return shape[0], shape[1]


def _netpbm_size(data: bytes) -> tuple[int, int]:
    """The header has words between white space, and comments from # to the end of a line."""
    lines = (line.partition(b"#")[0] for line in data[2:1000].split(b"\n"))
    width, height = b" ".join(lines).split(maxsplit=2)[:2]
    return int(height), int(width)


def _webp_size(data: bytes) -> tuple[int, int]:
    if data[12:16] == b"VP8X":  # 24 bits each
        return 1 + int.from_bytes(data[27:30], "little"), 1 + int.from_bytes(data[24:27], "little")
    if data[12:16] == b"VP8L":  # 14 bits each
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return height & 0x3FFF, width & 0x3FFF


def _png_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return height, width


def _refuse_lying_chunks(data: bytes, what: str) -> None:
    """Raises SourceError for a chunk longer than the file, for which OpenCV takes minutes and gigabytes."""
    at, kind = len(PNG), b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise SourceError(f"{what} is cut short or damaged")
        length, kind = struct.unpack_from(">I4s", data, at)
        at += 12 + length


def _bmp_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<ii", data, 18)
    return abs(height), width


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = _jpeg_frame(data)
    height, width = struct.unpack_from(">HH", data, at + 5)
    if data.find(b"\xff\xd9", at) < 0:  # the decoder would fill the missing part with grey
        raise IndexError("no end of image")
    return height, width


def _jpeg_frame(data: bytes) -> int:
    """The offset of the frame header (SOF0..SOF15 without DHT, JPG, DAC), by walking the segments."""
    at = 2
    while True:
        if data[at] != 0xFF:
            raise IndexError("no marker")
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return at
        if marker in _JPEG_BARE:
            at += 1 if marker == 0xFF else 2
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]


def _tiff_size(data: bytes) -> tuple[int, int]:
    """The size in the first directory; samples beyond four per pixel count as height: they take as much memory."""
    tags, _ = _tiff_directory(data, _tiff_first(data))
    samples = max(tags.get(277, 1), 1)
    return tags.get(257, 0) * (1 if samples <= 4 else samples), tags.get(256, 0)


def _tiff_is_planar(data: bytes) -> bool:
    tags, _ = _tiff_directory(data, _tiff_first(data))
    return tags.get(284) == 2 and tags.get(277, 1) > 1


def _tiff_has_pages(data: bytes) -> bool:
    """Whether there are several directories that are neither a reduced copy nor a mask, as far as they can be read.

    Directories may overlap, so that a small file can hold thousands of large ones: MAX_ENTRIES bounds the search.
    """
    pages, entries, seen, at = 0, 0, set[int](), _tiff_first(data)
    with suppress(struct.error):
        while at and at not in seen and pages < 2 and entries < MAX_ENTRIES:
            seen.add(at)
            entries += 1 + _tiff_entries(data, at)[0]
            tags, at = _tiff_directory(data, at)
            pages += not tags.get(254, 0) & 0b101
    return pages > 1


def _tiff_first(data: bytes) -> int:
    """The offset of the first directory."""
    order, large = TIFF[data[:4]], b"+" in data[:4]
    (at,) = struct.unpack_from(order + ("Q" if large else "I"), data, 8 if large else 4)
    return at


def _tiff_entries(data: bytes, at: int) -> tuple[int, int, int]:
    """The number of entries of a directory, the offset of the first, and the size of each."""
    large = b"+" in data[:4]
    if at > len(data):  # 64-bit offsets can exceed what struct accepts
        raise struct.error("past the end")
    (count,) = struct.unpack_from(TIFF[data[:4]] + ("Q" if large else "H"), data, at)
    if count > 0xFFFF:  # the limit of a tiff with 32-bit offsets
        raise struct.error("too many")
    return count, at + (8 if large else 2), 20 if large else 12


def _tiff_directory(data: bytes, at: int) -> tuple[dict[int, int], int]:
    """The 16, 32 and 64 bit tags of the directory at `at`, and the offset of the next one; 0 after the last."""
    order, large = TIFF[data[:4]], b"+" in data[:4]
    count, first, length = _tiff_entries(data, at)
    tags: dict[int, int] = {}
    for entry in range(first, first + length * count, length):
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        if kind in (3, 4) or (kind == 16 and large):
            value = {3: "H", 4: "I", 16: "Q"}[kind]
            (tags[tag],) = struct.unpack_from(order + value, data, entry + (12 if large else 8))
    (following,) = struct.unpack_from(order + ("Q" if large else "I"), data, first + length * count)
    return tags, following
