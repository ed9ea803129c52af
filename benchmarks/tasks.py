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

"""Every task's prompt by every measure, on test sets that no prompt was trained on.

python benchmarks/tasks.py --detector yolov8n_thermal --segmenter runs/judge
python benchmarks/tasks.py                                     without mAP and mIoU, which need those two

PSNR on the frames of all three sets; mAP of a detector on hit-uav; mean intersection over union of a segmenter on
buffalo-udder; share of small targets found on sirst-v2, at the same rate of false alarms in every row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _cases import cases, to_levels
from _common import interval_text, markdown_table, write_result
from _judges import Boxes, Fidelity, Judge, Masks, SmallTargets
from tqdm import tqdm

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.detection import load_detector
from infrared_ir_ros.evaluation.testsets import data_folder
from infrared_ir_ros.media import write_atomically
from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import Restorer, load_restorer
from infrared_ir_ros.restoration.weights import find_prior

PAGE = Path(__file__).resolve().parents[1] / "docs" / "tasks.md"
SETS = ("hit-uav", "buffalo-udder", "sirst-v2")
TASKS = ("restore", "detect", "segment", "small_target")
ROWS = ("clean", "input", *TASKS)
PRESETS = ("hm_tir_hard", "sensor_hard")
RESAMPLES = 100
HEADINGS = {
    "psnr": ("PSNR", "restore", ".2f"),
    "psnr_fitted": ("after gain and offset", "restore", ".2f"),
    "map50": ("mAP50", "detect", ".3f"),
    "map50_95": ("mAP50-95", "detect", ".3f"),
    "miou": ("mIoU", "segment", ".3f"),
    "found_at_10": ("small targets at 10", "small_target", ".3f"),
    "found_at_100": ("at 100", "small_target", ".3f"),
}  # figure: (column, its task, format)

Seen = dict[str, list[Any]]  # row -> a judge's observation of each frame


def tasks(
    *,
    detector: str = "",
    allow_pickle: bool = False,
    segmenter: str = "",
    frames: int = 30,
    prior_path: str = "",
    engine: str = "auto",
    seed: int = 0,
) -> int:
    """Measure every task by every measure; write results/tasks.json and docs/tasks.md.

    Parameters
    ----------
    detector
        Name or file of a detector with hit-uav's classes; without one there is no mAP.
    allow_pickle
        Whether the detector may be a .pt.
    segmenter
        Folder of a SegFormer, preferably not the one used to train the prompts; without one there is no mIoU.
    frames
        Frames of each set; each is degraded by each preset.
    prior_path
        Folder of the weights; the shipped ones if empty.
    engine
        Engine of the restorer: auto, onnxruntime, openvino or torch.
    seed
        Seed of the degradations.
    """
    files = find_prior("embedded", prior_path)
    restorers = {task: load_restorer(prior_path=prior_path, engine=engine, options=_options(task)) for task in TASKS}
    judges = list(_judges(detector, allow_pickle, segmenter))
    figures: dict[str, float] = {}
    for judge, seen in zip(judges, look(judges, restorers, frames, seed), strict=True):
        figures |= summary(judge, seen)
    figures = {name: round(value, 4) for name, value in figures.items()}
    notes = {"prior": files.version, "prompts": files.hashes["prompts.safetensors"][:12]}
    notes |= {"frames of each set": str(frames), "presets": ", ".join(PRESETS)}
    notes |= {"detector": Path(detector).name or "none", "segmenter": _digest(segmenter) or "none"}
    text = report(figures)
    print(f"{text}\n\n{write_result('tasks', figures, [seed], notes)}")
    facts = "; ".join(f"{name}: {fact}" for name, fact in notes.items())
    page = f"# What the tasks are good for\n\nBy `python benchmarks/tasks.py`. {facts}.\n\n{text}\n"
    write_atomically(PAGE, page.encode())
    return 0


def _options(task: str) -> Options:
    return Options(tone="restore", task=task, smoothing=0.0)


def _judges(detector: str, allow_pickle: bool, segmenter: str) -> Iterator[Judge]:
    data = data_folder()
    yield Fidelity()
    if detector:
        yield Boxes(load_detector(detector, allow_pickle), data / "detection/hit-uav/test/labels")
    if segmenter:
        from infrared_ir_ros.training.semantic import load_segmenter

        yield Masks(load_segmenter(segmenter).eval(), data / "segmentation/buffalo-udder/test/masks")
    yield SmallTargets(data / "small_target/sirst-v2/masks")


def look(judges: Sequence[Judge], restorers: dict[str, Restorer], frames: int, seed: int) -> list[Seen]:
    """Each judge's observations of the clean frames, the degraded ones, and those restored for each task."""
    seen: list[Seen] = [{row: [] for row in ("clean", "input", *restorers)} for _ in judges]
    for case in tqdm(cases(SETS, PRESETS, frames, seed, data_folder()), total=frames * len(SETS) * len(PRESETS)):
        images = {"clean": to_levels(case.clean), "input": case.degraded}
        images |= {task: restorer.restore(case.degraded).image for task, restorer in restorers.items()}
        for judge, of_judge in zip(judges, seen, strict=True):
            if judge.set_name in (None, case.set_name):
                for row, image in images.items():
                    of_judge[row].append(judge.look(image, case))
    return seen


def summary(judge: Judge, seen: Seen) -> dict[str, float]:
    """A judge's figures of each row, ROW.FIGURE, with the ends of their 95 % intervals.

    Also FIGURE.lead_over_ROW: the lead of the figure's own task over each other row, over the same frames.
    """
    count = len(seen["input"])
    rng = np.random.default_rng(0)
    draws = [rng.integers(0, count, count) for _ in range(RESAMPLES)]
    pooled = {row: np.array(judge.pool(looks)) for row, looks in seen.items()}
    drawn = {row: np.array([judge.pool([looks[i] for i in draw]) for draw in draws]) for row, looks in seen.items()}
    figures: dict[str, float] = {}
    for index, name in enumerate(judge.figures):
        own = HEADINGS[name][1]
        for row in seen:
            figures |= _with_interval(f"{row}.{name}", pooled[row][index], drawn[row][:, index])
            if row != own:
                lead = drawn[own][:, index] - drawn[row][:, index]
                figures |= _with_interval(f"{name}.lead_over_{row}", pooled[own][index] - pooled[row][index], lead)
    return figures


def _with_interval(name: str, value: float, drawn: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(drawn, (0.025, 0.975)) if np.isfinite(drawn).all() else (value, value)
    return {name: float(value), f"{name}.low": float(low), f"{name}.high": float(high)}


def _digest(folder: str) -> str:
    return hashlib.sha256((Path(folder) / "model.safetensors").read_bytes()).hexdigest()[:12] if folder else ""


def report(figures: dict[str, float]) -> str:
    """The figures as Markdown text."""
    shown = [name for name in HEADINGS if f"input.{name}" in figures]
    rows = [[row, *(_cell(figures, f"{row}.{name}", HEADINGS[name][2]) for name in shown)] for row in ROWS]
    parts = [
        "What each row's frames are worth, with 95 % intervals over frames. `clean` is the upper bound, `input` what "
        "came in. Small targets: share found at 10 and at 100 false alarms in a million pixels.",
        markdown_table(["", *(HEADINGS[name][0] for name in shown)], rows),
        "Lead of a measure's own task over the others, over the same frames:",
        markdown_table(["", "task", *(f"over {row}" for row in ROWS[1:])], [_leads(figures, name) for name in shown]),
    ]
    return "\n\n".join(parts)


def _leads(figures: dict[str, float], name: str) -> list[str]:
    heading, own, form = HEADINGS[name]
    leads = [_cell(figures, f"{name}.lead_over_{row}", f"+{form}") if row != own else "" for row in ROWS[1:]]
    return [heading, own, *leads]


def _cell(figures: dict[str, float], name: str, form: str) -> str:
    return interval_text(figures, name, form) if np.isfinite(figures[name]) else ""


if __name__ == "__main__":
    run_command(tasks)
