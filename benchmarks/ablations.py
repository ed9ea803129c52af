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

"""The gain of each part: parts of the shipped restorer switched off, and losses of the tasks left out.

python benchmarks/ablations.py
python benchmarks/ablations.py --pack clean.pack --minutes 10     also trains with each loss, for 10 minutes
python benchmarks/ablations.py --pack clean.pack --detector yolov8n        also with a frozen detector's loss

Each loss trains adapters and one prompt on the same prior with the same frames in the same order; the result is
discarded. All rows restore the same frames.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from _cases import Case, cases
from _common import interval_text, markdown_table, with_interval, write_result
from tqdm import tqdm

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.engines import Engine, create_engine
from infrared_ir_ros.evaluation.metrics import fit_tone, psnr, ssim
from infrared_ir_ros.evaluation.testsets import SETS, data_folder
from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import Restorer, load_restorer
from infrared_ir_ros.restoration.folding import Tasks
from infrared_ir_ros.restoration.weights import PriorFiles, find_prior
from infrared_ir_ros.training.labels import Labels
from infrared_ir_ros.training.pack import FrameSets, read_labels, read_pack
from infrared_ir_ros.training.perceptual import is_installed
from infrared_ir_ros.training.semantic import semantic_losses
from infrared_ir_ros.training.task_config import TaskConfig, TasksConfig, read_tasks_config
from infrared_ir_ros.training.task_model import SemanticLosses
from infrared_ir_ros.training.tasks import EXPORT, train_tasks

PRESETS = ("hm_tir_normal", "hm_tir_hard", "sensor_light", "sensor_normal", "sensor_hard")
OPTIONS = Options(tone="restore", smoothing=0.0)
CONFIG = Path(__file__).resolve().parents[1] / "config/train_tasks.yaml"
MEASURES = ("psnr", "psnr_fitted", "ssim_fitted")
LOSSES: dict[str, dict[str, Any]] = {
    "base loss": {},
    "+ spectral, proportion": {"spectral": 0.5, "spectral_kind": "proportion"},
    "+ spectral, detail": {"spectral": 0.5, "spectral_kind": "detail"},
    "+ perceptual": {"perceptual": 0.5},
    "+ semantic": {"semantic": "detection", "semantic_weight": 1.0, "semantic_warm_up": 100},
}


class Without:
    """An engine that leaves parts of the estimate out: `tone`, `shading` or `lines`; fixed: log-SNR of every frame."""

    def __init__(self, engine: Engine, *parts: str, fixed: np.ndarray | None = None) -> None:
        self._engine, self._parts, self._fixed = engine, parts, fixed
        self.description, self.multiple, self.candidates = engine.description, engine.multiple, engine.candidates

    def estimate(self, frame: np.ndarray) -> tuple[np.ndarray, ...]:
        gain, offset, shading, columns, rows, bands, log_snr = self._engine.estimate(frame)
        if "tone" in self._parts:
            gain, offset = np.ones_like(gain), np.zeros_like(offset)
        if "shading" in self._parts:
            shading = np.zeros_like(shading)
        if "lines" in self._parts:
            columns, rows = np.zeros_like(columns), np.zeros_like(rows)
        if self._fixed is not None:
            bands = np.broadcast_to(self._fixed, bands.shape).astype(np.float32)
        return gain, offset, shading, columns, rows, bands, log_snr

    def restore(self, frame: np.ndarray, *estimate: np.ndarray) -> np.ndarray:
        return self._engine.restore(frame, *estimate)


def ablations(
    *,
    frames: int = 2,
    sets: tuple[str, ...] = SETS,
    pack: Path | None = None,
    detector: str = "",
    minutes: float = 10.0,
    engine: str = "onnxruntime",
    seed: int = 0,
) -> int:
    """Measure the gain of each part; write results/ablations.json.

    Parameters
    ----------
    frames
        Frames of each set and preset.
    sets
        Data sets.
    pack
        Clean training frames; without them no loss is trained.
    detector
        yolov8n, a folder of export_detector, or a .pt, for the semantic loss, which is left out without one.
    minutes
        Minutes of training per loss.
    engine
        Engine of the restorer: auto, onnxruntime, openvino or torch.
    seed
        Seed of the degradations.
    """
    mix = list(cases(sets, PRESETS, frames, seed, data_folder()))
    rows = switched_off(find_prior("embedded"), engine, mix)
    if pack:
        training = Training(minutes, read_pack(pack), read_labels(pack), semantic_losses(detector))
        rows |= trained(find_prior("embedded"), engine, mix, training)
    figures = summary(rows, mix)
    print(report(figures, tuple(rows)))
    print(f"\n{write_result('ablations', figures, [seed], {'minutes of each loss': f'{minutes:g}'})}")
    return 0


def switched_off(files: PriorFiles, name: str, mix: list[Case]) -> dict[str, np.ndarray]:
    """Scores (cases, MEASURES) of the shipped restorer, and with each part left out."""
    shipped = load_restorer(engine=name, options=OPTIONS)
    rows = {"as shipped": scores(shipped, mix)}
    rows["adapters off"] = scores(Restorer(create_engine(files, name), OPTIONS), mix)
    folded = create_engine(Tasks(files).fold(OPTIONS.task), name)
    bands = np.mean([shipped.restore(case.degraded).estimate.log_snr_bands for case in tqdm(mix, "log-SNR")], axis=0)
    rows["timestep fixed"] = scores(Restorer(Without(folded, fixed=bands), OPTIONS), mix)
    for part in ("tone", "shading", "lines"):
        rows[f"{part} left out"] = scores(Restorer(Without(folded, part), OPTIONS), mix)
    return rows


@dataclass(frozen=True)
class Training:
    """The settings shared by all trainings."""

    minutes: float
    frames: FrameSets
    labels: Labels
    semantic: SemanticLosses


def trained(files: PriorFiles, name: str, mix: list[Case], training: Training) -> dict[str, np.ndarray]:
    """Scores of adapters trained with each loss."""
    config = read_tasks_config(CONFIG)
    rows = {}
    for label, loss in LOSSES.items():
        if "perceptual" in loss and not is_installed():
            continue
        if "semantic" in loss and loss["semantic"] not in training.semantic:
            continue
        task = TaskConfig("restore", training.minutes, config.tasks[0].mix, **loss)
        rows[label] = _scores_after(replace(config, tasks=[task], workers=0), files, name, mix, training)
    return rows


def _scores_after(config: TasksConfig, files: PriorFiles, name: str, mix: list[Case], training: Training) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        train_tasks(config, training.frames, files, Path(folder), semantic=training.semantic, labels=training.labels)
        return scores(load_restorer(prior_path=str(Path(folder) / EXPORT), engine=name, options=OPTIONS), mix)


def scores(restorer: Restorer, mix: list[Case]) -> np.ndarray:
    """(cases, MEASURES)."""
    rows = []
    for case in tqdm(mix, "restoring"):
        restored = restorer.restore(case.degraded).image
        fitted = fit_tone(restored, case.clean)
        rows.append((psnr(restored, case.clean), psnr(fitted, case.clean), ssim(fitted, case.clean)))
    return np.array(rows)


def summary(rows: dict[str, np.ndarray], mix: list[Case]) -> dict[str, float]:
    """Means over all cases and over each preset's, and each row's difference from the one that it is compared with."""
    presets = np.array([case.preset for case in mix])
    figures = {}
    for label, table in rows.items():
        change = table - rows["base loss" if label in LOSSES else "as shipped"]
        for index, measure in enumerate(MEASURES):
            figures[f"{label}.{measure}"] = table[:, index].mean()
            figures |= with_interval(f"{label}.change_{measure}", [change[:, index]])
        for preset in PRESETS:
            figures[f"{label}.{preset}.psnr_fitted"] = table[presets == preset, 1].mean()
    return {name: round(float(value), 4) for name, value in figures.items()}


def report(figures: dict[str, float], labels: tuple[str, ...]) -> str:
    """The figures as Markdown text."""
    header = ["", "psnr", "change", "fitted", "change fitted", "ssim, fitted", *PRESETS]
    rows = []
    for label in labels:
        cells = [label]
        for measure in MEASURES[:2]:
            cells += [f"{figures[f'{label}.{measure}']:.2f}", interval_text(figures, f"{label}.change_{measure}")]
        cells += [f"{figures[f'{label}.ssim_fitted']:.3f}"]
        rows.append([*cells, *(f"{figures[f'{label}.{preset}.psnr_fitted']:.2f}" for preset in PRESETS)])
    note = "Losses are compared with the base loss, everything else with what ships; presets: after gain and offset."
    return f"{note}\n\n{markdown_table(header, rows)}"


if __name__ == "__main__":
    run_command(ablations)
