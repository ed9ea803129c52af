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

"""The effect of prompts: what the tasks change, and what a prompt alone learns of a sensor not in the training.

python benchmarks/prompts.py

The prompt `restore` is trained for a few minutes on every other frame of an unseen set, degraded by the sensor presets;
the frames between them are restored with the prompt before and after that. The trained prompt is discarded.
"""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import numpy as np
import torch
from _cases import Case, cases
from _common import interval_text, markdown_table, with_interval, write_result
from tqdm import tqdm

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.engines.torch_engine import load_prior
from infrared_ir_ros.evaluation.metrics import fit_tone, psnr
from infrared_ir_ros.evaluation.testsets import SETS, UNSEEN_SENSORS, data_folder, load_set
from infrared_ir_ros.priors.adapters import AdaptedPrior, Adapters
from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import load_restorer
from infrared_ir_ros.restoration.folding import PROMPTS, read_adapters
from infrared_ir_ros.restoration.prompts import PromptBank
from infrared_ir_ros.restoration.weights import PriorFiles, find_prior
from infrared_ir_ros.training.frames import Mix
from infrared_ir_ros.training.task_config import TaskConfig, TasksConfig
from infrared_ir_ros.training.tasks import EXPORT, train_tasks

PRESETS = ("hm_tir_hard", "sensor_normal")
DEFAULT = "restore"
FRAMES_OF_A_SENSOR = 32


def prompts(
    *, frames: int = 2, sets: tuple[str, ...] = SETS, unseen: tuple[str, ...] = UNSEEN_SENSORS, minutes: float = 3.0,
    prior_path: str = "", seed: int = 0,
) -> int:  # fmt: skip
    """Measure the effect of prompts; write results/prompts.json.

    Parameters
    ----------
    frames
        Frames of each set and preset in the comparison of tasks.
    sets
        Data sets of that comparison.
    unseen
        Data sets for whose sensors a prompt is trained.
    minutes
        Minutes of training for each of them.
    prior_path
        Folder of the weights; the shipped ones if empty.
    seed
        Seed of degradations and training.
    """
    files = find_prior("embedded", prior_path)
    bank = PromptBank.from_bytes(files.read(PROMPTS), str(files.folder / PROMPTS))
    figures = compare_tasks(files, tuple(bank.prompts), list(cases(sets, PRESETS, frames, seed, data_folder())))
    figures |= slope(files, torch.from_numpy(bank.prompts[DEFAULT]))
    for name in unseen:
        figures |= transfer(files, name, minutes, seed)
    print(report(figures, tuple(bank.prompts), unseen))
    print(f"\n{write_result('prompts', figures, [seed], {'prior': files.version})}")
    return 0


def compare_tasks(files: PriorFiles, tasks: tuple[str, ...], mix: list[Case]) -> dict[str, float]:
    """Grey PSNR of each task, and the root mean square difference of the frames of two tasks, in grey levels."""
    restored = {}
    for task in tasks:
        restorer = load_restorer(
            prior_path=str(files.folder), options=Options(tone="restore", task=task, smoothing=0.0)
        )
        restored[task] = [restorer.restore(case.degraded).image.astype(np.float32) for case in tqdm(mix, task)]
    figures = {}
    for task, images in restored.items():
        fitted = [psnr(fit_tone(image, case.clean), case.clean) for image, case in zip(images, mix, strict=True)]
        figures[f"{task}.psnr"] = np.mean([psnr(x, case.clean) for x, case in zip(images, mix, strict=True)])
        figures[f"{task}.psnr_fitted"] = np.mean(fitted)
    for one, other in itertools.combinations(tasks, 2):
        differences = [np.square(a - b).mean() for a, b in zip(restored[one], restored[other], strict=True)]
        figures[f"{one}-{other}.difference"] = np.sqrt(np.mean(differences))
    return {name: round(float(value), 4) for name, value in figures.items()}


def slope(files: PriorFiles, prompt: torch.Tensor) -> dict[str, float]:
    """Length of d mean(out^2) / d prompt on one degraded frame: zero would mean that prompts do nothing."""
    case = next(iter(cases(("hit-uav",), ("sensor_normal",), 1, 0, data_folder())))
    adapted = _adapted(files)
    prompt = prompt.clone().requires_grad_()
    frame = torch.from_numpy(case.degraded[:256, :320].astype(np.float32) / 255)[None, None]
    adapted(frame, prompt).square().mean().backward()
    return {"slope": float(prompt.grad.norm())}


def _adapted(files: PriorFiles) -> AdaptedPrior:
    prior = load_prior(files)
    return AdaptedPrior(prior, Adapters.from_file(prior.denoiser, read_adapters(files)))


def transfer(files: PriorFiles, name: str, minutes: float, seed: int) -> dict[str, float]:
    """Gain of a prompt trained on half of an unseen set's frames, on the other half; and the changed files."""
    frames = load_set(name, FRAMES_OF_A_SENSOR, data_folder())
    clean = [np.rint(frame.image).astype(np.uint8) for frame in frames[::2]]
    held_out = {frame.name for frame in frames[1::2]}
    presets = {"sensor_light": 1.0, "sensor_normal": 1.0, "sensor_hard": 1.0}
    mix = Mix({name: 1.0}, presets, [(256, 320, 4, 1.0)])
    config = TasksConfig([TaskConfig(DEFAULT, minutes, mix)], optimise="prompt", rate=0.0, seed=seed)
    every = cases((name,), presets, FRAMES_OF_A_SENSOR, seed, data_folder())
    tests = [case for case in every if case.name in held_out]
    with tempfile.TemporaryDirectory() as folder:
        train_tasks(config, {name: clean}, files, Path(folder))
        after = find_prior("embedded", str(Path(folder) / EXPORT))
        gains = np.subtract(*(_scores(which, tests) for which in (after, files)))
        changed = [key for key, value in files.hashes.items() if after.hashes[key] != value]
    figures = {f"{name}.other_files_changed": float(len(set(changed) - {PROMPTS}))}
    for index, measure in enumerate(("psnr", "psnr_fitted")):
        figures |= with_interval(f"{name}.gain_{measure}", [gains[:, index]])
    return {key: round(float(value), 4) for key, value in figures.items()}


def _scores(files: PriorFiles, tests: list[Case]) -> np.ndarray:
    restorer = load_restorer(prior_path=str(files.folder), options=Options(tone="restore", task=DEFAULT, smoothing=0.0))
    rows = []
    for case in tests:
        restored = restorer.restore(case.degraded).image
        rows.append((psnr(restored, case.clean), psnr(fit_tone(restored, case.clean), case.clean)))
    return np.array(rows)


def _apart(figures: dict[str, float], one: str, other: str) -> float:
    either = figures.get(f"{one}-{other}.difference", figures.get(f"{other}-{one}.difference"))
    return 0.0 if either is None else either  # a task and itself


def report(figures: dict[str, float], tasks: tuple[str, ...], unseen: tuple[str, ...]) -> str:
    """The figures as Markdown text."""
    header = ["", "psnr", "after gain and offset", *(f"from {task}" for task in tasks)]
    rows = []
    for task in tasks:
        pairs = [_apart(figures, task, other) for other in tasks]
        scores = (f"{figures[f'{task}.{measure}']:.2f}" for measure in ("psnr", "psnr_fitted"))
        rows.append([task, *scores, *(f"{pair:.2f}" for pair in pairs)])
    parts = ["### tasks: grey PSNR, and how far their frames are apart (root mean square, of 255)"]
    parts += [markdown_table(header, rows), f"Length of d mean(out^2) / d prompt: {figures['slope']:.2e}."]
    rows = []
    for name in unseen:
        cells = [interval_text(figures, f"{name}.gain_{measure}") for measure in ("psnr", "psnr_fitted")]
        rows.append([name, *cells, f"{figures[f'{name}.other_files_changed']:.0f}"])
    parts += ["### a prompt alone, trained on an unseen sensor: gain in dB on its other frames"]
    parts += [markdown_table(["", "psnr", "after gain and offset", "other files changed"], rows)]
    return "\n\n".join(parts)


if __name__ == "__main__":
    run_command(prompts)
