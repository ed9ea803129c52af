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

"""Video files through OpenCV; 8 and 16 bit grey FFV1 is written and read losslessly."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.atomic import replaceable, sync_folder, temporary_name, unwritable
from infrared_ir_ros.media.frames import DEFAULT_FRAME_RATE, Frame, Report, check_size, log_problem, to_thermal
from infrared_ir_ros.media.paths import printable

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "8")  # we report a damaged video ourselves, in one line

VIDEO_SUFFIXES = frozenset({".avi", ".mkv", ".mp4", ".mov", ".m4v", ".mpg", ".mpeg", ".webm", ".wmv"})
NOT_UTF8 = "this OpenCV takes only names in UTF-8, rename it"

_GREY_PIXELS = (b"Y800", b"Y1\x00\x10")  # 8 and 16 bit, as FFmpeg calls them
_FEWER_BITS = {b"Y1\x00\x09": 9, b"Y1\x00\x0a": 10, b"Y1\x00\x0c": 12, b"Y1\x00\x0e": 14}
_RAW_COUNTS = (b"RGB\x0f", b"RGB\x10")  # 15 and 16 bit colour, which is how raw 16-bit counts in an avi are read


class VideoSource:
    """The frames of a video file, colour as luma; grey 16-bit video stays 16 bit. Stamps from the frame rate.

    Raises SourceError if it cannot be opened. A video that ends early is reported to `report`.
    """

    def __init__(self, path: Path, report: Report = log_problem) -> None:
        self._path, self._report = path, report
        self.name = printable(path.name)
        capture = self._open()
        rate, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        capture.release()
        self.frame_rate = rate if 0 < rate <= 1000 else DEFAULT_FRAME_RATE
        self.frame_count = int(count) if 0 < count < 1e9 else 0

    def _open(self) -> cv2.VideoCapture:
        what = f"video {printable(str(self._path))}"
        try:
            capture = cv2.VideoCapture(_name(self._path))
        except (cv2.error, TypeError):
            raise SourceError(f"{what} cannot be opened: {NOT_UTF8}") from None
        if not capture.isOpened():
            raise SourceError(f"{what} cannot be opened: it is damaged, or OpenCV lacks its codec")
        height, width = capture.get(cv2.CAP_PROP_FRAME_HEIGHT), capture.get(cv2.CAP_PROP_FRAME_WIDTH)
        check_size(int(height), int(width), what)
        pixels = (int(capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)) & 0xFFFFFFFF).to_bytes(4, "little")
        if pixels in _RAW_COUNTS:
            raise SourceError(
                f"{what} is marked as 16-bit colour, which may be raw counts: convert it to gray16le FFV1"
            )
        if pixels in _GREY_PIXELS:
            capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        self._bits = _FEWER_BITS.get(pixels, 0)
        return capture

    def __iter__(self) -> Iterator[Frame]:
        capture = self._open()
        count = 0
        try:
            while True:
                done, image = capture.read()
                if not done or image is None:
                    break
                name = f"{self.name}#{count:06d}"
                yield Frame(to_thermal(image, name), round(count * 1e9 / self.frame_rate), name, count)
                count += 1
        finally:
            capture.release()
        if self._bits:
            self._report(f"video {self.name} has {self._bits} bits, of which 8 are read: convert it to gray16le FFV1")
        if count < self.frame_count:
            self._report(f"video {self.name} says {self.frame_count} frames, {count} could be read")


class VideoWriter:
    """Writes a lossless grey FFV1 video (.mkv or .avi), 8 or 16 bit; use as a context manager.

    The file appears once it is complete; after an exception there is none. Raises SourceError, at the first frame, if
    OpenCV cannot write FFV1.
    """

    def __init__(self, path: Path, frame_rate: float) -> None:
        self._path, self._frame_rate = replaceable(path), frame_rate
        self._temporary = temporary_name(self._path)
        self._writer: cv2.VideoWriter | None = None
        self._like: tuple[tuple[int, ...], np.dtype] | None = None
        self._count = 0

    def write(self, image: np.ndarray) -> None:
        """Append (height, width) uint8 or uint16, the same for all frames. Raises SourceError."""
        if self._writer is None:
            self._open(image)
        if self._like != (image.shape, image.dtype):
            raise SourceError(f"a frame of {image.shape} {image.dtype} does not fit a video of {self._like}")
        self._writer.write(image)
        self._count += 1

    def _open(self, image: np.ndarray) -> None:
        if image.dtype not in (np.uint8, np.uint16):
            raise SourceError(
                f"a video cannot hold {image.dtype} pixels: write pictures, with restore_images --format png"
            )
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._temporary.touch(exist_ok=False)  # gives the reason for an unwritable folder, which OpenCV would not
        except OSError as error:
            raise unwritable(self._path, error) from error
        options = [cv2.VIDEOWRITER_PROP_IS_COLOR, 0]
        if image.dtype == np.uint16:
            options += [cv2.VIDEOWRITER_PROP_DEPTH, cv2.CV_16U]
        size, codec = (image.shape[1], image.shape[0]), cv2.VideoWriter_fourcc(*"FFV1")
        try:
            writer = cv2.VideoWriter(_name(self._temporary), cv2.CAP_FFMPEG, codec, self._frame_rate, size, options)
        except (cv2.error, TypeError):
            raise SourceError(f"{printable(str(self._path))} cannot be written: {NOT_UTF8}") from None
        if not writer.isOpened():
            name = printable(str(self._path))
            raise SourceError(f"{name}: this OpenCV cannot write FFV1 video; write pictures instead")
        self._writer, self._like = writer, (image.shape, image.dtype)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._writer is not None:
                self._writer.release()
                if kind is None:
                    self._finish()
        finally:
            with suppress(OSError):
                self._temporary.unlink()

    def _finish(self) -> None:
        written = _count_frames(self._temporary)  # OpenCV does not report a full disk
        if written != self._count:
            raise SourceError(
                f"{printable(str(self._path))}: {written} of {self._count} frames reached the disk: free some space"
            )
        try:
            with open(self._temporary, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(self._temporary, self._path)
            sync_folder(self._path.parent)
        except OSError as error:
            raise unwritable(self._path, error) from error


def can_write_video() -> bool:
    """Whether this OpenCV writes FFV1 losslessly, including 16 bit; tried on one small frame."""
    frame = np.arange(32 * 32, dtype=np.uint16).reshape(32, 32) * 64
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "probe.mkv")
        try:
            with VideoWriter(path, 25.0) as writer:
                writer.write(frame)
            return bool(np.array_equal(next(iter(VideoSource(path))).image, frame))
        except (SourceError, StopIteration, cv2.error):
            return False


def _count_frames(path: Path) -> int:
    capture = cv2.VideoCapture(_name(path))
    count = 0
    while capture.grab():
        count += 1
    capture.release()
    return count


def _name(path: Path) -> str | bytes:
    """`path` for OpenCV, which crashes at a str that is not UTF-8. Version 5 takes bytes, older ones raise."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return str(path)
