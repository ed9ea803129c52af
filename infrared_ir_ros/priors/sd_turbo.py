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

"""The SD-Turbo prior with the authors' weights: treats a degraded frame as a noisy latent (design section 1.8)."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from infrared_ir_ros.errors import WeightsError
from infrared_ir_ros.priors.released import Released, is_adapted
from infrared_ir_ros.priors.sd_estimator import SigmaEstimator, encode
from infrared_ir_ros.priors.tiling import blended, cut, places
from infrared_ir_ros.restoration.schedule import Schedule, candidate_timesteps, exact_step

STEPS = ("exact", "released")


@dataclass(frozen=True)
class Look:
    """The encoding of a frame. sigma: its noise, 0..1. latents: (1, 4, h/8, w/8) of each tile, scaled."""

    sigma: float
    latents: list[Tensor]


class SdTurboPrior(nn.Module):
    """Frames are (1, 1, height, width), 0..1, sides multiples of 64.

    vae, unet: of diffusers. decoder: the vae again, or a faster AutoencoderTiny. released: the authors' weights.
    embedding: of their text prompt, (1, 77, width). step: `exact`, or `released`, DDPM's posterior mean from the
    timestep to 0. tile: side of the tiles of larger frames, a multiple of 64.
    Raises WeightsError if the authors' weights do not fit the networks.
    """

    def __init__(
        self,
        vae: nn.Module,
        unet: nn.Module,
        decoder: nn.Module,
        released: Released,
        embedding: Tensor,
        step: str = "exact",
        tile: int = 1024,
    ) -> None:
        super().__init__()
        self.vae, self.unet, self.decoder = vae, unet, decoder
        self.released, self.step, self.tile = released, step, tile
        self.estimator = SigmaEstimator(released.tensors["fuser.fuse.0.weight"].shape[1]).requires_grad_(False)
        self.register_buffer("embedding", embedding)
        self.schedule, self.candidates = Schedule(), candidate_timesteps()
        self._load_released()

    def _load_released(self) -> None:
        """Load all weights but the adapters, which depend on the task."""
        self.estimator.fuse.load_state_dict(self.released.part("fuser.fuse."))
        self.estimator.fc.load_state_dict(self.released.part("t_head.fc."))
        for name in ("unet.conv_in.weight", "unet.conv_in.bias"):
            value = self.released.tensors[name]
            self._check_shape(name, value.shape)
            self._replace(name, value)

    def check(self) -> None:
        """Raises WeightsError unless every adapter fits its layer, and every layer that is to be adapted is."""
        layers = set(self.released.layers)
        for layer in self.released.layers:
            self._check_shape(f"{layer}.weight", self.released.shape(layer))
        for name, module in self.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear) and is_adapted(name) and name not in layers:
                raise WeightsError(f"the checkpoint lacks the adapter of {name}: is the file whole? Download it again")

    def _check_shape(self, name: str, shape: tuple[int, ...]) -> None:
        try:
            expected = tuple(self.get_parameter(name).shape)
        except AttributeError:
            expected = ()
        if tuple(shape) != expected:
            there = f"{name} of {expected}" if expected else f"no {name}"
            raise WeightsError(
                f"the checkpoint's {name} is {tuple(shape)}, but the base has {there}: give SD-Turbo as the base, "
                "on which the checkpoint was trained"
            )

    def _replace(self, name: str, value: Tensor) -> None:
        """Replace a parameter by one of the same dtype; copies of this prior that share the old one keep it."""
        layer, _, kind = name.rpartition(".")
        module = self.get_submodule(layer)
        setattr(module, kind, nn.Parameter(value.to(getattr(module, kind).dtype), requires_grad=False))

    @torch.no_grad()
    def folded(self, prompt: Tensor) -> SdTurboPrior:
        """A prior with W = W0 + dW(prompt) in the adapted layers; prompt (512,). Shares all other weights with this
        one, which keeps W0. Raises WeightsError.
        """
        self.check()
        shared = {id(tensor): tensor for tensor in (*self.parameters(), *self.buffers())}
        task = copy.deepcopy(self, shared | {id(self.released): self.released})
        operators = self.released.operators(prompt)
        for layer in self.released.layers:
            weight = self.get_parameter(f"{layer}.weight")
            task._replace(f"{layer}.weight", weight.float() + self.released.weight_change(layer, operators))
        return task

    def look(self, frame: Tensor) -> Look:
        """Encode a frame, tile by tile, and estimate its noise; sigma: the mean of the tiles'."""
        sigmas, latents = [], []
        for tile in cut(frame, places(*frame.shape[-2:], self.tile)):
            mode, taps = encode(self.vae, (2 * tile - 1).expand(-1, 3, -1, -1).to(self.unet.dtype))
            latents.append(mode * self.vae.config.scaling_factor)
            sigmas.append(self.estimator(taps, mode.shape[-2:]))
        return Look(float(torch.stack(sigmas).mean()), latents)

    def timestep(self, sigma: float) -> int:
        """The candidate timestep for a share of noise."""
        return self.schedule.candidate(sigma, self.candidates)

    def restore(self, look: Look, timestep: int, height: int, width: int) -> Tensor:
        """One evaluation of the denoiser for each tile -> restored frame (1, 1, height, width), about 0..1."""
        tiles = (self.decode(self.clean(latent, timestep)) for latent in look.latents)
        return blended(tiles, places(height, width, self.tile), height, width)

    def denoise(self, latent: Tensor, timestep: int) -> Tensor:
        """eps of a scaled latent (1, 4, h, w) at a timestep."""
        time = torch.tensor([timestep], device=latent.device)
        return self.unet(latent, time, encoder_hidden_states=self.embedding.to(latent.dtype)).sample

    def clean(self, latent: Tensor, timestep: int) -> Tensor:
        """The clean latent by the chosen step."""
        alpha_bar = float(self.schedule.alpha_bar[timestep])
        x0 = exact_step(latent.float(), self.denoise(latent, timestep).float(), alpha_bar)
        if self.step == "exact":
            return x0
        return released_step(latent.float(), x0, alpha_bar, float(self.schedule.alpha_bar[0]))

    def decode(self, latent: Tensor) -> Tensor:
        """Scaled latent -> frame: channel 0 of the decoder's picture."""
        unscaled = (latent / self.decoder.config.scaling_factor).to(self.unet.dtype)
        return (self.decoder.decode(unscaled).sample[:, :1].float() + 1) / 2


def released_step(noisy: Tensor, x0: Tensor, alpha_bar: float, last: float) -> Tensor:
    """Mean of DDPM's posterior q(x_0 | x_t, x0) (Ho et al. 2020, equation 7), from a timestep of alpha_bar to 0.

    last: alpha_bar of timestep 0, which is not quite 1. The released code adds a trace of noise, left out here.
    """
    jump = alpha_bar / last
    return (math.sqrt(last) * (1 - jump) * x0 + math.sqrt(jump) * (1 - last) * noisy) / (1 - alpha_bar)
