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

"""The figures of a demo's bag: number of frames, rate, latency, PSNR."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.highlevel import AnyReader

from infrared_ir_ros.evaluation.metrics import fit_tone, psnr
from infrared_ir_ros.media import write_atomically
from infrared_ir_ros.media.image_message import frame_of_image
from infrared_ir_ros.restoration.palettes import comparison
from infrared_ir_ros.ros.filming import DIAGNOSTICS, IMAGE, NAMESPACE, counters
from infrared_ir_ros.simulation import stretch

MOMENTS = (0, 1, 3, 10)  # seconds
RESTORED, CLEAN = f"{NAMESPACE}/restored", f"{NAMESPACE}/truth/clean"


@dataclass
class Figures:
    """Figures of one run. Ages in seconds from the frame's stamp to the arrival in the bag.

    scores: per frame with truth, PSNR in dB of input and restored frame, unfitted, then after gain and offset.
    pictures: input and restored frame from the middle of the run.
    moments: input and restored frame at MOMENTS seconds after the first frame, as far as the run went.
    """

    received: int = 0
    published: int = 0
    drops: dict[str, int] = field(default_factory=dict)
    arrivals: list[float] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    scores: list[tuple[float, float, float, float]] = field(default_factory=list)
    pictures: list[np.ndarray] = field(default_factory=list)
    moments: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)


def read_figures(bag: Path, sent: int) -> Figures:
    """Read the bag of a run in which the camera sent about `sent` frames."""
    figures = Figures()
    start: int | None = None
    waiting: dict[int, dict[str, np.ndarray]] = {}  # frames whose counterparts with the same stamp have not come yet
    for topic, arrival_ns, message in _messages(bag):
        if topic == DIAGNOSTICS:
            _read_counters(message, figures)
            continue
        stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        frames = waiting.setdefault(stamp, {})
        frames[topic] = frame_of_image(message, topic)
        if topic == RESTORED:
            figures.arrivals.append(arrival_ns / 1e9)
            figures.ages.append((arrival_ns - stamp) / 1e9)
        if IMAGE in frames and RESTORED in frames:
            start = stamp if start is None else start
            if len(figures.moments) < len(MOMENTS) and stamp - start >= MOMENTS[len(figures.moments)] * 1e9:
                figures.moments.append((frames[IMAGE], frames[RESTORED]))
            _compare(frames, figures, first_half=len(figures.arrivals) <= sent / 2)
        if len(waiting) > 50:  # dropped frames never get a counterpart
            del waiting[min(waiting)]
    return figures


def rows(figures: Figures) -> list[tuple[str, str]]:
    """The lines of the table."""
    dropped = sum(figures.drops.values())
    reasons = ", ".join(f"{count} {reason}" for reason, count in figures.drops.items() if count)
    lines = [
        ("frames in", str(figures.received)),
        ("restored", str(figures.published)),
        ("dropped", f"{dropped} ({reasons})" if dropped else "0"),
    ]
    if len(figures.arrivals) > 1:
        seconds = figures.arrivals[-1] - figures.arrivals[0]
        lines.append(("frames per second", f"{(len(figures.arrivals) - 1) / seconds:.1f}"))
    if figures.ages:
        middle, high = np.percentile(figures.ages, (50, 95)) * 1000
        lines.append(("latency p50, p95", f"{middle:.0f} ms, {high:.0f} ms"))
    if figures.scores:
        before, after, fitted_before, fitted_after = np.mean(figures.scores, axis=0)
        lines.append(("PSNR in -> out", f"{before:.1f} -> {after:.1f} dB"))
        lines.append(("  after gain, offset", f"{fitted_before:.1f} -> {fitted_after:.1f} dB"))
    return lines


def write_picture(path: Path, figures: Figures) -> None:
    """Write input and restored frame side by side as PNG, in grey and on one scale."""
    before, after = figures.pictures[:2]
    _, png = cv2.imencode(".png", comparison(before, after, "white_hot"))
    write_atomically(path, png.tobytes())


def write_moments(path: Path, figures: Figures) -> None:
    """Write the moments side by side as PNG, each input frame above the restored one, all stretched."""
    columns = []
    for seconds, frames in zip(MOMENTS, figures.moments, strict=False):
        column = np.vstack([_stretched(frame) for frame in frames])
        columns.append(cv2.putText(column, f"{seconds} s", (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 2, cv2.LINE_AA))
    write_atomically(path, cv2.imencode(".png", np.hstack(columns))[1].tobytes())


def _stretched(frame: np.ndarray) -> np.ndarray:
    low, high = np.percentile(frame, (0.5, 99.5))
    return np.rint(np.clip((frame - low) * (255 / max(high - low, 1e-6)), 0, 255)).astype(np.uint8)


def _messages(bag: Path) -> Iterator[tuple[str, int, Any]]:
    with AnyReader([bag]) as reader:
        for connection, arrival_ns, data in reader.messages():
            yield connection.topic, arrival_ns, reader.deserialize(data, connection.msgtype)


def _read_counters(message: Any, figures: Figures) -> None:
    values = counters(message)
    if values:
        figures.received, figures.published = int(values["received"]), int(values["published"])
        prefix = "dropped."
        figures.drops = {key[len(prefix) :]: int(values[key]) for key in values if key.startswith(prefix)}


def _compare(frames: dict[str, np.ndarray], figures: Figures, first_half: bool) -> None:
    """Score a complete set of frames; keep the last one of the first half as `pictures`."""
    if first_half or not figures.pictures:
        figures.pictures = [frames[topic] for topic in (IMAGE, RESTORED)]
    if CLEAN not in frames:
        return
    clean = frames.pop(CLEAN)
    grey = [_to_grey(frames.pop(topic), clean) for topic in (IMAGE, RESTORED)]
    truth = stretch(_to_grey(clean, clean))  # like restored frames, whatever the levels of the scene
    figures.scores.append(
        (*(psnr(frame, truth) for frame in grey), *(psnr(fit_tone(frame, truth), truth) for frame in grey))
    )


def _to_grey(frame: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """On the scale 0..255: 8 bit unchanged, other depths scaled so that the clean frame fills it."""
    if clean.dtype == np.uint8:
        return frame.astype(np.float64)
    low, high = float(clean.min()), float(clean.max())
    return (frame - low) * (255.0 / max(high - low, 1e-6))
