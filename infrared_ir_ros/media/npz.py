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

"""Sequences of a Lepton trap camera (CPTV) stored as npz: the first frame and the differences of the others."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.frames import Frame, check_size
from infrared_ir_ros.media.paths import printable, read_file

CPTV_FRAME_RATE = 1 / 0.114  # Hz: the frame step of these cameras


class CptvSource:
    """Frames (height, width) uint16 of an npz with the keys `first` (H, W) and `delta` (N - 1, H, W).

    Nothing is unpickled. Raises SourceError: no such keys, shapes that do not fit, a size that lies.
    """

    def __init__(self, path: Path) -> None:
        self.name = printable(path.name)
        self.frame_rate = CPTV_FRAME_RATE
        what = printable(str(path))
        self._first, self._delta = _load(read_file(path), what)
        if self._first.ndim != 2 or self._delta.ndim != 3 or self._delta.shape[1:] != self._first.shape:
            raise SourceError(
                f"{what}: first {self._first.shape} and delta {self._delta.shape} do not fit: (H, W) and (N-1, H, W)"
            )
        check_size(*self._first.shape, what)
        self.frame_count = 1 + len(self._delta)

    def __iter__(self) -> Iterator[Frame]:
        counts = self._first.astype(np.int64)
        for index in range(self.frame_count):
            if index:
                counts = counts + self._delta[index - 1]
            if counts.min() < 0 or counts.max() > 65535:
                raise SourceError(f"{self.name}: frame {index} leaves 0..65535: the file is damaged")
            name = f"{self.name}#{index:06d}"
            yield Frame(counts.astype(np.uint16), round(index * 1e9 / self.frame_rate), name, index)


def _load(data: bytes, what: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            missing = {"first.npy", "delta.npy"} - set(archive.namelist())
            if missing:
                raise SourceError(f"{what} lacks {', '.join(sorted(missing))}: an npz source needs `first` and `delta`")
            return _array(archive, "first.npy", what), _array(archive, "delta.npy", what)
    except SourceError:
        raise
    except Exception as error:  # bytes from outside: whatever they make zip, zlib and numpy raise
        raise SourceError(f"{what} is damaged: {printable(str(error))}") from None


def _array(archive: zipfile.ZipFile, member: str, what: str) -> np.ndarray:
    """One integer array, after its header agrees with the size of the member, so that neither can lie."""
    info = archive.getinfo(member)
    if info.file_size > 1 << 31:
        raise SourceError(f"{what}: {member} claims {info.file_size} bytes: at most {1 << 31} are read")
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(file)
        size = file.tell() + math.prod(shape) * dtype.itemsize
        if dtype.kind not in "iu" or size != info.file_size:
            raise SourceError(
                f"{what}: {member} is {dtype} {shape} in {info.file_size} bytes: it needs integers, {size}"
            )
    with archive.open(info) as file:
        return np.lib.format.read_array(file, allow_pickle=False)
