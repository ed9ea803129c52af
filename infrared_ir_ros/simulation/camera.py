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

"""What a simulated camera delivers: frames of a scene or of recordings, degraded if asked, beside the truth."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.simulation.degradation import STRETCH_LEVELS, STRETCH_PERCENTILES, VideoDegradation, check_preset
from infrared_ir_ros.simulation.scene import Box, ThermalScene

ENCODINGS = ("mono16", "mono8")
KELVIN_PER_COUNT = 0.01  # TLinear, high resolution
SCENE_RATE = 30.0  # Hz
FINE_STEP = 1 / 256  # of a grey level: 16 bits


class Recording(Protocol):
    """A frame of a source: image (H, W) uint8, uint16 or float32, and its stamp in nanoseconds."""

    image: np.ndarray
    stamp_ns: int


@dataclass(frozen=True)
class Shot:
    """One frame and the truth about it.

    image, clean: (H, W), same dtype: uint8, uint16 or float32; the same array where nothing is degraded.
    stamp_ns: time of the source. temperature: (H, W) float32 K, boxes: both only of a scene.
    """

    image: np.ndarray
    clean: np.ndarray
    stamp_ns: int
    temperature: np.ndarray | None = None
    boxes: list[Box] | None = None


class Window:
    """Grey levels 0..255 of frames with more depth: the percentiles 0.3 and 99.7 of the first one are the levels 14
    and 229, as in the benchmark's clean frames, and stay there. 8-bit frames are their own levels."""

    def __init__(self, first: np.ndarray) -> None:
        self._low, self._step = 0.0, 1.0
        if first.dtype != np.uint8:
            low, high = np.nanpercentile(first, STRETCH_PERCENTILES)
            self._step = max(float(high - low), 1e-3) / (STRETCH_LEVELS[1] - STRETCH_LEVELS[0])
            self._low = float(low) - STRETCH_LEVELS[0] * self._step

    def levels(self, frame: np.ndarray) -> np.ndarray:
        """(H, W) float32 of a frame, not clipped."""
        return ((frame.astype(np.float32) - np.float32(self._low)) / np.float32(self._step)).astype(np.float32)

    def values(self, levels: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """The frame back from its levels, clipped to what `dtype` holds."""
        values = levels * np.float32(self._step) + np.float32(self._low)
        if dtype.kind != "u":
            return values.astype(dtype)
        return np.clip(np.rint(values), 0, np.iinfo(dtype).max).astype(dtype)


class Degrader:
    """Degrades the frames of a sequence, whatever their depth; `clean` returns them untouched.

    The presets work on the levels 0..255, in steps of 1/256 where the frame has more than 8 bits. What lies above or
    below them is carried past, so that an engine in a 16-bit frame is not cut off. Raises OptionError for an unknown
    preset.
    """

    def __init__(self, preset: str, seed: int) -> None:
        check_preset(preset)
        self._preset, self._seed = preset, seed
        self._like: tuple[tuple[int, ...], np.dtype] | None = None

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """(H, W) uint8, uint16 or float32 in and out. A change of size or depth begins a new sequence."""
        if self._preset == "clean":
            return frame
        if self._like != (frame.shape, frame.dtype):
            self._like = (frame.shape, frame.dtype)
            self._window = Window(frame)
            step = 1.0 if frame.dtype == np.uint8 else FINE_STEP
            self._video = VideoDegradation(self._preset, np.random.default_rng(self._seed), frame.shape, step=step)
        levels = self._window.levels(frame)
        inside = np.clip(levels, 0, 255)
        return self._window.values(self._video(inside) + (levels - inside), frame.dtype)


def film_scene(scene: ThermalScene, encoding: str, rate: float, degrader: Degrader) -> Iterator[Shot]:
    """Frames of a scene without end, `rate` a second: `mono16` counts of 0.01 K, or `mono8` levels (see Window).

    Raises OptionError for another encoding.
    """
    if encoding not in ENCODINGS:
        raise OptionError(f"encoding is {encoding!r}: use one of {', '.join(ENCODINGS)}")
    window = Window(scene.frame(0.0).temperature) if encoding == "mono8" else None
    index = 0
    while True:
        moment = scene.frame(index / rate)
        if window is None:
            clean = np.rint(moment.temperature / np.float32(KELVIN_PER_COUNT)).astype(np.uint16)
        else:
            clean = np.clip(np.rint(window.levels(moment.temperature)), 0, 255).astype(np.uint8)
        yield Shot(degrader(clean), clean, round(index * 1e9 / rate), moment.temperature, moment.boxes)
        index += 1


def film_recording(frames: Iterable[Recording], degrader: Degrader) -> Iterator[Shot]:
    """The frames of a recording, degraded."""
    for frame in frames:
        yield Shot(degrader(frame.image), frame.image, frame.stamp_ns)


def boxes_json(boxes: list[Box], stamp_ns: int, frame_id: str) -> str:
    """True boxes as text: {"stamp": {"sec", "nanosec"}, "frame_id", "boxes": [{"label", "x", "y", "width", "height"}]}.

    x, y: left upper corner; pixels.
    """
    seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
    return json.dumps(
        {
            "stamp": {"sec": seconds, "nanosec": nanoseconds},
            "frame_id": frame_id,
            "boxes": [asdict(box) for box in boxes],
        }
    )
