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

"""The pattern memory on video: a real raw drive, simulated pans and drives, and what goes wrong in between.

python benchmarks/video.py --data ../shared/data            about three minutes on one core
python benchmarks/video.py --pictures benchmarks/pictures/video

Real: real_pair/lynred_car1, live order; nothing is learned from calibrated frames, which only score frames 300 to 599.
Simulated: clean test frames as a mosaic to turn over, or as a street to drive through. PSNR after the best gain and
offset of each frame, of what comes out of the memory alone (no network behind it, unless it is named).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import cyclopts
import numpy as np
from _common import markdown_table, write_result
from _video import EVENTS, event, ghost, simulated, still
from real_pair import FIRST, LAST, PAIR, shown
from tqdm import tqdm

from infrared_ir_ros.evaluation import classical
from infrared_ir_ros.evaluation.metrics import fit_tone, psnr
from infrared_ir_ros.evaluation.testsets import data_folder, load_set, spread
from infrared_ir_ros.media import open_source, write_image
from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import load_restorer
from infrared_ir_ros.restoration.pattern import PatternMemory

COLD = (30, 100, 200)
ASKED = {
    "ours.causal": 25.0,
    "ours.two_passes": 26.0,
    "ours.after_30": 20.0,
    "ours.after_100": 23.0,
    "ours.after_200": 24.0,
}
SHOWN = (30, 100, 300, 599)
SCENES = ("vifb", "buffalo-udder")  # roadscene and hit-uav with seed 20 were seen while limits were chosen
SEED = 31


def video(*, data: Path | None = None, frames: int = 60, networks: int = 12, pictures: Path | None = None) -> int:
    """Write results/video.json and print the tables.

    Parameters
    ----------
    data
        Folder of the thermal recordings; INFRARED_DATA or ../shared/data if not given.
    frames
        Of the real drive that are scored, spread over 300 to 599.
    networks
        Of these, how many the slow methods see.
    pictures
        Folder for before/after strips of the real drive.
    """
    data = data or data_folder()
    figures = real(data / PAIR, frames, networks, pictures)
    scenes = [frame.image for name in SCENES for frame in load_set(name, 4, data)]
    for motion in ("pan", "drive"):
        for bits in (8, 16):
            for camera in ("raw_core", "sensor_normal"):
                figures |= simulated(scenes, motion, bits, camera, SEED)
    figures |= still(scenes, SEED) | ghost(scenes, SEED)
    for name in tqdm(EVENTS, "events"):
        figures |= event(scenes, name, SEED)
    figures = {name: round(value, 3) for name, value in figures.items()}
    print(tables(figures))
    print(write_result("video", figures, seeds=[SEED]))
    return 0


def real(folder: Path, frames: int, networks: int, pictures: Path | None) -> dict[str, float]:
    """Point 1: real.METHOD, dB."""
    raw, truth = ([f.image for f in open_source(folder / f"{name}.avi")][:LAST] for name in ("raw", "calibrated"))
    scored = [FIRST + index for index in spread(LAST - FIRST, frames)]
    few = [scored[index] for index in spread(len(scored), networks)]

    def mean(images: dict[int, np.ndarray]) -> float:
        return float(np.mean([psnr(fit_tone(image, truth[i]), truth[i]) for i, image in images.items()]))

    memory, causal, cold = PatternMemory(), {}, {}
    for index, frame in enumerate(tqdm(raw, "real")):
        corrected = memory(frame)
        if index in scored or index in SHOWN:
            causal[index] = corrected
        if index + 1 in COLD:
            memory.settle()
            cold[index + 1] = memory.pattern
    memory.settle()
    whole = memory.pattern
    temporal = np.mean(raw[:FIRST], axis=0, dtype=np.float32)
    single = load_restorer(engine="onnxruntime", options=Options(tone="restore"))
    figures = {
        "input": mean({i: raw[i] for i in scored}),
        "temporal_mean": mean({i: raw[i] - temporal for i in scored}),
        "destriper": mean({i: classical.destripe(raw[i].astype(np.float32)) for i in few}),
        "single_frame": mean({i: single.restore(raw[i]).image for i in few}),
        "design_1_9": mean(_minus(raw, scored, weiss(raw[:FIRST:5]))),
        **{f"ours.after_{n}": mean(_minus(raw, scored, pattern)) for n, pattern in cold.items()},
        "ours.causal": mean({i: causal[i] for i in scored}),
        "ours.two_passes": mean(_minus(raw, scored, whole)),
        "pattern_known": mean(_minus(raw, scored, known(raw, truth))),
    }
    if pictures:
        for index in SHOWN:
            strip = np.hstack([shown(raw[index]), shown(causal[index]), shown(raw[index] - whole), shown(truth[index])])
            write_image(pictures / f"lynred_car1_{index:03d}.png", strip)
    return {f"real.{name}": value for name, value in figures.items()}


def _minus(raw: list[np.ndarray], scored: list[int], pattern: np.ndarray) -> dict[int, np.ndarray]:
    return {index: raw[index] - pattern for index in scored}


def known(raw: list[np.ndarray], truth: list[np.ndarray]) -> np.ndarray:
    """The limit: what is left of the mean raw frame once the calibrated one, at its gain over time, is taken away."""
    noisy, clean = (np.stack(frames[FIRST::5]).astype(np.float32) for frames in (raw, truth))
    changes = [stack - stack.mean(0) for stack in (noisy, clean)]
    gain = np.vdot(*changes) / np.vdot(changes[1], changes[1])
    return noisy.mean(0) - gain * clean.mean(0)


def weiss(frames: list[np.ndarray]) -> np.ndarray:
    """Design section 1.9's method: robust mean of each gradient (Weiss 2001), then a Poisson equation."""
    stack = np.stack(frames).astype(np.float32)
    fields = [_robust(np.diff(stack, axis=axis)) for axis in (2, 1)]
    out = np.zeros(stack.shape[1:], np.float32)
    out[:, 1:] += fields[0]
    out[:, :-1] -= fields[0]
    out[1:] += fields[1]
    out[:-1] -= fields[1]
    rows, columns = (2 - 2 * np.cos(np.pi * np.arange(n) / n) for n in out.shape)
    scale = (rows[:, None] + columns[None]).astype(np.float32)
    scale[0, 0] = np.inf
    return cv2.idct(cv2.dct(out) / scale)


def _robust(gradients: np.ndarray) -> np.ndarray:
    centre = np.median(gradients, 0)
    spread_ = 1.4826 * np.median(np.abs(gradients - centre), 0) + 0.3
    for _ in range(6):
        weight = 1 / np.square(1 + np.square((gradients - centre) / (0.7 * spread_)))
        centre = (weight * gradients).sum(0) / weight.sum(0)
    return centre


def tables(figures: dict[str, float]) -> str:
    """Markdown."""
    real_rows = []
    for name, value in figures.items():
        method = name.removeprefix("real.")
        if method != name:
            real_rows.append([method, f"{value:.2f}", f"{ASKED[method]:.0f}" if method in ASKED else ""])
    others = [[name, f"{value:.2f}"] for name, value in figures.items() if not name.startswith("real.")]
    return "\n\n".join(
        [markdown_table(["real drive", "dB", "asked"], real_rows), markdown_table(["figure", ""], others)]
    )


if __name__ == "__main__":
    cyclopts.run(video)
