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

"""Degrades clean frames: the paper's benchmark (hm_tir) and a more physical camera (sensor), design section 2.

All frames are (height, width) float32 in grey levels 0..255. `scale`: sensor pixels per pixel of the frame along an
axis; a thumbnail of 1/8 size is degraded with scale 8, as if its frame had been degraded first.
"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.records import CLEAN_LEVELS, CLEAN_PERCENTILES
from infrared_ir_ros.simulation import ranges
from infrared_ir_ros.simulation.profile import is_profile, read_profile
from infrared_ir_ros.simulation.ranges import HM_TIR, SEVERITY
from infrared_ir_ros.simulation.sensor import SensorModel, to_levels
from infrared_ir_ros.simulation.shading import cos4_dome

PRESETS = ("clean", *HM_TIR, *SEVERITY)


def check_preset(preset: str) -> None:
    """Raises OptionError unless `preset` is one of PRESETS, or the path of a profile (.yaml)."""
    if not is_profile(preset) and preset not in PRESETS:
        raise OptionError(f"degradation is {preset!r}: use one of {', '.join(PRESETS)}, or a .yaml of profile_sensor")


class _Step(Protocol):
    def __call__(self, frame: np.ndarray, rng: np.random.Generator, scale: float) -> np.ndarray: ...


def stretch(frame: np.ndarray) -> np.ndarray:
    """Stretch a clean frame to the levels of the benchmark's clean frames: percentiles 0.3 and 99.7 at 14 and 229.

    frame: (height, width), any real dtype. Returns float32 clipped to 0..255. Raises OptionError for a flat frame.
    """
    low, high = np.percentile(frame, CLEAN_PERCENTILES)
    if not high > low:
        raise OptionError(f"the frame is flat (percentiles {low} and {high}): there is no contrast to stretch")
    gain = (CLEAN_LEVELS[1] - CLEAN_LEVELS[0]) / (high - low)
    return np.clip((frame.astype(np.float32) - low) * gain + CLEAN_LEVELS[0], 0, 255).astype(np.float32)


def degrade(frame: np.ndarray, preset: str, rng: np.random.Generator, scale: float = 1.0) -> np.ndarray:
    """Degrade one frame.

    frame: (height, width) float32, 0..255. preset: one of PRESETS, or the path of a profile.
    rng decides everything: same seed, same result.
    Returns a new float32 frame on the 8-bit levels 0..255. Raises OptionError for an unknown preset.
    """
    return VideoDegradation(preset, rng, frame.shape, scale)(frame)


class VideoDegradation:
    """Degrade the frames of a sequence.

    preset: one of PRESETS, or the path of a profile (.yaml of profile_sensor). shape: (height, width) of every frame.
    step: between two levels of the output; below 1 for a camera of more than 8 bits.
    A `sensor` preset is one camera over the whole sequence: it keeps its pattern, shading and dead pixels, its noise is
    correlated in time, and its levels drift. `hm_tir` presets draw each frame independently, as in the benchmark.
    """

    def __init__(
        self,
        preset: str,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        scale: float = 1.0,
        step: float = 1.0,
    ) -> None:
        check_preset(preset)
        self._preset = preset
        self._rng = rng
        self._scale, self._step = scale, step
        self._sensor: SensorModel | None = None
        if is_profile(preset):
            self._sensor = SensorModel(1.0, rng, shape[:2], scale, step, read_profile(preset))
        elif preset in SEVERITY:
            self._sensor = SensorModel(SEVERITY[preset], rng, shape[:2], scale, step)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Degrade the next frame: (height, width) float32 0..255 in and out; the input is not changed."""
        frame = np.asarray(frame, np.float32)
        if self._sensor is not None:
            return self._sensor(frame)
        if self._preset in HM_TIR:
            return _hm_tir(frame, self._preset, self._rng, self._scale, self._step)
        return to_levels(frame, self._step)


def _hm_tir(frame: np.ndarray, preset: str, rng: np.random.Generator, scale: float, levels_step: float) -> np.ndarray:
    """The paper's benchmark: tone, blur, optical non-uniformity, stripes, noise; clipped and rounded after each."""
    groups: dict[str, tuple[_Step, ...]] = {"tone": (_tone,), "blur": (_blur,), "noise": (_optics, _stripes, _noise)}
    if preset == "hm_tir_single":
        steps = groups[str(rng.choice(list(groups)))]
    else:
        steps = tuple(step for group in groups.values() for step in group)
    for step in steps:
        if preset != "hm_tir_normal" or rng.random() < ranges.HM_TIR_NORMAL_CHANCE:
            frame = to_levels(step(frame, rng, scale), levels_step)
    return to_levels(frame, levels_step)


def _tone(frame: np.ndarray, rng: np.random.Generator, scale: float) -> np.ndarray:
    return frame * (1 + ranges.TONE_CONTRAST.draw(rng)) + 255 * ranges.TONE_BRIGHTNESS.draw(rng)


def _blur(frame: np.ndarray, rng: np.random.Generator, scale: float) -> np.ndarray:
    sigma = ranges.BLUR.draw(rng) / scale
    return cv2.GaussianBlur(frame, (0, 0), sigma) if sigma > 0.1 else frame


def _optics(frame: np.ndarray, rng: np.random.Generator, scale: float) -> np.ndarray:
    height, width = frame.shape
    delta = rng.integers(ranges.DOME.low, ranges.DOME.high + 1)
    dome = cos4_dome(height, width, rng.uniform(0, height), rng.uniform(0, width))
    return frame + delta * (dome if rng.random() < 0.5 else 1 - dome)


def _stripes(frame: np.ndarray, rng: np.random.Generator, scale: float) -> np.ndarray:
    gain, offset = ranges.STRIPE_GAIN.draw(rng), ranges.STRIPE_OFFSET.draw(rng)
    height, width = frame.shape
    shape = (1, width) if rng.random() < 0.5 else (height, 1)
    shrink = np.float32(scale**-0.5)  # one pixel of a thumbnail averages `scale` lines
    gains = 1 + gain * shrink * rng.standard_normal(shape, np.float32)
    return frame * gains + offset * shrink * rng.standard_normal(shape, np.float32)


def _noise(frame: np.ndarray, rng: np.random.Generator, scale: float) -> np.ndarray:
    sigma = np.float32(np.sqrt(ranges.NOISE_VARIANCE.draw(rng)) / scale)
    return frame + sigma * rng.standard_normal(frame.shape, np.float32)
