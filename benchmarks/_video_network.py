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

"""Parts of the video benchmark with the network behind the memory: temperatures, flicker, real still cameras."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np

from infrared_ir_ros.evaluation.no_reference import Moments, still_pixels, stillness
from infrared_ir_ros.media import open_source
from infrared_ir_ros.records import Counts, Options
from infrared_ir_ros.restoration import Restorer, load_restorer
from infrared_ir_ros.restoration.pattern import PatternMemory
from infrared_ir_ros.simulation.camera import KELVIN_PER_COUNT, Degrader, film_scene
from infrared_ir_ros.simulation.moving_scene import MovingScene

LEPTON = "raw16/cptv-lepton3"
SMOOTHING = 0.8  # the node's default
STILL_CLIPS = ("noise_01", "noise_02", "noise_03", "noise_05", "edge_20181123")  # nothing happens in them
SHAPE = (240, 320)


def kelvin(seed: int, frames: int = 200) -> dict[str, float]:
    """Point 4: kelvin.MOTION.bias: largest difference of a frame's mean from that of its input, K, tone preserved."""
    options = Options("restore", "preserve", 1.0, SMOOTHING, Counts("tlinear", resolution=KELVIN_PER_COUNT), "on")
    restorer, figures = load_restorer(options=options), {}
    for motion in ("pan", "drive"):
        restorer.reset()
        shots = film_scene(MovingScene(motion, seed, *SHAPE), "mono16", 30.0, Degrader("raw_core", seed))
        biases = [_bias(restorer, shot.image) for shot in islice(shots, frames)]
        figures[f"kelvin.{motion}.bias"] = KELVIN_PER_COUNT * float(np.max(np.abs(biases)))
        figures[f"kelvin.{motion}.used"] = float(sum(restorer.patterns.state.used) / 2)
    return figures


def _bias(restorer: Restorer, frame: np.ndarray) -> float:
    return float(restorer.restore(frame).image.mean(dtype=float) - frame.mean(dtype=float))


def flicker(data: Path, frames: int = 90) -> dict[str, float]:
    """Point 5: flicker.PRESET: of restored still scenes, relative to the clean recordings; the figure of evaluate_bag,
    blocks from frame to frame relative to the contrast of the scene. `_degraded`: of the degraded input."""
    restorer, figures = load_restorer(options=Options(tone="restore", smoothing=SMOOTHING, pattern_memory="auto")), {}
    for preset in ("sensor_light", "sensor_normal", "sensor_hard"):
        ratios = []
        for clip in STILL_CLIPS:
            clean = [frame.image for frame in islice(open_source(data / LEPTON / f"{clip}.npz"), frames)]
            degrader = Degrader(preset, 0)
            degraded = [degrader(frame) for frame in clean]
            restorer.reset()
            restored = [restorer.restore(frame).image for frame in degraded]
            before = Moments.of(clean)
            still = still_pixels(before)
            own = stillness(before, still).flicker
            ratios.append([stillness(Moments.of(images), still).flicker / own for images in (restored, degraded)])
        figures[f"flicker.{preset}"], figures[f"flicker.{preset}_degraded"] = np.nanmean(ratios, axis=0).tolist()
    return figures


def lepton(data: Path) -> dict[str, float]:
    """Point 5: lepton.CLIP: largest change, in counts, that the memory makes to a frame of a real camera; `.auto` the
    same with auto. lepton.drift: of the mean of the longest clip's restored frames against the input's, counts."""
    figures, longest = {}, max((data / LEPTON).glob("*.npz"), key=lambda path: open_source(path).frame_count)
    for path in sorted((data / LEPTON).glob("*.npz")):
        for setting, sure in (("", True), (".auto", False)):
            memory = PatternMemory(sure=sure)
            changes = [np.abs(memory(frame.image) - frame.image).max() for frame in open_source(path)]
            figures[f"lepton.{path.stem}{setting}"] = float(max(changes))
    restorer = load_restorer(options=Options(tone="preserve", smoothing=SMOOTHING, pattern_memory="on"))
    figures["lepton.drift"] = max(abs(_bias(restorer, frame.image)) for frame in open_source(longest))
    return figures
