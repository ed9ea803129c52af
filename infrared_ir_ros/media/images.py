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

"""Pictures: png, jpg, tiff and bmp, 8 and 16 bit; their claimed size is read before they are decoded."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.atomic import write_atomically
from infrared_ir_ros.media.frames import DEFAULT_FRAME_RATE, Frame, Report, check_size, log_problem, to_thermal
from infrared_ir_ros.media.paths import printable, read_file, regular_files

with suppress(AttributeError):  # old OpenCV
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_FATAL)  # a damaged picture is told by us, in one line

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})
LOSSLESS_SUFFIXES = frozenset({".png", ".tif", ".tiff", ".bmp"})
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"  # what files begin with
TIFF = (b"II*\x00", b"MM\x00*")
MAX_ENTRIES = 10_000  # of all directories of a tiff: no further one is looked at

_JPEG_BARE = frozenset((0xFF, 0x01, *range(0xD0, 0xD8)))  # fill bytes, and markers that carry no length


class ImageSource:
    """The pictures below a folder, in natural order, or one picture; stamps at `frame_rate` from 0.

    A picture that cannot be read is told to `report` in one line and left out.
    Raises SourceError if the folder holds no pictures.
    """

    def __init__(self, path: Path, frame_rate: float = DEFAULT_FRAME_RATE, report: Report = log_problem) -> None:
        self.name = printable(path.name)
        self.frame_rate = frame_rate
        self._folder, self._report = (path, report) if path.is_dir() else (path.parent, report)
        self._files = regular_files(path, IMAGE_SUFFIXES) if path.is_dir() else [path]
        self.frame_count = len(self._files)
        if not self._files:
            raise SourceError(f"{printable(str(path))} holds no {', '.join(sorted(IMAGE_SUFFIXES))} files")

    def __iter__(self) -> Iterator[Frame]:
        for index, path in enumerate(self._files):
            try:
                image = read_image(path)
            except SourceError as error:
                self._report(str(error))
                continue
            name = printable(path.relative_to(self._folder).as_posix())
            yield Frame(image, round(index * 1e9 / self.frame_rate), name, index)


def read_image(path: Path) -> np.ndarray:
    """(height, width) uint8, uint16 or float32 of a picture file. Raises SourceError."""
    return decode_image(read_file(path), printable(str(path)))


def decode_image(data: bytes, what: str) -> np.ndarray:
    """(height, width) uint8, uint16 or float32 of an encoded picture; `what` names it in errors.

    A jpeg stands upright as its EXIF orientation says. Raises SourceError, before anything large is allocated if the
    picture claims more than 4096 pixels a side.
    """
    check_picture(data, what)
    # OpenCV turns no picture that is read unchanged, and a jpeg has neither transparency nor depth to lose
    flags = cv2.IMREAD_ANYCOLOR if data.startswith(JPEG) else cv2.IMREAD_UNCHANGED
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise SourceError(f"{what} cannot be decoded: {printable(str(error.err or error))}") from None
    if image is None:
        raise SourceError(f"{what} cannot be decoded: the picture is damaged or cut short")
    return to_thermal(image, what)


def encode_png(image: np.ndarray) -> bytes:
    """(height, width) uint8 or uint16 as png, fast and lossless."""
    return _encode(image, ".png", [cv2.IMWRITE_PNG_COMPRESSION, 1])


def write_image(path: Path, image: np.ndarray) -> None:
    """Write (height, width) uint8, uint16 or float32 losslessly: .png, .tif, .tiff or .bmp; float32 only as tiff.

    The file appears whole or not at all. Raises SourceError.
    """
    suffix = path.suffix.lower()
    if suffix not in LOSSLESS_SUFFIXES:
        raise SourceError(f"{printable(str(path))} would lose detail: use {', '.join(sorted(LOSSLESS_SUFFIXES))}")
    if image.dtype == np.float32 and suffix not in (".tif", ".tiff"):
        raise SourceError(f"{printable(str(path))} cannot hold 32 bit float pixels: use .tiff")
    if image.dtype == np.uint16 and suffix == ".bmp":
        raise SourceError(f"{printable(str(path))} cannot hold 16 bit pixels: use .png or .tiff")
    options = [cv2.IMWRITE_TIFF_COMPRESSION, 1] if image.dtype == np.float32 else []
    write_atomically(path, _encode(image, suffix, options))


class PictureFolder:
    """Writes a sequence as `000000.png` and on into a folder, for where no lossless video can be written."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0

    def write(self, image: np.ndarray) -> None:
        """Add (height, width) uint8, uint16 or, as tiff, float32. Raises SourceError."""
        suffix = ".tiff" if image.dtype == np.float32 else ".png"
        write_image(self._folder / f"{self._count:06d}{suffix}", image)
        self._count += 1

    def __enter__(self) -> PictureFolder:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _encode(image: np.ndarray, suffix: str, options: list[int]) -> bytes:
    done, data = cv2.imencode(suffix, image, options)
    if not done:
        raise SourceError(f"a frame of {image.shape} {image.dtype} cannot be encoded as {suffix}")
    return data.tobytes()


def check_picture(data: bytes, what: str) -> None:
    """SourceError unless a png, jpeg, bmp or one-page tiff has a decent size and no part that claims to be longer."""
    check_size(*claimed_size(data, what), what)
    if data.startswith(PNG):
        _refuse_lying_chunks(data, what)
    if data.startswith(TIFF) and _tiff_has_pages(data):
        raise SourceError(f"{what} holds several pages, of which only one would be read: split it into one file each")


def claimed_size(data: bytes, what: str) -> tuple[int, int]:
    """(height, width) as the header of a png, jpeg, bmp or tiff says. Raises SourceError for anything else."""
    readers = ((PNG, _png_size), (JPEG, _jpeg_size), (b"BM", _bmp_size),
               *((magic, _tiff_size) for magic in TIFF))  # fmt: skip
    for magic, reader in readers:
        if data.startswith(magic):
            try:
                return reader(data)
            except (struct.error, IndexError):
                raise SourceError(f"{what} is cut short or damaged") from None
    raise SourceError(f"{what} is no png, jpeg, tiff or bmp picture (it starts with {data[:8]!r})")


def _png_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return height, width


def _refuse_lying_chunks(data: bytes, what: str) -> None:
    """OpenCV takes minutes and gigabytes for a chunk that claims to be longer than the file."""
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
    """Walk the segments to the frame header (SOF0..SOF15 without DHT, JPG, DAC)."""
    at = 2
    while True:
        if data[at] != 0xFF:
            raise IndexError("no marker")
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            if data.find(b"\xff\xd9", at) < 0:  # the decoder would fill what is missing with grey
                raise IndexError("no end of image")
            return height, width
        if marker in _JPEG_BARE:
            at += 1 if marker == 0xFF else 2
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]


def _tiff_size(data: bytes) -> tuple[int, int]:
    """The size in the first directory; more than four samples a pixel count as height, since they take as much room."""
    order = _tiff_order(data)
    tags, _ = _tiff_directory(data, order, *struct.unpack_from(order + "I", data, 4))
    samples = max(tags.get(277, 1), 1)
    return tags.get(257, 0) * (1 if samples <= 4 else samples), tags.get(256, 0)


def _tiff_has_pages(data: bytes) -> bool:
    """Whether several directories are neither a smaller copy of another nor a mask, as far as they can be followed.

    Directories may overlap, so that a small file holds thousands of the largest: MAX_ENTRIES bounds the search.
    """
    order, pages, entries, seen = _tiff_order(data), 0, 0, set[int]()
    (at,) = struct.unpack_from(order + "I", data, 4)
    with suppress(struct.error):
        while at and at not in seen and pages < 2 and entries < MAX_ENTRIES:
            seen.add(at)
            entries += 1 + struct.unpack_from(order + "H", data, at)[0]
            tags, at = _tiff_directory(data, order, at)
            pages += not tags.get(254, 0) & 0b101
    return pages > 1


def _tiff_order(data: bytes) -> str:
    return "<" if data[:2] == b"II" else ">"


def _tiff_directory(data: bytes, order: str, at: int) -> tuple[dict[int, int], int]:
    """The 16 and 32 bit tags of the directory at `at`, and where the next one is, 0 after the last."""
    (count,) = struct.unpack_from(order + "H", data, at)
    tags: dict[int, int] = {}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        if kind in (3, 4):
            (tags[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, entry + 8)
    (following,) = struct.unpack_from(order + "I", data, at + 2 + 12 * count)
    return tags, following
