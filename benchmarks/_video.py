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

"""Simulated sequences of the video benchmark: the memory on and off, frame by frame, and events in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from _common import stretched

from infrared_ir_ros.evaluation.metrics import fit_tone, psnr
from infrared_ir_ros.media import write_image
from infrared_ir_ros.restoration.pattern import PatternMemory
from infrared_ir_ros.simulation import VideoDegradation
from infrared_ir_ros.simulation.motion import Drive, Pan
from infrared_ir_ros.simulation.raw_core import RawCore

SHAPE = (240, 320)
MARKS = (30, 100, 200, 299)
NEAR = 5  # frames around a mark that are averaged
EVENTS = ("shutter", "cut", "size", "dropped", "exposure", "stop_and_go")
EVENT, RECOVERED, LENGTH = 200, 260, 300
Scenes = list[np.ndarray]
Camera = Callable[[np.ndarray], np.ndarray]


def clean(scenes: Scenes, motion: str, seed: int, shape: tuple[int, int] = SHAPE) -> Pan | Drive:
    order = np.random.default_rng(seed).permutation(len(scenes))
    return {"pan": Pan, "drive": Drive}[motion]([scenes[i] for i in order], seed, shape)


def camera_of(name: str, bits: int, seed: int, shape: tuple[int, int] = SHAPE) -> Camera:
    rng, step = np.random.default_rng(seed), 1.0 if bits == 8 else 1 / 64
    return RawCore(rng, shape, step) if name == "raw_core" else VideoDegradation(name, rng, shape, step=step)


def counts(raw: np.ndarray, bits: int) -> np.ndarray:
    return raw.astype(np.uint8) if bits == 8 else np.rint(raw * 64).astype(np.uint16)


def score(image: np.ndarray, truth: np.ndarray) -> float:
    truth = np.clip(truth, 0, 255)
    return psnr(fit_tone(image, truth), truth)


def simulated(scenes: Scenes, motion: str, bits: int, camera: str, seed: int) -> dict[str, float]:
    """Point 2: CAMERA.MOTION.BITSbit.gain_at_N: dB with the memory over without; and both at the end."""
    source, degrade, memory = clean(scenes, motion, seed), camera_of(camera, bits, seed), PatternMemory()
    off, on = [], []
    for index in range(LENGTH):
        truth = source.frame(index)
        raw = counts(degrade(truth), bits)
        corrected = memory(raw)
        off.append(score(raw, truth))
        on.append(score(corrected, truth))
    gains, name = np.subtract(on, off), f"{camera}.{motion}.{bits}bit"
    figures = {f"{name}.gain_at_{m}": float(gains[max(m - NEAR, 0) : m + NEAR].mean()) for m in MARKS}
    ends = {f"{name}.{key}": float(np.mean(values[-NEAR:])) for key, values in (("off", off), ("on", on))}
    return figures | ends | {f"{name}.worst_frame": float(gains.min())}


def all_simulated(scenes: Scenes, seed: int) -> dict[str, float]:
    figures = {}
    for motion in ("pan", "drive"):
        for bits in (8, 16):
            for camera in ("raw_core", "sensor_normal"):
                figures |= simulated(scenes, motion, bits, camera, seed)
    return figures


def cost(frames: int = 60) -> dict[str, float]:
    """cost.memory_ms: median milliseconds of one core for a frame of 640x512, heavier work in the background."""
    cv2.setNumThreads(1)
    rng, memory = np.random.default_rng(0), PatternMemory(background=True)
    wide = np.float32(255 * cv2.GaussianBlur(rng.random((512, 640 + 8 * frames), np.float32), (0, 0), 4))
    times = []
    for index in range(frames):
        frame = np.rint(wide[:, 8 * index : 8 * index + 640] + 2 * rng.standard_normal((1, 640))).astype(np.uint8)
        begin = time.thread_time()  # CPU time of the frame's thread alone
        memory(frame)
        times.append(time.thread_time() - begin)
    return {"cost.memory_ms": 1000 * float(np.median(times[10:]))}


def still(scenes: Scenes, seed: int, length: int = 1000) -> dict[str, float]:
    """Point 2: the largest change, in levels, that the memory makes to a still scene in 1000 frames."""
    figures = {}
    for camera in ("raw_core", "sensor_normal"):
        truth, degrade, memory = clean(scenes, "drive", seed).frame(0), camera_of(camera, 8, seed), PatternMemory()
        raws = (counts(degrade(truth), 8) for _ in range(length))
        figures[f"still.{camera}.largest_change"] = max(float(np.abs(memory(raw) - raw).max()) for raw in raws)
    return figures


def ghost(scenes: Scenes, seed: int) -> dict[str, float]:
    """Point 2: % of full scale left after a hot object stood still for 200 frames, 3x3 pixels averaged."""
    figures = {}
    for motion in ("pan", "drive"):
        learned = []
        for hot in (False, True):
            source, degrade, memory = clean(scenes, motion, seed), camera_of("raw_core", 8, seed), PatternMemory()
            for index in range(311):
                truth = source.frame(index)
                if hot and 100 <= index < 300:
                    truth[100:130, 150:175] = 255
                memory(counts(degrade(truth), 8))
            learned.append(memory.pattern)
        left = cv2.blur(learned[1] - learned[0], (3, 3))[95:135, 145:180]
        figures[f"ghost.{motion}.percent"] = 100 / 255 * float(np.abs(left).max())
    return figures


def event(scenes: Scenes, name: str, seed: int, pictures: Path | None = None) -> dict[str, float]:
    """Point 3, an event at frame 200: dB over the raw frame before it, at worst in the 10 frames after, and at the end.

    pictures: folder for the frames before it, at it, 10 after and at the end: raw over corrected over true."""
    memory, gains, shown = PatternMemory(), [], []
    for index, (truth, raw) in enumerate(_with_event(scenes, name, seed)):
        corrected = memory(raw)
        gains.append(score(corrected, truth) - score(raw, truth))
        if pictures and index in (EVENT - 1, EVENT, EVENT + 10, LENGTH - 1):
            column = np.vstack([stretched(image) for image in (raw, corrected, truth)])
            shown.append(cv2.resize(column, (SHAPE[1], 3 * SHAPE[0])))
    if pictures:
        write_image(pictures / f"event_{name}.png", np.hstack(shown))
    before, after = gains[EVENT - 10 : EVENT], gains[EVENT : EVENT + 10]
    end = gains[RECOVERED:]
    parts = {"before": np.mean(before), "worst_after": np.min(after), "recovered": np.mean(end)}
    return {f"event.{name}.{key}": float(value) for key, value in parts.items()}


def _with_event(scenes: Scenes, name: str, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    source, camera = clean(scenes, "drive", seed), RawCore(np.random.default_rng(seed), SHAPE)
    for index in range(LENGTH):
        moment = index
        if index == EVENT:
            if name == "shutter":
                camera.shutter()
            elif name == "exposure":
                camera.exposure = 0.5
            elif name == "cut":
                source, camera = clean(scenes, "pan", seed + 1), RawCore(np.random.default_rng(seed + 1), SHAPE)
            elif name == "size":
                shape = (192, 256)
                source, camera = clean(scenes, "drive", seed, shape), RawCore(np.random.default_rng(seed), shape)
        if name == "dropped":
            moment = 2 * index
        elif name == "stop_and_go":
            moment = min(index, 60) + max(index - EVENT, 0)
        truth = source.frame(moment)
        yield truth, counts(camera(truth), 8)
