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

"""Images that OpenCV reads, 8 and 16 bit and float, and npy; their claimed size is checked before decoding."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.atomic import write_atomically
from infrared_ir_ros.media.frames import DEFAULT_FRAME_RATE, Frame, Report, log_problem, to_thermal
from infrared_ir_ros.media.headers import JPEG, NPY, check_picture
from infrared_ir_ros.media.paths import printable, read_file, regular_files

with suppress(AttributeError):  # old OpenCV
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_FATAL)  # we report a damaged image ourselves, in one line

LOSSLESS_SUFFIXES = frozenset({".png", ".tif", ".tiff", ".bmp", ".npy"})
IMAGE_SUFFIXES = LOSSLESS_SUFFIXES | {".jpg", ".jpeg", ".webp", ".pgm", ".ppm", ".pnm"}


class ImageSource:
    """The images below a folder, in natural order, or a single image; stamps from 0 at `frame_rate`.

    An image that cannot be read is reported to `report` in one line and skipped.
    Raises SourceError if the folder holds no images.
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
    """(height, width) uint8, uint16 or float32 of an image file. Raises SourceError."""
    return decode_image(read_file(path), printable(str(path)))


def decode_image(data: bytes, what: str) -> np.ndarray:
    """(height, width) uint8, uint16 or float32 of an encoded image; `what` names it in errors.

    A jpeg is rotated by its EXIF orientation. Raises SourceError; for a claimed side of more than 4096 pixels before
    anything large is allocated.
    """
    check_picture(data, what)
    if data.startswith(NPY):
        return to_thermal(_npy(data, what), what)
    # OpenCV does not rotate what it reads unchanged; a jpeg has no transparency or depth to lose
    flags = cv2.IMREAD_ANYCOLOR if data.startswith(JPEG) else cv2.IMREAD_UNCHANGED
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise SourceError(f"{what} cannot be decoded: {printable(str(error.err or error))}") from None
    if image is None:
        raise SourceError(f"{what} cannot be decoded: the picture is damaged or cut short")
    return to_thermal(image, what)


def _npy(data: bytes, what: str) -> np.ndarray:
    try:
        array = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, MemoryError) as error:
        raise SourceError(f"{what} is damaged: {printable(str(error))}") from None
    if array.ndim != 2:
        raise SourceError(f"{what} is an array {array.shape}: an npy holds one frame (H, W), save a sequence as npz")
    return np.ascontiguousarray(array)


def encode_png(image: np.ndarray) -> bytes:
    """(height, width) uint8 or uint16 as png, fast and lossless."""
    return _encode(image, ".png", [cv2.IMWRITE_PNG_COMPRESSION, 1])


def write_image(path: Path, image: np.ndarray) -> None:
    """Write (height, width) uint8, uint16 or float32 losslessly; float32 only as tiff or npy, uint16 not as bmp.

    The file appears complete or not at all. Raises SourceError.
    """
    suffix = path.suffix.lower()
    if suffix not in LOSSLESS_SUFFIXES:
        raise SourceError(f"{printable(str(path))} would lose detail: use {', '.join(sorted(LOSSLESS_SUFFIXES))}")
    if suffix == ".npy":
        out = io.BytesIO()
        np.save(out, image)
        write_atomically(path, out.getvalue())
        return
    if image.dtype == np.float32 and suffix not in (".tif", ".tiff"):
        raise SourceError(f"{printable(str(path))} cannot hold 32 bit float pixels: use .tiff")
    if image.dtype == np.uint16 and suffix == ".bmp":
        raise SourceError(f"{printable(str(path))} cannot hold 16 bit pixels: use .png or .tiff")
    options = [cv2.IMWRITE_TIFF_COMPRESSION, 1] if image.dtype == np.float32 else []
    write_atomically(path, _encode(image, suffix, options))


class PictureFolder:
    """Writes a sequence as `000000.png`, ... into a folder, if no lossless video can be written.

    Those of an earlier, longer sequence are removed at its end, unless it ends with an error."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._written = folder, list[str]()

    def write(self, image: np.ndarray) -> None:
        """Add (height, width) uint8, uint16 or, as tiff, float32. Raises SourceError."""
        suffix = ".tiff" if image.dtype == np.float32 else ".png"
        name = f"{len(self._written):06d}{suffix}"
        write_image(self._folder / name, image)
        self._written.append(name)

    def __enter__(self) -> PictureFolder:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        written = set(self._written)
        if error is None and written:
            for path in self._folder.iterdir():
                if re.fullmatch(r"\d{6,}\.(png|tiff)", path.name) and path.name not in written:
                    path.unlink(missing_ok=True)


def _encode(image: np.ndarray, suffix: str, options: list[int]) -> bytes:
    done, data = cv2.imencode(suffix, image, options)
    if not done:
        raise SourceError(f"a frame of {image.shape} {image.dtype} cannot be encoded as {suffix}")
    return data.tobytes()
