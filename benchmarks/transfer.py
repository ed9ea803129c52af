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

"""The gain from adapting to a sensor not in the training: nothing, the prompt, operators, adapters.

python benchmarks/transfer.py
python benchmarks/transfer.py --sets lynred_car1 --parts 1.0       only some; other results are kept

Clean sets: every other frame is for adaptation, the others for testing, both degraded by a sensor preset (`clean`).
lynred_car1 has real raw frames and calibrated ones (`pairs`): frames 0 to 299 are for adaptation, 300 to 599 for
testing. The adaptations are discarded; the table goes into docs/adaptation.md.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from _common import fill_marked, interval_text, markdown_table, measured_before, with_interval, write_result
from real_pair import FIRST, LAST, fine_correlation, pairs
from tqdm import tqdm

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.evaluation.metrics import fit_tone, psnr
from infrared_ir_ros.evaluation.testsets import data_folder, load_set, spread
from infrared_ir_ros.records import Counts, Options
from infrared_ir_ros.restoration import load_restorer
from infrared_ir_ros.restoration.weights import PriorFiles, find_prior
from infrared_ir_ros.simulation.camera import Degrader
from infrared_ir_ros.training.adapt import adapt
from infrared_ir_ros.training.adapt_examples import Draw, Moment, degraded, paired
from infrared_ir_ros.training.adapt_frames import JUDGING, Material
from infrared_ir_ros.training.adapt_plan import RATES, Plan

PAIR = "lynred_car1"
SETS = ("roadscene", "vifb", "sirst-v2", PAIR)
PARTS = (0.01, 0.1, 1.0)
OLD, NEW = "restore", "mine"
MEASURES = ("psnr", "psnr_fitted", "fine")  # as `scores` gives them
PAGE = Path(__file__).resolve().parents[1] / "docs" / "adaptation.md"


@dataclass(frozen=True)
class Sensor:
    """adapting: frames for adaptation, in order of time. testing: frames and their clean ones."""

    adapting: list[Moment]
    testing: list[Moment]
    draw: Draw
    varies: bool


def transfer(
    *, sets: tuple[str, ...] = SETS, optimise: tuple[str, ...] = tuple(RATES), parts: tuple[float, ...] = PARTS,
    preset: str = "sensor_normal", steps: int = 0, minutes: float = 10.0, threads: int = 2, tests: int = 30,
    height: int = 0, width: int = 0, prior_path: str = "", seed: int = 0,
) -> int:  # fmt: skip
    """Measure, and write results/transfer.json after each cell.

    Parameters
    ----------
    sets
        Sensors.
    optimise
        Trained parts: prompt, operators, adapters.
    parts
        Shares of the adaptation frames; at least two frames are used, one of them for validation.
    preset
        Degradation of the clean sets.
    steps
        Steps per training, at most; 0: as many as fit into the minutes.
    minutes
        Minutes per training, at most.
    threads
        Threads of the training.
    tests
        Test frames, at most.
    height
        Height of a central window used instead of whole frames; 0: whole frames.
    width
        Width of that window.
    prior_path
        Folder of the weights; the shipped ones if empty.
    seed
        Seed of degradations and training.
    """
    torch.set_num_threads(threads)
    files = find_prior("embedded", prior_path)
    asked = {"preset": preset, "budget": f"{steps} steps, {minutes:g} minutes", "threads": str(threads)}
    asked |= {"window": f"{height}x{width}", "prior": f"{files.version} {files.hashes['weights.safetensors'][:12]}"}
    figures = measured_before("transfer", asked)
    for name in sets:
        sensor = open_sensor(name, preset, tests, lambda image: middle(image, height, width), seed)
        before = scores(files, sensor.testing, OLD)
        figures |= {f"{name}.{measure}": value for measure, value in zip(MEASURES, before.mean(0), strict=True)}
        for kind in optimise:
            for part in parts:
                plan = Plan(NEW, OLD, kind, steps, minutes, seed, "cpu")
                figures |= cell(f"{name}.{kind}.{100 * part:g}", files, sensor, before, plan, part)
                figures = {key: round(float(value), 4) for key, value in figures.items()}
                write_result("transfer", figures, [seed], asked)
    print(report(figures))
    fill_marked(PAGE, "transfer", report(figures))
    return 0


def middle(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle (height, width) of a frame; 0: all of that side."""
    rows, columns = (min(wanted or side, side) for wanted, side in zip((height, width), image.shape, strict=True))
    top, left = (image.shape[0] - rows) // 2, (image.shape[1] - columns) // 2
    return image[top : top + rows, left : left + columns]


def open_sensor(name: str, preset: str, tests: int, crop: Callable[[np.ndarray], np.ndarray], seed: int) -> Sensor:
    if name == PAIR:
        both = pairs(data_folder() / "real_pair" / PAIR)
        moments = [Moment(crop(raw), crop(calibrated)) for raw, calibrated in both]
        testing = [moments[FIRST + index] for index in spread(LAST - FIRST, tests)]
        return Sensor(moments[:FIRST], testing, paired(Counts()), varies=False)
    clean = [np.rint(crop(frame.image)).astype(np.uint8) for frame in load_set(name, 200, data_folder())]
    held_out = [clean[1::2][index] for index in spread(len(clean) // 2, tests)]
    testing = [Moment(Degrader(preset, seed + number)(image), image) for number, image in enumerate(held_out)]
    return Sensor([Moment(image) for image in clean[::2]], testing, degraded(preset, Counts()), varies=True)


def cell(name: str, files: PriorFiles, sensor: Sensor, before: np.ndarray, plan: Plan, part: float) -> dict[str, float]:
    """Adapt on a part of the frames and test: gain in dB, trained numbers, minutes; whether nothing else changed."""
    count = max(round(part * len(sensor.adapting)), 2)
    chosen = [sensor.adapting[index] for index in spread(len(sensor.adapting), count)]
    first = count - max(count // JUDGING, 1)
    material = Material(chosen[:first], chosen[first:], sensor.draw, sensor.varies)
    contents = {path: path.read_bytes() for path in files.folder.iterdir() if path.is_file()}
    others = scores(files, sensor.testing[:2], OLD)
    with tempfile.TemporaryDirectory() as folder, tqdm(total=100, desc=name, disable=None) as bar:
        began = time.process_time()
        outcome = adapt(
            plan, files, None, material, Path(folder), tell=lambda r: bar.update(round(100 * r.share) - bar.n)
        )
        spent = time.process_time() - began
        after = scores(files, sensor.testing, NEW, str(outcome.bank)) if outcome.bank else before
        same = np.array_equal(scores(files, sensor.testing[:2], OLD, str(outcome.bank or "")), others)
    figures = {f"{name}.saved": float(outcome.bank is not None), f"{name}.frames": float(count)}
    figures |= {f"{name}.numbers": float(outcome.count), f"{name}.steps": float(outcome.step)}
    figures |= {f"{name}.minutes": outcome.seconds / 60, f"{name}.cpu_minutes": spent / 60}
    changed = [path for path, content in contents.items() if path.read_bytes() != content]
    figures |= {f"{name}.other_files_changed": float(len(changed)), f"{name}.other_tasks_changed": float(not same)}
    for index, measure in enumerate(MEASURES):
        figures |= with_interval(f"{name}.gain_{measure}", [(after - before)[:, index]])
    return figures


def scores(files: PriorFiles, testing: list[Moment], task: str, bank: str = "") -> np.ndarray:
    """(frames, 3): PSNR as is and after the best gain and offset, and correlation of the fine structure, through the
    node's restorer."""
    options = Options(task, tone="restore", smoothing=0.0)
    restorer = load_restorer(prior_path=str(files.folder), options=options, prompts=bank)
    rows = []
    for moment in testing:
        restored, clean = restorer.restore(moment.frame).image, moment.clean
        assert clean is not None
        rows.append((psnr(restored, clean), psnr(fit_tone(restored, clean), clean), fine_correlation(restored, clean)))
    return np.array(rows)


def report(figures: dict[str, float]) -> str:
    """The figures as Markdown text."""
    header = ["sensor", "trained", "numbers", "frames", "minutes", "of one core"]
    header, rows = [*header, "gain, dB", "after gain and offset", "fine structure"], []
    for name in SETS:
        if f"{name}.psnr" in figures:
            rows.append([name, "nothing", "0", "0", "0", "0", *(f"{figures[f'{name}.{m}']:.2f}" for m in MEASURES)])
        for kind in RATES:
            for part in PARTS:
                key = f"{name}.{kind}.{100 * part:g}"
                if f"{key}.frames" in figures:
                    rows.append(["", f"{kind}, {part:.0%}", *_cells(figures, key)])
    changed = sum(value for name, value in figures.items() if "changed" in name)
    return f"{markdown_table(header, rows)}\n\nOther files or other tasks' outputs changed: {changed:.0f}."


def _cells(figures: dict[str, float], key: str) -> list[str]:
    cells = [f"{figures[f'{key}.{name}']:.0f}" for name in ("numbers", "frames")]
    cells += [f"{figures[f'{key}.{name}']:.1f}" for name in ("minutes", "cpu_minutes")]
    for measure in MEASURES:
        cells.append(interval_text(figures, f"{key}.gain_{measure}") if figures[f"{key}.saved"] else "not saved")
    return cells


if __name__ == "__main__":
    run_command(transfer)
