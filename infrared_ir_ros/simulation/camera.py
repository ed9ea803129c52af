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

"""The frames of a simulated camera: of a scene or of recordings, optionally degraded, with the ground truth."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.records import CLEAN_LEVELS, CLEAN_PERCENTILES, INFINITE
from infrared_ir_ros.simulation.degradation import VideoDegradation, check_preset
from infrared_ir_ros.simulation.moving_scene import MovingScene
from infrared_ir_ros.simulation.raw_core import RawCore
from infrared_ir_ros.simulation.scene import Box, ThermalScene

ENCODINGS = ("mono16", "mono8")
RAW_CORE, DRIFT = "raw_core", 4.0  # a camera without calibration; drift of its shading in levels
FROZEN_SECONDS = 0.5  # for which the frame is repeated while the shutter is closed
KELVIN_PER_COUNT = 0.01  # TLinear, high resolution
SCENE_RATE = 30.0  # Hz
FINE_STEP = 1 / 256  # of a grey level: 16 bits


class Recording(Protocol):
    """A frame of a source: image (H, W) uint8, uint16 or float32, and its stamp in nanoseconds."""

    @property
    def image(self) -> np.ndarray: ...
    @property
    def stamp_ns(self) -> int: ...


@dataclass(frozen=True)
class Shot:
    """One frame and its ground truth.

    image, clean: (H, W), same dtype: uint8, uint16 or float32; the same array if nothing is degraded.
    stamp_ns: time of the source. temperature: (H, W) float32 K, and boxes: only of a scene. pattern: (H, W) float32
    counts that a raw core adds.
    """

    image: np.ndarray
    clean: np.ndarray
    stamp_ns: int
    temperature: np.ndarray | None = None
    boxes: list[Box] | None = None
    pattern: np.ndarray | None = None


class GreyScale:
    """Maps frames of more than 8 bits to grey levels 0..255, so that the percentiles 0.3 and 99.7 of the first frame
    are the levels 14 and 229, as in the benchmark's clean frames. 8-bit frames are not changed.

    step: counts per level. is_flat: the first frame has no contrast, as behind a closed shutter: take the next one.
    """

    def __init__(self, first: np.ndarray) -> None:
        self._low, self.step, self.is_flat = 0.0, 1.0, False
        if first.dtype != np.uint8:
            known = first[np.abs(first) < INFINITE]  # nor NaN
            low, high = np.percentile(known, CLEAN_PERCENTILES) if known.size else (0.0, 0.0)
            self.is_flat = not high > low
            self.step = max(float(high - low), 1e-3) / (CLEAN_LEVELS[1] - CLEAN_LEVELS[0])
            self._low = float(low) - CLEAN_LEVELS[0] * self.step

    @classmethod
    def of(cls, frames: Sequence[np.ndarray]) -> GreyScale:
        """By the frame of the median contrast instead: a recording may begin behind a closed shutter."""
        contrasts = [np.ptp(np.percentile(frame[::4, ::4], CLEAN_PERCENTILES)) for frame in frames]
        return cls(frames[int(np.argsort(contrasts)[len(frames) // 2])])

    def levels(self, frame: np.ndarray) -> np.ndarray:
        """The levels of a frame, (H, W) float32, not clipped."""
        with np.errstate(over="ignore"):  # of unknown pixels
            return ((frame.astype(np.float32) - np.float32(self._low)) / np.float32(self.step)).astype(np.float32)

    def values(self, levels: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """The frame with these levels, clipped to the range of `dtype`."""
        values = levels * np.float32(self.step) + np.float32(self._low)
        if dtype.kind != "u":
            return values.astype(dtype)
        return np.clip(np.rint(values), 0, np.iinfo(dtype).max).astype(dtype)


class Degrader:
    """Degrades the frames of a sequence, of any depth; `clean` does not change them.

    The presets work on the levels 0..255, in steps of 1/256 if the frame has more than 8 bits. Excess above and below
    these levels is added back, so that hot objects in 16-bit frames are not clipped. `raw_core` is a camera without
    calibration: glow, shading and stripes stronger than the scene, and a drift. Raises OptionError for an unknown
    preset, a negative seed, and a shutter with another preset.

    shutter: seconds between closings of a raw core's shutter, which repeats a frame for FROZEN_SECONDS and changes the
    pattern; 0: never. rate: frames per second.
    """

    def __init__(self, preset: str, seed: int, shutter: float = 0.0, rate: float = SCENE_RATE) -> None:
        if seed < 0:
            raise OptionError(f"seed is {seed}: use 0 or more")
        if preset != RAW_CORE:
            check_preset(preset)
            if shutter:
                raise OptionError(f"shutter_s is {shutter:g}: only the degradation {RAW_CORE} has a shutter")
        self._preset, self._seed = preset, seed
        self._like: tuple[tuple[int, ...], np.dtype] | None = None
        self._frozen = max(round(FROZEN_SECONDS * rate), 1) if shutter else 0
        self._period = max(round(shutter * rate), 2 * self._frozen)
        self._number, self._last = 0, np.empty(0)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """(H, W) uint8, uint16 or float32 in and out. A change of size or depth starts a new sequence."""
        if self._preset == "clean":
            return frame
        if self._like != (frame.shape, frame.dtype):
            self._like = (frame.shape, frame.dtype)
            self._grey = GreyScale(frame)
            step, rng = 1.0 if frame.dtype == np.uint8 else FINE_STEP, np.random.default_rng(self._seed)
            self._number = 0
            if self._preset == RAW_CORE:
                self._video: VideoDegradation | RawCore = RawCore(rng, frame.shape, step, DRIFT)
            else:
                self._video = VideoDegradation(self._preset, rng, frame.shape, step=step)
        elif self._grey.is_flat:
            self._grey = GreyScale(frame)
        if self._shutter_is_closed():
            return self._last
        levels = self._grey.levels(frame)
        inside = np.clip(levels, 0, 255)
        self._last = self._grey.values(self._video(inside) + (levels - inside), frame.dtype)
        return self._last

    @property
    def pattern(self) -> np.ndarray | None:
        """The pattern that a raw core added to the last frame, (H, W) float32 counts of mean 0; None with other
        presets."""
        if self._preset != RAW_CORE:
            return None
        pattern = self._video.pattern * np.float32(self._grey.step)
        return pattern - pattern.mean()

    def _shutter_is_closed(self) -> bool:
        """Whether to repeat the last frame; changes the pattern when the shutter opens."""
        number, self._number = self._number, self._number + 1
        if not self._frozen or number < self._period - self._frozen:
            return False
        if number % self._period == 0:
            self._video.shutter()
        return number % self._period >= self._period - self._frozen


def film_scene(scene: ThermalScene | MovingScene, encoding: str, rate: float, degrader: Degrader) -> Iterator[Shot]:
    """Endless frames of a scene, `rate` per second: `mono16` counts of 0.01 K, or `mono8` levels (see GreyScale).

    Raises OptionError for another encoding.
    """
    if encoding not in ENCODINGS:
        raise OptionError(f"encoding is {encoding!r}: use one of {', '.join(ENCODINGS)}")
    grey = GreyScale(scene.frame(0.0).temperature) if encoding == "mono8" else None
    index = 0
    while True:
        moment = scene.frame(index / rate)
        if grey is None:
            clean = np.rint(moment.temperature / np.float32(KELVIN_PER_COUNT)).astype(np.uint16)
        else:
            clean = np.clip(np.rint(grey.levels(moment.temperature)), 0, 255).astype(np.uint8)
        image = degrader(clean)
        yield Shot(image, clean, round(index * 1e9 / rate), moment.temperature, moment.boxes, degrader.pattern)
        index += 1


def film_recording(frames: Iterable[Recording], degrader: Degrader) -> Iterator[Shot]:
    """The frames of a recording, degraded."""
    for frame in frames:
        image = degrader(frame.image)
        yield Shot(image, frame.image, frame.stamp_ns, pattern=degrader.pattern)


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
