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

"""A real raw sequence against its calibrated one: real_pair/lynred_car1, 640x480, uncooled, no correction at all.

python benchmarks/real_pair.py --data ../shared/data
python benchmarks/real_pair.py --pictures benchmarks/pictures/real     strips of this pair and of real_degraded too
python benchmarks/real_pair.py --prompts FILE --task NAME               also a task trained on frames 0 to 299

Frames 0 to 299 may be used to adapt to this camera; 300 to 599, which are scored here, never are. `live` is the
restorer as in the node: all frames in order, with the pattern memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from _common import interval_text, markdown_table, stretched, with_interval, write_result
from tqdm import tqdm

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.evaluation import classical
from infrared_ir_ros.evaluation.metrics import fit_tone, psnr
from infrared_ir_ros.evaluation.testsets import data_folder, spread
from infrared_ir_ros.media import open_source, read_image, write_image
from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import load_restorer

PAIR = "real_pair/lynred_car1"
FIRST, LAST = 300, 600
FINE_SIGMA = 20.0  # pixels: finer structure is compared, not the borders' glow
ASKED = 0.75  # correlation of the fine structure
ALONE = Options(tone="restore", smoothing=0.0)
LIVE = Options(tone="restore", smoothing=0.8, pattern_memory="auto")
Method = Callable[[np.ndarray], np.ndarray]


def real_pair(
    *,
    data: Path | None = None,
    frames: int = 30,
    prior_path: str = "",
    engine: str = "onnxruntime",
    prompts: str = "",
    task: str = "",
    pictures: Path | None = None,
) -> int:
    """Score input, destriper, classical chain and ours against the calibrated frames; write results/real_pair.json.

    Parameters
    ----------
    data
        Folder of the thermal recordings; INFRARED_DATA or ../shared/data if not given.
    frames
        Number of frames, spread over 300 to 599.
    prior_path
        Folder of the weights; the shipped ones if empty.
    engine
        Engine of the restorer: auto, onnxruntime, openvino or torch.
    prompts
        Prompt file with a task for this camera.
    task
        Name of that task.
    pictures
        Folder for image strips of this pair, and of real_degraded (input and ours; there is no truth).
    """
    data = data or data_folder()
    load = partial(load_restorer, prior_path=prior_path, engine=engine)
    restorer, live = load(options=ALONE), load(options=LIVE)
    methods: dict[str, Method] = {
        "input": lambda frame: frame,
        "destriper": lambda frame: classical.destripe(frame.astype(np.float32)),
        "section 7": lambda frame: classical.restore(frame, "wavelet", "none"),
        "ours": lambda frame: restorer.restore(frame).image,
    }
    if task:
        adapted = load(options=replace(ALONE, task=task), prompts=prompts)
        methods["ours, adapted"] = lambda frame: adapted.restore(frame).image
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in (*methods, "ours, live")}
    strips = []
    wanted = {FIRST + index for index in spread(LAST - FIRST, frames)}
    for index, (raw, calibrated) in enumerate(tqdm(pairs(data / PAIR), "real_pair", LAST)):
        of_the_drive = live.restore(raw).image
        if index in wanted:
            restored = {name: method(raw) for name, method in methods.items()} | {"ours, live": of_the_drive}
            for name, result in restored.items():
                fitted = psnr(fit_tone(result, calibrated), calibrated)
                found[name].append((fitted, fine_correlation(result, calibrated)))
            strips.append([*restored.values(), calibrated])
    figures = summarise(found)
    print(table(figures, list(found)))
    print(f"\ncorrelation of the fine structure: asked {ASKED:.3f} | measured {figures['ours.fine']:.3f}")
    notes = {f"prior.{key}": value for key, value in restorer.description.items()}
    print(f"\n{write_result('real_pair', figures, notes=notes)}")
    if pictures:
        for index in spread(len(strips), 4):
            write_image(
                pictures / f"lynred_car1_{index:02d}.png", np.hstack([stretched(image) for image in strips[index]])
            )
        for path in tqdm(sorted((data / "real_degraded").glob("*/*.*g")), "real_degraded"):
            frame = read_image(path)
            frame = frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
            strip = np.hstack([stretched(frame), stretched(restorer.restore(frame).image)])
            write_image(pictures / f"{path.parent.name}_{path.stem}.png", strip)
    return 0


def pairs(folder: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(raw, calibrated) uint8 frames of the same moment, the first LAST of them."""
    sources = (open_source(folder / name) for name in ("raw.avi", "calibrated.avi"))
    for raw, calibrated in islice(zip(*sources, strict=True), LAST):
        yield raw.image, calibrated.image


def fine_correlation(first: np.ndarray, second: np.ndarray, sigma: float = FINE_SIGMA) -> float:
    """Correlation of two frames, each minus its Gaussian of `sigma` pixels: -1..1, blind to gain and shading."""
    fine = [image - cv2.GaussianBlur(image, (0, 0), sigma) for image in (np.float32(first), np.float32(second))]
    return float(np.corrcoef(fine[0].ravel(), fine[1].ravel())[0, 1])


def summarise(found: dict[str, list[tuple[float, float]]]) -> dict[str, float]:
    """METHOD.psnr_fitted and METHOD.fine, with .low and .high; neighbouring frames are alike, so the
    intervals hold for this drive only."""
    figures = {}
    for name, entries in found.items():
        for measure, values in zip(("psnr_fitted", "fine"), np.array(entries).T, strict=True):
            figures |= with_interval(f"{name}.{measure}", [values])
    return {name: round(value, 4) for name, value in figures.items()}


def table(figures: dict[str, float], methods: list[str]) -> str:
    """Markdown."""
    rows = []
    for name in methods:
        rows.append([name, f"{figures[f'{name}.psnr_fitted']:.2f}", interval_text(figures, f"{name}.fine", ".3f")])
    return markdown_table(["", "PSNR after gain and offset", "correlation of fine structure"], rows)


if __name__ == "__main__":
    run_command(real_pair)
