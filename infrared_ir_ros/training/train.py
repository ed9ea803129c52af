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

"""The loop of `train_prior`: one stage after the other, resumable, in one process or several."""

from __future__ import annotations

import copy
import inspect
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from infrared_ir_ros.engines.torch_engine import load_prior
from infrared_ir_ros.errors import OptionError, WeightsError, one_line
from infrared_ir_ros.priors import EmbeddedPrior
from infrared_ir_ros.restoration.weights import PriorFiles
from infrared_ir_ros.training import checkpoint
from infrared_ir_ros.training.checkpoint import Progress
from infrared_ir_ros.training.config import PriorConfig, StageConfig
from infrared_ir_ros.training.degradation import degrade_batch
from infrared_ir_ros.training.drawing import draw_view
from infrared_ir_ros.training.frames import (
    CleanBatch,
    CleanBatches,
    Pairs,
    Thumbnails,
    WholeFrames,
    loader,
)
from infrared_ir_ros.training.kernels import replace_dead_pixels
from infrared_ir_ros.training.log import TrainingLog
from infrared_ir_ros.training.pack import FrameSets
from infrared_ir_ros.training.processes import agree, start_processes
from infrared_ir_ros.training.stages import STAGES, FieldStage, StageLoss
from infrared_ir_ros.training.stream import streamed_each

WARM_UP_STEPS = 100
DENOISER = "denoiser."  # prefix of its weights


def train_prior(
    config: PriorConfig,
    frames: FrameSets,
    folder: Path,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
    init: PriorFiles | None = None,
) -> bool:
    """Train the embedded prior. Writes checkpoint, logs and sample pictures into `folder`. Returns whether the training
    is finished.

    resume: continue from the checkpoint in `folder`. stop: called after every step; True saves and returns.
    init: exported weights to start from; of a prior with another denoiser, the heads. Raises OptionError or
    WeightsError if these do not fit each other, the configuration, the pack or the folder.
    """
    _check(config, frames, folder, resume, init)
    accelerator = start_processes(config.precision)
    torch.manual_seed(config.seed)
    progress = checkpoint.load(folder) if resume else Progress()
    prior = _start(config, frames, progress, init).to(accelerator.device, memory_format=torch.channels_last)
    while progress.stage < len(config.stages):
        if not _run_stage(config, frames, folder, prior, progress, accelerator, stop):
            break
        progress = Progress(stage=progress.stage + 1, prior=progress.average, average=progress.average)
        prior.load_state_dict(progress.prior)  # the next stage builds on the averaged weights
        if accelerator.is_main_process:
            checkpoint.save(folder, progress)
    accelerator.end_training()
    return progress.stage == len(config.stages)


def _check(config: PriorConfig, frames: FrameSets, folder: Path, resume: bool, init: PriorFiles | None) -> None:
    if resume and init:
        raise OptionError(f"--resume continues with the weights in {folder}, --init starts from others: give only one")
    checkpoint.check_output(folder, resume)
    for stage in config.stages:
        stage.mix.check(frames, f"stage {stage.name}")


def _start(config: PriorConfig, frames: FrameSets, progress: Progress, init: PriorFiles | None) -> EmbeddedPrior:
    """The prior before the next step: resumed, from exported weights, or new."""
    asked = _constructor(config.prior)
    prior = new_prior(asked)
    if progress.prior:
        checkpoint.fill(prior, progress.prior, f"a prior with {asked}")
    elif init is not None:
        _take(prior, asked, init)
    else:
        prior.latent_scale.copy_(measure_latent_scale(prior, frames, config.stages[-1].mix.sets, config.seed))
    return prior


def _take(prior: EmbeddedPrior, asked: dict[str, Any], init: PriorFiles) -> None:
    """Fill a prior with exported weights; the heads alone where those have a denoiser of another size. Raises
    WeightsError if the heads differ too."""
    weights, given = load_prior(init).state_dict(), _constructor(init.constructor)
    if any(given[name] != asked[name] for name in ("field_channels", "field_layers")):
        raise WeightsError(
            f"{init.folder} holds a prior with {given}, the configuration asks for {asked}: make field_channels and "
            "field_layers in `prior:` the same"
        )
    if given != asked:
        tqdm.write(f"the denoiser of {init.folder} has another size: starting from its heads alone", sys.stderr)
        own = prior.denoiser.state_dict(prefix=DENOISER)
        weights = {name: value for name, value in weights.items() if not name.startswith(DENOISER)} | own
    prior.load_state_dict(weights)


def new_prior(keywords: dict[str, Any]) -> EmbeddedPrior:
    """The prior of a configuration. Raises OptionError for invalid keywords."""
    try:
        return EmbeddedPrior(**keywords)
    except (TypeError, ValueError, RuntimeError, ArithmeticError) as error:  # of torch, for odd numbers
        reason = one_line(error)
        raise OptionError(f"prior: cannot build a network with {keywords}: {reason}") from error


def _constructor(keywords: dict[str, Any]) -> dict[str, Any]:
    """All keywords of the prior's constructor, defaults filled in."""
    try:
        bound = inspect.signature(EmbeddedPrior).bind(**keywords)
    except TypeError as error:
        raise OptionError(f"prior: {error}; it takes {inspect.signature(EmbeddedPrior)}") from error
    bound.apply_defaults()
    return {name: list(value) if isinstance(value, tuple) else value for name, value in bound.arguments.items()}


@torch.no_grad()
def measure_latent_scale(
    prior: EmbeddedPrior, frames: FrameSets, sets: dict[str, float], seed: int, count: int = 200
) -> Tensor:
    """Root mean square of each sub-band over clean frames, which scales latents to unit variance. sets: weights."""
    rng = np.random.default_rng(seed)
    power = torch.zeros(prior.latent_scale.shape)
    for _ in range(count):
        clean = torch.from_numpy(draw_view(frames, sets, rng, 256, 320)[0] / 255)[None, None]
        power += prior.codec.encode(clean.float() - 0.5).square().mean((0, 2, 3))
    return (power / count).sqrt().clamp_min(1e-3)


def _run_stage(
    config: PriorConfig,
    frames: FrameSets,
    folder: Path,
    prior: EmbeddedPrior,
    progress: Progress,
    accelerator: Accelerator,
    stop: Callable[[], bool],
) -> bool:
    """Train one stage until its schedule ends (True) or `stop` returns True (False); updates `progress`."""
    stage, title = config.stages[progress.stage], config.title(progress.stage)
    if stage.share(progress.step, progress.seconds) >= 1:
        return True
    updates = _Updates(config, prior, progress, accelerator)
    log = TrainingLog(folder, progress.sums, progress.counted) if accelerator.is_main_process else None
    bar = tqdm(total=stage.steps or round(60 * stage.minutes), unit="step" if stage.steps else "s", desc=title,
               initial=progress.step if stage.steps else round(progress.seconds), disable=log is None)  # fmt: skip
    batches = _batches(config, progress, frames, accelerator)
    last = saved = time.monotonic()  # thumbnails, drawn in advance, are no training
    for batch in batches:
        clean, degraded = _on_device(batch, config, progress, accelerator)
        terms = updates.step(clean, degraded, stage.share(progress.step, progress.seconds), progress.step)
        now = time.monotonic()
        terms, passed, stopped = agree(accelerator, terms, now - last, stop())
        progress.step, progress.seconds, last = progress.step + 1, progress.seconds + passed, now
        ended = stage.share(progress.step, progress.seconds) >= 1
        if log is not None:
            log.add(terms)
            bar.update((progress.step if stage.steps else round(progress.seconds)) - bar.n)
            if progress.step % config.log_every == 0:
                means = log.write(title, progress.step, progress.seconds, updates.rate)
                bar.set_postfix({name: f"{value:.3f}" for name, value in means.items()})
        if ended or stopped or now - saved > 60 * config.save_minutes:
            saved = now
            updates.store(progress)
            if log is not None:
                progress.sums, progress.counted = log.sums, log.counted
                checkpoint.save(folder, progress)
                _sample(log, f"{title}_{progress.step:06d}", updates.average, stage, clean, degraded)
        if ended or stopped:
            break
    bar.close()
    if log is not None:
        log.close()
    accelerator.free_memory()  # also removes the hooks that synchronise gradients
    return ended


class _Updates:
    """The optimiser of one stage, on the device, and the exponential average of the trained weights."""

    def __init__(self, config: PriorConfig, prior: EmbeddedPrior, progress: Progress, accelerator: Accelerator) -> None:
        stage = config.stages[progress.stage]
        groups = STAGES[stage.name].parameter_groups(prior, stage.rate)
        prior.requires_grad_(False)
        for group in groups:
            for parameter in group["params"]:
                parameter.requires_grad_(True)
        self._prior, self._decay, self._accelerator = prior, config.average, accelerator
        self._rates = [group["lr"] for group in groups]
        optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay, betas=(0.9, 0.98))
        checkpoint.fill_optimizer(optimizer, progress.optimizer)
        self.average = copy.deepcopy(prior)
        if progress.average:
            self.average.load_state_dict(progress.average)
        self._loss, self._optimizer = accelerator.prepare(StageLoss(prior, STAGES[stage.name]), optimizer)

    @property
    def rate(self) -> float:
        return self._optimizer.param_groups[0]["lr"]

    def step(self, clean: Tensor, degraded: Tensor, share: float, step: int) -> dict[str, Tensor]:
        """Do one step, after `step` others of this stage; returns its loss terms."""
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * schedule(share, step)
        loss, terms = self._loss(clean, degraded)
        self._optimizer.zero_grad()
        self._accelerator.backward(loss)
        self._accelerator.clip_grad_norm_([p for p in self._loss.parameters() if p.requires_grad], 1.0)
        self._optimizer.step()
        self._move_average(step + 1)
        return terms

    @torch.no_grad()
    def _move_average(self, step: int) -> None:
        """Update the average, over fewer steps at first."""
        keep = min(self._decay, step / (step + 20))
        for mean, value in zip(self.average.parameters(), self._prior.parameters(), strict=True):
            mean.lerp_(value, 1 - keep)

    def store(self, progress: Progress) -> None:
        progress.prior, progress.average = self._prior.state_dict(), self.average.state_dict()
        progress.optimizer = self._optimizer.state_dict()


def schedule(share: float, step: int) -> float:
    """Learning rate as a share of the highest: warm-up, constant, then down to almost 0 over the last 60 % of the
    time."""
    return min(1.0, (step + 1) / WARM_UP_STEPS) * min(1.0, max(1 - share, 0) / 0.6 + 0.005)


def _batches(config: PriorConfig, progress: Progress, frames: FrameSets, accelerator: Accelerator) -> DataLoader:
    stage, entropy = config.stages[progress.stage], (config.seed, progress.stage)
    if STAGES[stage.name] is FieldStage:
        scenes = Thumbnails(frames, stage.mix, entropy, stage.batch, stage.pool)
    else:
        scenes = WholeFrames(frames, stage.mix, entropy)
    on_gpu = accelerator.device.type != "cpu"
    on_device = config.degrade_on == "device" or (config.degrade_on == "auto" and on_gpu)
    batches = (CleanBatches if on_device else Pairs)(scenes, accelerator.process_index)
    return loader(batches, progress.step, config.workers, pinned=on_gpu)


def _on_device(
    batch: CleanBatch | tuple[Tensor, Tensor], config: PriorConfig, progress: Progress, accelerator: Accelerator
) -> tuple[Tensor, Tensor]:
    """(clean, degraded) on the device; degradation there depends on seed, stage, step and process alone."""
    device = accelerator.device
    if not isinstance(batch, CleanBatch):
        clean, degraded = (side.to(device, non_blocking=True) for side in batch)
        return clean, degraded
    entropy = [config.seed, progress.stage, progress.step, accelerator.process_index]
    seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
    generator = torch.Generator(device).manual_seed(seed)
    clean, seen = (side.to(device, non_blocking=True) for side in batch[:2])
    degraded = degrade_batch(seen, batch.presets, generator, batch.scales, batch.rasters)
    degraded = streamed_each(degraded, batch.streams)
    thumbnails = STAGES[config.stages[progress.stage].name] is FieldStage
    return clean, degraded if thumbnails else replace_dead_pixels(degraded)


@torch.no_grad()
def _sample(
    log: TrainingLog, name: str, prior: EmbeddedPrior, stage: StageConfig, clean: Tensor, degraded: Tensor
) -> None:
    clean, degraded = clean[:4], degraded[:4]
    if STAGES[stage.name] is FieldStage:
        gain, offset, shading = prior.field(degraded)
        restored = degraded * gain[:, :, None, None] + offset[:, :, None, None] - shading
    else:
        restored = prior.restore(degraded, *prior.estimate(degraded)[:6])
    log.picture(name, degraded, restored, clean)
