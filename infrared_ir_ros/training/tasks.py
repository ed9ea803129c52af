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

"""The loop of `train_tasks`: trains adapters, hypernetwork and prompts on a frozen prior; resumable."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from torch import Tensor
from tqdm import tqdm

from infrared_ir_ros.engines.torch_engine import load_prior
from infrared_ir_ros.errors import OptionError, WeightsError
from infrared_ir_ros.priors.adapters import AdaptedPrior, Adapters
from infrared_ir_ros.priors.export import export_tasks
from infrared_ir_ros.restoration.folding import ADAPTERS, PROMPTS, WEIGHTS, check_places, read_adapters
from infrared_ir_ros.restoration.prompts import PROMPT, PromptBank
from infrared_ir_ros.restoration.weights import PriorFiles
from infrared_ir_ros.training import checkpoint
from infrared_ir_ros.training.checkpoint import Progress
from infrared_ir_ros.training.frames import loader
from infrared_ir_ros.training.labels import NO_LABELS, Labels
from infrared_ir_ros.training.log import TrainingLog
from infrared_ir_ros.training.pack import FrameSets
from infrared_ir_ros.training.processes import agree, start_processes
from infrared_ir_ros.training.stages import Terms
from infrared_ir_ros.training.task_config import TaskConfig, TasksConfig
from infrared_ir_ros.training.task_labels import Target, check_labels
from infrared_ir_ros.training.task_model import SemanticLosses, TaskBatches, TaskLoss, Trained, digest
from infrared_ir_ros.training.train import schedule

EXPORT = "prior"  # folder of the output: the prior with its tasks


def train_tasks(
    config: TasksConfig,
    frames: FrameSets,
    files: PriorFiles,
    folder: Path,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
    semantic: SemanticLosses | None = None,
    init: PriorFiles | None = None,
    labels: Labels = NO_LABELS,
) -> bool:
    """Train the tasks of a prior. Writes checkpoint, logs, sample pictures, and the trained prior as `prior`, into
    `folder`. Returns whether the training is finished.

    resume: continue from the checkpoint in `folder`. stop: called after every step; True saves and returns.
    semantic: the losses that the configuration's `semantic` names. init: another state of this prior, whose tasks are
    the start. labels: of the frames. Raises OptionError or WeightsError if these do not fit each other.
    """
    _check(config, frames, folder, resume, init)
    check_labels(config, semantic or {}, labels)
    other_prompts = DistributedDataParallelKwargs(find_unused_parameters=True)  # a step uses one prompt only
    accelerator = start_processes(config.precision, [other_prompts])
    torch.manual_seed(config.seed)
    trained = _start(config, files, init)
    check_places(files, trained.adapted.adapters.layers)
    progress = _resumed(config, trained, folder) if resume else Progress()
    before = digest(trained.adapted.prior)
    updates = _Updates(config, trained, progress, accelerator, semantic or {})
    batches = TaskBatches(config, frames, labels, accelerator.process_index)
    _run(config, batches, folder, updates, progress, accelerator, stop)
    if digest(trained.adapted.prior) != before:
        raise WeightsError("the prior's weights changed while its tasks were trained: nothing was exported")
    if accelerator.is_main_process:
        _export(config, files, trained, folder / EXPORT)
    accelerator.end_training()
    return progress.seconds >= config.seconds


def _check(
    config: TasksConfig,
    frames: FrameSets,
    folder: Path,
    resume: bool,
    init: PriorFiles | None,
) -> None:
    if init and (resume or config.optimise == "prompt"):
        raise OptionError("--init starts from the tasks of another prior: not with --resume or optimise: prompt")
    checkpoint.check_output(folder, resume)
    for task in config.tasks:
        task.mix.check(frames, f"task {task.name}")


def _start(config: TasksConfig, files: PriorFiles, init: PriorFiles | None) -> Trained:
    """New adapters with prompts of ones, or those of `init`, or, if only prompts are trained, those of the prior."""
    prior, of = load_prior(files), files.hashes[WEIGHTS]
    prompts = {task.name: torch.ones(PROMPT) for task in config.tasks}
    start = files if config.optimise == "prompt" else init
    if start is None:
        adapters = Adapters(prior.denoiser, config.rank, config.alpha)
        return Trained(AdaptedPrior(prior, adapters), prompts, config.optimise, of)
    known = {name: torch.from_numpy(prompt) for name, prompt in _known_prompts(start).items() if name in prompts}
    try:
        adapted = AdaptedPrior(prior, Adapters.from_file(prior.denoiser, read_adapters(start)))
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"the tasks in {start.folder} belong to a prior of another shape: {error}") from error
    return Trained(adapted, prompts | known, config.optimise, of)


def _known_prompts(files: PriorFiles) -> dict[str, np.ndarray]:
    if PROMPTS not in files.hashes:
        return {}
    return dict(PromptBank.from_bytes(files.read(PROMPTS), str(files.folder / PROMPTS)).prompts)


def _export(config: TasksConfig, files: PriorFiles, trained: Trained, folder: Path) -> None:
    """Write the prior with its tasks: new prompts are added to those of the same adapters; a trained hypernetwork is
    widened, so that it can learn more tasks. `trained` is not changed."""
    prompts = {name: prompt.detach().cpu().numpy() for name, prompt in trained.prompts.items()}
    if config.optimise == "prompt":
        export_tasks(files, files.read(ADAPTERS), _known_prompts(files) | prompts, folder)
    else:
        adapters = copy.deepcopy(trained.adapted.adapters).cpu()
        adapters.hypernetwork.widen(torch.stack([prompt.detach().cpu() for prompt in trained.prompts.values()]))
        export_tasks(files, adapters.to_bytes(trained.of), prompts, folder)


def _resumed(config: TasksConfig, trained: Trained, folder: Path) -> Progress:
    progress = checkpoint.load(folder)
    theirs = progress.prior.get("of")
    if theirs != trained.of:
        raise WeightsError(
            f"the tasks in {folder} were trained on the prior with SHA-256 {theirs}, but this one is {trained.of}: "
            "give that prior, or start without --resume in another --output"
        )
    weights, adapters = progress.prior["tasks"], trained.adapted.adapters.state_dict(prefix="adapted.adapters.")
    beside = config.optimise == "prompt"  # what prompts are trained beside, they are exported with
    if beside and not all(torch.equal(value, weights[name]) for name, value in adapters.items()):
        raise WeightsError(
            f"the prompts in {folder} were trained beside other adapters than those of this prior: give the prior "
            "that they began with, or start without --resume in another --output"
        )
    checkpoint.fill(trained, trained.state_dict() | weights, "these tasks and this rank")
    return progress


def _run(
    config: TasksConfig,
    batches: TaskBatches,
    folder: Path,
    updates: _Updates,
    progress: Progress,
    accelerator: Accelerator,
    stop: Callable[[], bool],
) -> None:
    """Train until the schedule ends or `stop` returns True, and save the checkpoint."""
    if progress.seconds >= config.seconds:
        return  # resumed after its end
    logs = {
        task.name: TrainingLog(folder, *progress.sums.get(task.name, ({}, 0)))
        for task in config.tasks
        if accelerator.is_main_process
    }
    bar = tqdm(total=round(config.seconds), initial=round(progress.seconds), unit="s", desc="tasks", disable=not logs)
    last = saved = time.monotonic()
    for clean, degraded, target in loader(batches, progress.step, config.workers):
        task = config.task_at(progress.step)
        terms = updates.step(clean, degraded, target, task, progress)
        now = time.monotonic()
        terms, passed, stopped = agree(accelerator, terms, now - last, stop())
        progress.step, progress.seconds, last = progress.step + 1, progress.seconds + passed, now
        stopped = stopped or progress.seconds >= config.seconds
        if logs:
            log = logs[task.name]
            log.add(terms)
            bar.update(round(progress.seconds) - bar.n)
            if log.counted == config.log_every:
                means = log.write(task.name, progress.step, progress.seconds, updates.rate)
                bar.set_postfix({name: f"{value:.3f}" for name, value in means.items()})
        if stopped or now - saved > 60 * config.save_minutes:
            saved = now
            progress.prior, progress.optimizer = updates.state()
            if logs:
                progress.sums = {name: (log.sums, log.counted) for name, log in logs.items()}
                checkpoint.save(folder, progress)
                _sample(logs[task.name], updates.trained, task, progress.step, clean, degraded)
        if stopped:
            break
    bar.close()
    for log in logs.values():
        log.close()


class _Updates:
    """The optimiser and the loss, on the device."""

    def __init__(
        self,
        config: TasksConfig,
        trained: Trained,
        progress: Progress,
        accelerator: Accelerator,
        semantic: SemanticLosses,
    ) -> None:
        self._accelerator, self._seconds, self.trained = accelerator, config.seconds, trained
        trained.to(accelerator.device)
        semantic = {name: loss.to(accelerator.device) for name, loss in semantic.items()}
        groups = trained.parameter_groups(config)
        self._rates = [group["lr"] for group in groups]
        optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay, betas=(0.9, 0.98))
        checkpoint.fill_optimizer(optimizer, progress.optimizer)
        loss = TaskLoss(trained, config.tasks, semantic)
        self._balances = loss.balances
        for name, state in progress.prior.get("balances", {}).items():
            if name not in self._balances:
                raise WeightsError(
                    f"the checkpoint's task {name} had a semantic loss, the configuration gives it none: resume with "
                    "the configuration that it began with"
                )
            self._balances[name].load_state_dict(state)
        self._loss, self._optimizer = accelerator.prepare(loss, optimizer)

    @property
    def rate(self) -> float:
        return self._optimizer.param_groups[-1]["lr"]

    def step(
        self, clean: Tensor, degraded: Tensor, target: Target | None, task: TaskConfig, progress: Progress
    ) -> Terms:
        """Do one step; returns its loss terms."""
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * schedule(progress.seconds / self._seconds, progress.step)
        device = self._accelerator.device
        loss, terms = self._loss(clean.to(device), degraded.to(device), target, task, progress.step)
        self._optimizer.zero_grad()
        self._accelerator.backward(loss)
        self._accelerator.clip_grad_norm_([p for p in self._loss.parameters() if p.requires_grad], 1.0)
        self._optimizer.step()
        return terms

    def state(self) -> tuple[dict, dict]:
        """The states of the tasks and of the optimiser, for a checkpoint."""
        balances = {name: balance.state_dict() for name, balance in self._balances.items()}
        return {
            "of": self.trained.of,
            "tasks": self.trained.state(),
            "balances": balances,
        }, self._optimizer.state_dict()


@torch.no_grad()
def _sample(log: TrainingLog, trained: Trained, task: TaskConfig, step: int, clean: Tensor, degraded: Tensor) -> None:
    clean, degraded = clean[:4], degraded[:4].to(trained.prompts[task.name].device)
    log.picture(f"{task.name}_{step:06d}", degraded, trained.adapted(degraded, trained.prompts[task.name]), clean)
