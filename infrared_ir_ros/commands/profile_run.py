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

"""The run behind profile_sensor: measures frames, and writes a table, a picture and a preset."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

import cv2
import numpy as np
import yaml

from infrared_ir_ros.commands.two_passes import learn_patterns
from infrared_ir_ros.errors import FrameError, OptionError, SourceError
from infrared_ir_ros.evaluation.profiling import Profile, measure
from infrared_ir_ros.media import open_source, write_atomically
from infrared_ir_ros.restoration.counts import checked
from infrared_ir_ros.restoration.pattern import SavedPattern
from infrared_ir_ros.simulation.camera import GreyScale
from infrared_ir_ros.simulation.profile import KEYS

LEAST_FRAMES = 8
MOST_BYTES = 1 << 29  # of the levels of all frames; measuring takes four times as much memory
PATTERN = "camera.pattern"
PANEL = (256, 320)  # pixels of a plot


def profile(input: Path, output: Path, topic: str, frames: int, camera: str = "") -> int:
    """Measure and write; 0, or 1 if a part of the input could not be read. Raises InfraredError."""
    if frames < LEAST_FRAMES:
        raise OptionError(f"--frames is {frames}: use {LEAST_FRAMES} or more")
    problems: list[str] = []
    levels, stamps, step = _read(input, topic, frames, problems)
    found = measure(levels)
    write_atomically(output / "profile.png", cv2.imencode(".png", _picture(found))[1].tobytes())
    write_atomically(output / "profile.yaml", _preset(found, input, step).encode())
    lines = _table(found, step, [stamps[at] for at in found.shutter])
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        print(f"  {name:<{width}}  {value}")
    print(f"written: {output / 'profile.yaml'}, {output / 'profile.png'}")
    if camera:
        saved = _learn(input, topic, frames, camera)
        write_atomically(output / PATTERN, saved.to_bytes())
        print(f"pattern of {saved.camera}, learned from {saved.frames} frames: {output / PATTERN}")
    for problem in problems:
        print(f"profile_sensor: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _learn(input: Path, topic: str, most: int, name: str) -> SavedPattern:
    """The pattern, in counts, since the last shutter event. Raises SourceError if nothing moved."""
    frames = islice(open_source(input, topic, report=lambda _: None), most)
    first = next(frames)
    shape, dtype = first.image.shape, first.image.dtype
    found = learn_patterns((one for one in chain([first], frames) if one.image.shape == shape), lambda: None)
    if not found:
        raise SourceError(f"no pattern of {name!r} was written: the camera must move by a good part of its view")
    last = found[max(found)]
    return replace(last, camera=replace(last.camera, name=name, dtype=dtype.name))


def _read(input: Path, topic: str, most: int, problems: list[str]) -> tuple[np.ndarray, list[float], float]:
    """Grey levels (N, H, W), the time of each frame in seconds, and counts per level."""
    source = open_source(input, topic, report=problems.append)
    images: list[np.ndarray] = []
    stamps: list[int] = []
    odd, bad = 0, []
    for frame in source:
        if len(images) == most or sum(4 * one.size for one in images[:1]) * (len(images) + 1) > MOST_BYTES:
            break
        try:
            image = checked(frame.image)
        except FrameError as error:
            bad.append(str(error))
            continue
        if images and (image.shape, image.dtype) != (images[0].shape, images[0].dtype):
            odd += 1
            continue
        images.append(image)
        stamps.append(frame.stamp_ns)
    if odd:
        problems.append(f"{odd} frames have another size or depth than the first: left out")
    if bad:
        problems.append(f"{len(bad)} frames cannot be measured and are left out: {bad[0]}")
    if len(images) < LEAST_FRAMES:
        few = f"{source.name} holds {len(images)} usable frames: {LEAST_FRAMES} or more are needed"
        raise SourceError("; ".join([few, *problems]))
    grey = GreyScale.of(images)
    counts = grey.values(np.array([0.0, 100.0], np.float32), np.dtype(np.float32))
    levels, seconds = np.stack([grey.levels(one) for one in images]), [(stamp - stamps[0]) / 1e9 for stamp in stamps]
    return levels, seconds, float(np.ptp(counts)) / 100


def _table(found: Profile, step: float, shutter: list[float]) -> list[tuple[str, str]]:
    def both(value: float) -> str:
        return f"{value:.3f} levels, {value * step:.4g} counts"

    r = found.noise_correlation
    lasting = f"1/e after {-1 / math.log(r):.1f} frames" if 0 < r < 1 else "white"
    still = f"{found.static:.0%} of the pixels are static" if found.static else "the camera moves"
    return [
        ("frames", f"{found.frames}; {still}"),
        ("noise over time", both(found.noise)),
        ("  correlation from frame to frame", f"{r:.2f} ({lasting})"),
        ("fixed pattern of pixels", both(found.pixel_offset)),
        ("column stripes", both(found.columns)),
        ("row stripes", both(found.rows)),
        ("dead pixels", f"{found.dead:.4%}" + (f" at level {found.dead_level:.0f}" if found.dead else "")),
        ("drift of the level", both(found.drift) + " per frame"),
        ("shutter events", ", ".join(f"{second:.1f} s" for second in shutter) or "none"),
    ]


def _preset(found: Profile, input: Path, step: float) -> str:
    numbers = {name: round(float(getattr(found, name)), 5) for name in KEYS if name in vars(found)}
    numbers["dead_level"] = min(max(numbers["dead_level"], 0.0), 255.0)
    about = {"source": input.name, "frames": found.frames, "counts_of_a_level": round(step, 6)}
    about |= {"shutter_frames": list(found.shutter)}
    words = "# A sensor measured by profile_sensor: grey levels of 0..255, pixels, shares.\n"
    return words + yaml.safe_dump({"sensor": numbers, "measured": about}, sort_keys=False)


def _picture(found: Profile) -> np.ndarray:
    """The fixed pattern, the medians of its columns and rows, and the noise by lag; (H, W) uint8."""
    spread = 4 * max(1.4826 * float(np.median(np.abs(found.pattern))), 0.25)
    pattern = np.rint(np.clip(127.5 + 127.5 * found.pattern / spread, 0, 255)).astype(np.uint8)
    scale = 2 * PANEL[0] / pattern.shape[0]
    pattern = cv2.resize(pattern, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    lags = np.array(list(found.structure))
    model = found.noise**2 * (1 - found.noise_correlation**lags)
    lines = [np.median(found.pattern, axis=0), np.median(found.pattern, axis=1)]
    titles = ("columns: offset by position", "rows: offset by position")
    panels = [_panel(title, [line]) for title, line in zip(titles, lines, strict=True)]
    panels.append(_panel("noise: power by lag, and the model", [np.array(list(found.structure.values())), model]))
    plots = np.vstack(panels)
    pad = max(plots.shape[0], pattern.shape[0])
    sides = [np.pad(one, ((0, pad - one.shape[0]), (0, 8)), constant_values=255) for one in (pattern, plots)]
    return np.hstack(sides)


def _panel(title: str, lines: list[np.ndarray]) -> np.ndarray:
    height, width = PANEL
    panel = np.full(PANEL, 255, np.uint8)
    low, high = (float(end(np.concatenate(lines))) for end in (np.min, np.max))
    for number, line in enumerate(lines):
        x = 8 + (width - 16) * np.arange(len(line)) / max(len(line) - 1, 1)
        y = height - 12 - (height - 44) * (line - low) / max(high - low, 1e-6)
        points = np.rint(np.stack([x, y], axis=1)).astype(np.int32)
        cv2.polylines(panel, [points], False, 140 if number else 0, 1, cv2.LINE_AA)
    cv2.putText(panel, f"{title} ({low:.2f} .. {high:.2f})", (8, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.36, 0, 1, cv2.LINE_AA)
    return panel
