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

python benchmarks/video.py --data ../shared/data            about fifteen minutes on two cores; writes docs/video.md
python benchmarks/video.py --parts real ghost               only these; other results are kept
python benchmarks/video.py --pictures benchmarks/pictures/video

Real: real_pair/lynred_car1 in live order; calibrated frames only score frames 300 to 599 and teach nothing.
Simulated: clean test frames as a mosaic that a camera pans over, or as a street to drive through. PSNR after the best
gain and offset of each frame, for the memory alone unless a network is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Literal, get_args

import cv2
import cyclopts
import numpy as np
from _common import markdown_table, measured_before, stretched, write_result
from _video import EVENTS, all_simulated, cost, event, ghost, still
from _video_network import flicker, kelvin, lepton
from real_pair import FIRST, LAST, PAIR, pairs
from tqdm import tqdm

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.evaluation import classical
from infrared_ir_ros.evaluation.metrics import fit_tone, psnr
from infrared_ir_ros.evaluation.testsets import data_folder, load_set, spread
from infrared_ir_ros.media import write_atomically, write_image
from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import load_restorer
from infrared_ir_ros.restoration.pattern import PatternMemory
from infrared_ir_ros.restoration.pattern.field import divergence, inverse_laplacian, slopes

COLD = (30, 100, 200)
ASKED = {
    "real.ours.causal": "at least 25 dB",
    "real.ours.two_passes": "at least 26 dB",
    "real.ours.after_30": "at least 20 dB",
    "real.ours.after_100": "at least 23 dB",
    "real.ours.after_200": "at least 24 dB",
    "*.gain_at_100": "at least 3 dB",
    "still.*": "0: never worse than without",
    "ghost.*": "at most 1 % of full scale",
    "event.*.recovered": "as before, or 0: the single frame's",
    "kelvin.*.bias": "below 0.1 K",
    "flicker.sensor_light": "at most 1.1",
    "flicker.sensor_normal": "at most 1.1",
    "flicker.sensor_hard": "at most 1.1",
    "node.difference": "within 0.1 dB",
    "node.lost": "0",
    "node.broken_files": "0",
    "cost.memory_ms": "at most 5 ms",
}
DOCUMENT = Path(__file__).resolve().parents[1] / "docs/video.md"
TITLE = (
    "# Video: the pattern memory\n\nWritten by `python benchmarks/video.py`; the docstrings there say what each figure "
    "is. Gains are in dB of PSNR after the best gain and offset of each frame, of what comes out of the memory alone, "
    "unless the network is named. `worst_frame` is the frame that lost most against the frame as it came."
)
SHOWN = (30, 100, 300, 599)
SCENES = ("vifb", "buffalo-udder")  # roadscene and hit-uav with seed 20 were seen while limits were chosen
SEED = 31


Part = Literal["real", "simulated", "still", "ghost", "events", "kelvin", "flicker", "lepton", "node", "cost"]
PARTS: tuple[Part, ...] = get_args(Part)


def video(
    *,
    parts: Annotated[tuple[Part, ...], cyclopts.Parameter(consume_multiple=True)] = PARTS,
    data: Path | None = None,
    frames: int = 60,
    networks: int = 12,
    pictures: Path | None = None,
) -> int:
    """Write results/video.json and docs/video.md, and print the tables.

    Parameters
    ----------
    parts
        Parts of the benchmark to run; the others keep the figures of their last run.
    data
        Folder of the thermal recordings; INFRARED_DATA or ../shared/data if not given.
    frames
        Scored frames of the real drive, spread over 300 to 599.
    networks
        How many of these the slow methods restore.
    pictures
        Folder for before/after strips of the real drive and of the events.
    """
    data = data or data_folder()
    scenes = [frame.image for name in SCENES for frame in load_set(name, 4, data)]
    work: dict[Part, Callable[[], dict[str, float]]] = {
        "real": lambda: real(data / PAIR, frames, networks, pictures),
        "simulated": lambda: all_simulated(scenes, SEED),
        "still": lambda: still(scenes, SEED),
        "ghost": lambda: ghost(scenes, SEED),
        "events": lambda: merged(event(scenes, name, SEED, pictures) for name in EVENTS),
        "kelvin": lambda: kelvin(SEED),
        "flicker": lambda: flicker(data),
        "lepton": lambda: lepton(data),
        "node": lambda: _node(scenes),
        "cost": cost,
    }
    figures = merged(work[part]() for part in tqdm(parts, "parts"))
    figures = {name: round(value, 3) for name, value in figures.items()}
    if set(parts) != set(PARTS):
        figures = measured_before("video") | figures
    text = tables(figures)
    print(text)
    print(write_result("video", figures, seeds=[SEED]))
    write_atomically(DOCUMENT, f"{TITLE}\n\n{text}\n".encode())
    return 0


def _node(scenes: list[np.ndarray]) -> dict[str, float]:
    from _video_node import node  # the other parts need no ROS

    return node(scenes, SEED)


def merged(results: Iterable[dict[str, float]]) -> dict[str, float]:
    return {name: value for result in results for name, value in result.items()}


def real(folder: Path, frames: int, networks: int, pictures: Path | None) -> dict[str, float]:
    """Point 1: real.METHOD, dB."""
    raw, truth = map(list, zip(*pairs(folder), strict=True))
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
            strip = [stretched(image) for image in (raw[index], causal[index], raw[index] - whole, truth[index])]
            write_image(pictures / f"lynred_car1_{index:03d}.png", np.hstack(strip))
    return {f"real.{name}": value for name, value in figures.items()}


def _minus(raw: list[np.ndarray], scored: list[int], pattern: np.ndarray) -> dict[int, np.ndarray]:
    return {index: raw[index] - pattern for index in scored}


def known(raw: list[np.ndarray], truth: list[np.ndarray]) -> np.ndarray:
    """The limit: the mean raw frame minus the calibrated one at its gain over time."""
    noisy, clean = (np.stack(frames[FIRST::5]).astype(np.float32) for frames in (raw, truth))
    changes = [stack - stack.mean(0) for stack in (noisy, clean)]
    gain = np.vdot(*changes) / np.vdot(changes[1], changes[1])
    return noisy.mean(0) - gain * clean.mean(0)


def weiss(frames: list[np.ndarray]) -> np.ndarray:
    """Design section 1.9's method: robust mean of each gradient (Weiss 2001), then a Poisson equation."""
    stack = np.stack(frames).astype(np.float32)
    right = divergence(*map(_robust, slopes(stack)))
    return cv2.idct(cv2.dct(right) * inverse_laplacian(right.shape))


def _robust(gradients: np.ndarray) -> np.ndarray:
    centre = np.median(gradients, 0)
    spread_ = 1.4826 * np.median(np.abs(gradients - centre), 0) + 0.3
    for _ in range(6):
        weight = 1 / np.square(1 + np.square((gradients - centre) / (0.7 * spread_)))
        centre = (weight * gradients).sum(0) / weight.sum(0)
    return centre


def tables(figures: dict[str, float]) -> str:
    """Markdown: all figures, beside the requirements."""
    rows = []
    for name, value in sorted(figures.items(), key=lambda item: PARTS.index(_part(item[0]))):
        asked = ASKED.get(name, next((text for part, text in ASKED.items() if fnmatch(name, part)), ""))
        rows.append([name, f"{value:.2f}", asked])
    return markdown_table(["figure", "measured", "asked"], rows)


def _part(name: str) -> Part:
    head = name.split(".")[0]
    names: dict[str, Part] = {"event": "events", "raw_core": "simulated", "sensor_normal": "simulated"}
    return names.get(head, head)  # type: ignore[arg-type]


if __name__ == "__main__":
    run_command(video)
