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

"""The loop of `train_prior`: stages in a row, resumable at any moment."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from infrared_ir_ros.priors import EmbeddedPrior
from infrared_ir_ros.training import checkpoint
from infrared_ir_ros.training.checkpoint import Progress
from infrared_ir_ros.training.config import PriorConfig, StageConfig
from infrared_ir_ros.training.frames import Pairs, ThumbnailPairs, draw_clean
from infrared_ir_ros.training.log import TrainingLog
from infrared_ir_ros.training.pack import FrameSets
from infrared_ir_ros.training.stages import STAGES, FieldStage, StageLoss

WARM_UP_STEPS = 100


def train_prior(
    config: PriorConfig, frames: FrameSets, folder: Path, resume: bool = False, stop: Callable[[], bool] = lambda: False
) -> None:
    """Train the embedded prior; `folder` gets the checkpoint, logs and sample pictures.

    resume: go on from the checkpoint in `folder`. stop: asked after every step; True saves and returns.
    """
    accelerator = Accelerator()
    torch.manual_seed(config.seed)
    progress = checkpoint.load(folder) if resume else Progress()
    prior = EmbeddedPrior(**config.prior)
    if resume:
        prior.load_state_dict(progress.prior)
    else:
        prior.latent_scale.copy_(measure_latent_scale(prior, frames, config))
    while progress.stage < len(config.stages):
        if not _run_stage(config, frames, folder, prior, progress, accelerator, stop):
            return
        progress = Progress(stage=progress.stage + 1, prior=progress.average, average=progress.average)
        prior.load_state_dict(progress.prior)  # the next stage builds on the averaged weights
        checkpoint.save(folder, progress)


@torch.no_grad()
def measure_latent_scale(prior: EmbeddedPrior, frames: FrameSets, config: PriorConfig, count: int = 200) -> Tensor:
    """Root mean square of each sub-band over clean frames: what makes latents of unit variance."""
    rng = np.random.default_rng(config.seed)
    sets = config.stages[-1].mix.sets
    power = torch.zeros(prior.latent_scale.shape)
    for _ in range(count):
        clean = torch.from_numpy(draw_clean(frames, sets, rng, 256, 320) / 255)[None, None]
        power += prior.codec.encode(clean.float() - 0.5).square().mean((0, 2, 3))
    return (power / count).sqrt().clamp_min(1e-3)


def _loader(config: PriorConfig, stage: StageConfig, frames: FrameSets, seed: int) -> DataLoader:
    if STAGES[stage.name] is FieldStage:
        pairs = ThumbnailPairs(frames, stage.mix, seed, stage.batch, stage.pool)
    else:
        pairs = Pairs(frames, stage.mix, seed)
    return DataLoader(pairs, batch_size=None, num_workers=config.workers)


def _run_stage(
    config: PriorConfig,
    frames: FrameSets,
    folder: Path,
    prior: EmbeddedPrior,
    progress: Progress,
    accelerator: Accelerator,
    stop: Callable[[], bool],
) -> bool:
    """Train one stage until its schedule ends (True) or `stop` says so (False); `progress` is kept up to date."""
    stage = config.stages[progress.stage]
    loss_of = StageLoss(prior, STAGES[stage.name]).to(memory_format=torch.channels_last)
    groups = STAGES[stage.name].parameter_groups(prior, stage.rate)
    rates = [group["lr"] for group in groups]
    for parameter in prior.parameters():
        parameter.requires_grad_(False)
    for group in groups:
        for parameter in group["params"]:
            parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay, betas=(0.9, 0.98))
    if progress.optimizer:
        optimizer.load_state_dict(progress.optimizer)
    average = copy.deepcopy(prior)
    if progress.average:
        average.load_state_dict(progress.average)
    seed = config.seed + 1000 * progress.step + accelerator.process_index
    loss_of, optimizer = accelerator.prepare(loss_of, optimizer)
    log = TrainingLog(folder)
    bar = tqdm(total=round(60 * stage.minutes), initial=round(progress.seconds), unit="s", desc=stage.name)
    loader = _loader(config, stage, frames, seed)
    last, saved = time.monotonic(), time.monotonic()
    for clean, degraded in loader:
        share = progress.seconds / (60 * stage.minutes)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * schedule(share, progress.step)
        terms = _step(loss_of, optimizer, accelerator, clean, degraded)
        progress.step += 1
        _average(average, prior, config.average, progress.step)
        now = time.monotonic()
        progress.seconds, last = progress.seconds + now - last, now
        log.add(terms)
        bar.update(round(progress.seconds) - bar.n)
        if progress.step % config.log_every == 0:
            means = log.write(stage.name, progress.step, progress.seconds, optimizer.param_groups[0]["lr"])
            bar.set_postfix({name: f"{value:.3f}" for name, value in means.items()})
        ended = progress.seconds >= 60 * stage.minutes
        stopped = ended or stop()
        if stopped or now - saved > 60 * config.save_minutes:
            saved = now
            progress.prior, progress.average = prior.state_dict(), average.state_dict()
            progress.optimizer = optimizer.state_dict()
            if accelerator.is_main_process:
                checkpoint.save(folder, progress)
                _sample(log, average, stage, progress.step, clean, degraded)
        if stopped:
            bar.close()
            log.close()
            return ended
    raise AssertionError("the loader is endless")


def schedule(share: float, step: int) -> float:
    """Learning rate as a part of the highest: warm-up, flat, then down to nothing over the last 60 % of the time."""
    return min(1.0, (step + 1) / WARM_UP_STEPS) * min(1.0, max(1 - share, 0) / 0.6 + 0.005)


def _step(loss_of, optimizer, accelerator: Accelerator, clean: Tensor, degraded: Tensor) -> dict[str, Tensor]:  # noqa: ANN001
    clean, degraded = clean.to(accelerator.device), degraded.to(accelerator.device)
    loss, terms = loss_of(clean, degraded)
    optimizer.zero_grad()
    accelerator.backward(loss)
    accelerator.clip_grad_norm_([p for p in loss_of.parameters() if p.requires_grad], 1.0)
    optimizer.step()
    return terms


@torch.no_grad()
def _average(average: EmbeddedPrior, prior: EmbeddedPrior, decay: float, step: int) -> None:
    """Exponential average of the weights, short at first."""
    keep = min(decay, step / (step + 20))
    for mean, value in zip(average.parameters(), prior.parameters(), strict=True):
        mean.lerp_(value, 1 - keep)


@torch.no_grad()
def _sample(
    log: TrainingLog, prior: EmbeddedPrior, stage: StageConfig, step: int, clean: Tensor, degraded: Tensor
) -> None:
    clean, degraded = clean[:4], degraded[:4]
    if STAGES[stage.name] is FieldStage:
        gain, offset, shading = prior.field(degraded)
        restored = degraded * gain[:, :, None, None] + offset[:, :, None, None] - shading
    else:
        restored = prior.restore(degraded, *prior.estimate(degraded)[:6])
    log.picture(f"{stage.name}_{step:06d}", degraded, restored, clean)
