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

"""Sequences in npz files: one array of frames, or the first frame and differences of a trap camera (CPTV)."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.frames import DEFAULT_FRAME_RATE, Frame, Source, check_size
from infrared_ir_ros.media.headers import npy_header
from infrared_ir_ros.media.paths import printable, read_file

CPTV_FRAME_RATE = 1 / 0.114  # Hz: the frame step of these cameras
FIRST, DELTA = "first.npy", "delta.npy"
WANTED = "one array (N, H, W), or `first` (H, W) and `delta` (N-1, H, W)"


def open_npz(path: Path) -> Source:
    """Frames of an npz with the keys `first` and `delta` (CptvSource), or with one array (N, H, W) (ArraySource).

    Other arrays of fewer or more dimensions, such as times, are ignored. Nothing is unpickled.
    Raises SourceError: no such arrays, shapes that do not fit, pixels that are not numbers, a wrong size.
    """
    what = printable(str(path))
    try:
        with zipfile.ZipFile(io.BytesIO(read_file(path))) as archive:
            if {FIRST, DELTA} <= set(archive.namelist()):
                return CptvSource(path, _array(archive, FIRST, what), _array(archive, DELTA, what))
            shapes = {name: _header(archive, name)[0] for name in archive.namelist() if name.endswith(".npy")}
            sequences = [name for name, shape in shapes.items() if len(shape) == 3]
            if len(sequences) != 1:
                found = ", ".join(f"{name.removesuffix('.npy')} {shape}" for name, shape in shapes.items())
                raise SourceError(f"{what} holds {printable(found) or 'no arrays'}: an npz source needs {WANTED}")
            return ArraySource(path, _array(archive, sequences[0], what, "iuf"))
    except SourceError:
        raise
    except Exception as error:  # hostile bytes make zipfile, zlib and numpy raise many types
        raise SourceError(f"{what} is damaged: {printable(str(error))}") from None


class ArraySource:
    """Frames (height, width) of an array (N, height, width): uint8 unchanged, other integers as uint16, floats as
    float32.

    Raises SourceError: no frames, or too large ones; during iteration, a frame with values outside 0..65535.
    """

    def __init__(self, path: Path, frames: np.ndarray) -> None:
        self.name = printable(path.name)
        self.frame_rate = DEFAULT_FRAME_RATE
        self.frame_count = len(frames)
        if not len(frames):
            raise SourceError(f"{printable(str(path))} holds no frames: {frames.shape}")
        check_size(*frames.shape[1:], printable(str(path)))
        self._frames = frames

    def __iter__(self) -> Iterator[Frame]:
        for index, image in enumerate(self._frames):
            kind = np.float32 if image.dtype.kind == "f" else np.uint8 if image.dtype == np.uint8 else np.uint16
            yield _frame(self, image, index, kind)


class CptvSource:
    """Frames (height, width) uint16 of a first frame (H, W) and differences (N - 1, H, W).

    Raises SourceError: shapes that do not fit; during iteration, a frame with values outside 0..65535.
    """

    def __init__(self, path: Path, first: np.ndarray, delta: np.ndarray) -> None:
        self.name = printable(path.name)
        self.frame_rate = CPTV_FRAME_RATE
        what = printable(str(path))
        if first.ndim != 2 or delta.ndim != 3 or delta.shape[1:] != first.shape:
            raise SourceError(f"{what}: first {first.shape} and delta {delta.shape} do not fit: (H, W) and (N-1, H, W)")
        check_size(*first.shape, what)
        self.frame_count = 1 + len(delta)
        self._first, self._delta = first, delta

    def __iter__(self) -> Iterator[Frame]:
        counts = self._first.astype(np.int64)
        for index in range(self.frame_count):
            if index:
                counts = counts + self._delta[index - 1]
            yield _frame(self, counts, index, np.uint16)


def _frame(source: Source, counts: np.ndarray, index: int, dtype: type) -> Frame:
    if dtype != np.float32 and (counts.min() < 0 or counts.max() > 65535):
        found = f"{counts.min()} to {counts.max()}"
        raise SourceError(f"{source.name}: frame {index} holds {found}: store counts of 0 to 65535, or it is damaged")
    stamp = round(index * 1e9 / source.frame_rate)
    return Frame(counts.astype(dtype, order="C"), stamp, f"{source.name}#{index:06d}", index)


def _header(archive: zipfile.ZipFile, member: str) -> tuple[tuple[int, ...], np.dtype, int]:
    """Shape and dtype of an array, and its size in bytes with the header."""
    with archive.open(member) as file:
        shape, dtype = npy_header(file)
        return shape, dtype, file.tell() + math.prod(shape) * dtype.itemsize


def _array(archive: zipfile.ZipFile, member: str, what: str, kinds: str = "iu") -> np.ndarray:
    """One array of numbers, integers by default, if its header agrees with the size of the member."""
    info = archive.getinfo(member)
    if info.file_size > 1 << 31:
        raise SourceError(f"{what}: {member} claims {info.file_size} bytes: at most {1 << 31} are read")
    shape, dtype, size = _header(archive, member)
    if dtype.kind not in kinds:
        raise SourceError(f"{what}: {printable(member)} is {dtype} {shape}: store uint8 or uint16 counts")
    if size != info.file_size:
        raise SourceError(f"{what}: {printable(member)} has {info.file_size} bytes, {dtype} {shape} takes {size}")
    with archive.open(info) as file:
        return np.lib.format.read_array(file, allow_pickle=False)
