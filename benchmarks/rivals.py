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

"""Train the rivals of benchmarks/restoration.py: same frames, degradations, frame losses and time.

python benchmarks/rivals.py nafnet --pack pack.npz --minutes 74       continues where it stopped
python benchmarks/rivals.py plain_unet --pack pack.npz --minutes 74
"""

from __future__ import annotations

import copy
import io
import time
from pathlib import Path
from typing import Literal

import torch
from _rivals import FOLDER, RIVALS, PlainUnet, multiply_adds
from torch import Tensor, nn
from tqdm import tqdm

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.media import write_atomically
from infrared_ir_ros.training.config import read_config
from infrared_ir_ros.training.frames import Mix, Pairs, WholeFrames, loader
from infrared_ir_ros.training.pack import FrameSets, read_pack
from infrared_ir_ros.training.stages import base_terms
from infrared_ir_ros.training.train import measure_latent_scale, schedule

AVERAGE = 0.998  # decay of the averaged weights


def rivals(
    name: Literal["nafnet", "plain_unet"],
    *,
    pack: Path,
    minutes: float = 74.0,
    rate: float = 5e-4,
    config: Path = Path("config/train_prior.yaml"),
    workers: int = 1,
    seed: int = 1,
    steps: int = 0,
) -> int:
    """Train one rival in benchmarks/cache/rivals, or continue it.

    Parameters
    ----------
    name
        nafnet (a regression network) or plain_unet (our UNet without timestep).
    pack
        Training frames, as for train_prior.
    minutes
        Length of the whole schedule.
    rate
        Highest learning rate.
    config
        Configuration of train_prior; the rival gets its precision and the mix of its last stage.
    workers
        Processes that draw frames.
    seed
        Seed of frames and weights.
    steps
        Stop after this many steps of this session; 0: at the end of the schedule.
    """
    torch.manual_seed(seed)
    configured, frames = read_config(config), read_pack(pack)
    mix = configured.stages[-1].mix
    run = Run(name, seed, mix, frames)
    in_bf16 = torch.autocast("cpu", torch.bfloat16, enabled=configured.precision == "bf16")
    print(f"{name}: {multiply_adds(run.network) / 1e9:.2f} G multiply-adds at 640x512, from step {run.step}")
    batches = loader(Pairs(WholeFrames(frames, mix, (seed, 0))), run.step, workers)
    last, saved, first = time.monotonic(), time.monotonic(), run.step
    bar = tqdm(total=round(60 * minutes), initial=round(run.seconds), unit="s", desc=name)
    for clean, degraded in batches:
        share = run.seconds / (60 * minutes)
        if share >= 1 or (steps and run.step - first >= steps):
            break
        with in_bf16:
            restored = run.network(degraded)
        loss = run.learn(restored.float(), clean, rate * schedule(share, run.step))
        now = time.monotonic()
        run.seconds, last = run.seconds + now - last, now
        bar.set_postfix(loss=f"{loss:.3f}", step=run.step)
        bar.update(round(run.seconds) - bar.n)
        if now - saved > 120:
            saved = now
            run.save()
    run.save()
    return 0


class Run:
    """A rival in training; FOLDER/NAME.pt holds its whole state."""

    def __init__(self, name: str, seed: int, mix: Mix, frames: FrameSets) -> None:
        self._path = FOLDER / f"{name}.pt"
        self.network = RIVALS[name]().to(memory_format=torch.channels_last)
        self.step, self.seconds = 0, 0.0
        if isinstance(self.network, PlainUnet):
            self.network.latent_scale.copy_(measure_latent_scale(self.network, frames, mix.sets, seed))
        self._average = copy.deepcopy(self.network).requires_grad_(False)
        self._optimizer = torch.optim.AdamW(self.network.parameters(), weight_decay=0.01, betas=(0.9, 0.98))
        if self._path.is_file():
            state = torch.load(self._path, map_location="cpu", weights_only=True)
            self.network.load_state_dict(state["network"])
            self._average.load_state_dict(state["average"])
            self._optimizer.load_state_dict(state["optimizer"])
            self.step, self.seconds = state["step"], state["seconds"]

    def learn(self, restored: Tensor, clean: Tensor, rate: float) -> float:
        """One step from the network's output; returns the loss."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        loss = frame_loss(restored, clean)
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimizer.step()
        keep = min(AVERAGE, self.step / (self.step + 20))
        for mean, value in zip(self._average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(value.detach(), 1 - keep)
        self.step += 1
        return float(loss.detach())

    def save(self) -> None:
        content = io.BytesIO()
        state = {"network": self.network, "average": self._average, "optimizer": self._optimizer}
        torch.save(
            {name: part.state_dict() for name, part in state.items()} | {"step": self.step, "seconds": self.seconds},
            content,
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path, content.getvalue())


def frame_loss(restored: Tensor, clean: Tensor) -> Tensor:
    """The frame losses of the embedded prior's training, with the same weights."""
    return sum(base_terms(restored, clean).values()) + 2 * (restored - clean).abs().mean()


if __name__ == "__main__":
    run_command(rivals)
