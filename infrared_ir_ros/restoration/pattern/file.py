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

"""Saves the fixed pattern of a camera, so that the next run knows it from its first frame on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from infrared_ir_ros.errors import SourceError, WeightsError
from infrared_ir_ros.records import LARGEST_SIDE, SMALLEST_SIDE
from infrared_ir_ros.restoration.pattern.memory import PatternMemory
from infrared_ir_ros.restoration.tensors import digest, read_tensors, write_tensors
from infrared_ir_ros.restoration.weights import read_regular

KIND = "pattern"
LARGEST = 1 << 28  # bytes; that of 4096 x 4096 pixels is smaller
REMEDY = "give a file that was written by save_pattern or profile_sensor"


@dataclass(frozen=True)
class Camera:
    """The camera of a pattern. name: given by the user (a serial number, say), else the frame_id. dtype: of frames."""

    name: str
    height: int
    width: int
    dtype: str

    @classmethod
    def of(cls, frame: np.ndarray, name: str) -> Camera:
        return cls(name, *frame.shape, frame.dtype.name)

    def __str__(self) -> str:
        return f"{self.name!r} ({self.width}x{self.height}, {self.dtype})"


@dataclass(frozen=True)
class SavedPattern:
    """The known pattern of a camera. arrays, numbers: of `PatternMemory.saved`."""

    camera: Camera
    arrays: dict[str, np.ndarray]
    numbers: dict[str, float]

    @property
    def frames(self) -> int:
        """The number of frames that taught something."""
        return int(self.numbers["frames"])

    def memory(self, background: bool = False) -> PatternMemory:
        """A memory that continues from here."""
        memory = PatternMemory(background=background)
        memory.resume(self.arrays, self.numbers)
        return memory

    def check(self, camera: Camera) -> None:
        """Raises SourceError, which names both, unless the pattern belongs to this camera."""
        if camera != self.camera:
            raise SourceError(
                f"the pattern is of camera {self.camera}, but this one is {camera}: remove the file or give another one"
            )

    def to_bytes(self) -> bytes:
        """As a safetensors file; write it with `write_atomically`."""
        about = {"kind": KIND, "camera": asdict(self.camera), "numbers": self.numbers}
        return write_tensors(self.arrays, about | {"sha256": digest(self.arrays, about)})


def read_pattern(path: Path) -> SavedPattern:
    """Read a pattern. Raises SourceError, with the reason: missing, damaged, not a pattern."""
    try:
        arrays, about = read_tensors(read_regular(path, LARGEST, REMEDY), str(path))
    except WeightsError as error:
        raise SourceError(f"pattern not loaded: {error}") from error
    stored = about.pop("sha256", None)
    if about.get("kind") != KIND or stored != digest(arrays, about):
        raise SourceError(
            f"pattern not loaded: {path} is damaged or holds none (SHA-256 {stored}, of its content "
            f"{digest(arrays, about)}): save the pattern again"
        )
    try:
        camera = Camera(**about["camera"])
        numbers = {str(name): float(value) for name, value in about["numbers"].items()}
        saved = SavedPattern(camera, arrays, numbers)
        sides_fit = all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in (camera.height, camera.width))
        if not sides_fit or arrays["fine"].shape != (camera.height, camera.width):
            raise ValueError(f"{arrays['fine'].shape} does not fit {camera}")
        saved.memory()
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise SourceError(f"pattern not loaded: {path} lacks or misspells {error}: save the pattern again") from error
    return saved
