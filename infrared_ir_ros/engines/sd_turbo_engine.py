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

"""Runs the SD-Turbo prior on torch, with its adapters folded per task."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from infrared_ir_ros.engines.engine import described
from infrared_ir_ros.engines.torch_engine import TYPES, torch_device
from infrared_ir_ros.priors.sd_import import CHECKPOINT, load_prior
from infrared_ir_ros.priors.sd_turbo import Look, SdTurboPrior

if TYPE_CHECKING:
    from infrared_ir_ros.restoration.weights import PriorFiles

BANDS, SHADING = (1, 64), (1, 1, 64, 80)  # shapes of an estimate, see `Engine`


class SdTurboEngines:
    """task -> engine. The base is loaded once and never changed; engines share the weights that no task changes."""

    def __init__(self, files: PriorFiles, device: str, precision: str) -> None:
        """Raises OptionError for a device that torch does not have, WeightsError for bad weights."""
        device = torch_device(device)
        if precision == "auto":
            precision = "fp16" if device == "cuda" else "fp32"
        self._files, self._device = files, torch.device(device)
        self._base = load_prior(files, TYPES[precision])
        self._description = described(files, "torch", device, precision) | {"weights": files.hashes[CHECKPOINT][:12]}

    def __call__(self, task: str) -> SdTurboEngine:
        prior = self._base.folded(self._base.released.prompt(task))
        prior = prior.to(self._device, memory_format=torch.channels_last).eval()
        if self._files.constructor["compile"]:
            prior.unet = torch.compile(prior.unet)
        return SdTurboEngine(prior, self._description)


class SdTurboEngine:
    """The prior of one task. It estimates only the log-SNR: the gain is 1; offset, shading and lines are 0."""

    multiple = 64

    def __init__(self, prior: SdTurboPrior, description: dict[str, str]) -> None:
        self.description = description
        self._prior, self.candidates = prior, prior.candidates
        self._seen, self._look = np.empty(0, np.float32), Look(0.0, [])

    def estimate(self, frame: np.ndarray) -> tuple[np.ndarray, ...]:
        look = self._looked(frame)
        log_snr = self._prior.schedule.log_snr[self._prior.timestep(look.sigma)]
        height, width = frame.shape[-2:]
        empty = (np.zeros(shape, np.float32) for shape in ((1, 1), SHADING, (1, 1, 1, width), (1, 1, height, 1)))
        return (np.ones((1, 1), np.float32), *empty, *(np.full(size, log_snr, np.float32) for size in (BANDS, (1, 1))))

    def restore(self, frame: np.ndarray, *estimate: np.ndarray) -> np.ndarray:
        """Projects the log-SNR, which may have been smoothed, to a candidate timestep again.

        The network knows 0..1 alone; what a frame has beyond that (hot objects) is added to its answer."""
        timestep = self._prior.schedule.timestep(float(estimate[5].mean(dtype=np.float64)), self.candidates)
        look = self._looked(frame)
        with torch.inference_mode():
            restored = self._prior.restore(look, timestep, *frame.shape[-2:])
        return restored.clamp(0, 1).cpu().numpy() + (frame - frame.clip(0, 1))

    def _looked(self, frame: np.ndarray) -> Look:
        """The output of the encoder; kept, since `restore` follows `estimate` with the same frame."""
        if not np.array_equal(frame, self._seen):
            with torch.inference_mode():
                shown = torch.from_numpy(frame.clip(0, 1))
                self._look = self._prior.look(shown.to(self._prior.embedding.device))
            self._seen = frame.copy()
        return self._look
