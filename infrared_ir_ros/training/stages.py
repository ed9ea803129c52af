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

"""The stages of the embedded prior's training: `field` (tone and shading, on thumbnails), `restore` (all the rest, on
whole frames), `look` (only the heads that estimate lines and log-SNR, for a fixed denoiser), `joint` (everything)."""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from infrared_ir_ros.priors import EmbeddedPrior
from infrared_ir_ros.priors.embedded import Correction
from infrared_ir_ros.priors.estimator import Reading, snr_targets
from infrared_ir_ros.training.losses import fitted, log_error, stretched

Terms = dict[str, Tensor]

FIELD_FLOOR, FLOOR = 3e-4, 1e-4  # floors of `log_error`: 35 and 40 dB


class FieldStage:
    """Tone and shading from thumbnails: cheap, so that it can see many layouts."""

    name = "field"

    @staticmethod
    def parameter_groups(prior: EmbeddedPrior, rate: float) -> list[dict]:
        return [{"params": list(prior.field.parameters()), "lr": rate}]

    @staticmethod
    def terms(prior: EmbeddedPrior, clean: Tensor, degraded: Tensor) -> Terms:
        gain, offset, shading = prior.field(degraded)
        restored = degraded * gain[:, :, None, None] + offset[:, :, None, None] - shading
        structure = fitted(restored, clean)
        return {
            "structure": log_error(structure, clean, FIELD_FLOOR) + 10 * (structure - clean).abs().mean(),
            "tone": 0.7 * (log_error(restored, clean, FIELD_FLOOR) + 10 * (restored - clean).abs().mean()),
        }


class LookStage:
    """Lines and log-SNR head alone, for a denoiser that is not changed."""

    name = "look"

    @staticmethod
    def parameter_groups(prior: EmbeddedPrior, rate: float) -> list[dict]:
        return [{"params": [*prior.lines.parameters(), *prior.snr.parameters()], "lr": rate}]

    @staticmethod
    def terms(prior: EmbeddedPrior, clean: Tensor, degraded: Tensor) -> Terms:
        return _look(prior, clean, degraded).terms


class RestoreStage:
    """Lines, log-SNR head and denoiser on whole frames. The field head stays: the few thumbnails of a step would make
    it worse."""

    name = "restore"

    @staticmethod
    def parameter_groups(prior: EmbeddedPrior, rate: float) -> list[dict]:
        heads = [*prior.lines.parameters(), *prior.snr.parameters(), *prior.denoiser.embed.parameters()]
        in_heads = {id(parameter) for parameter in heads}
        body = [p for p in prior.denoiser.parameters() if id(p) not in in_heads]
        return [{"params": heads, "lr": 1.7 * rate}, {"params": body, "lr": rate}]

    @staticmethod
    def terms(prior: EmbeddedPrior, clean: Tensor, degraded: Tensor) -> Terms:
        latent, clean_latent, reading, terms = _look(prior, clean, degraded)
        toned = prior.apply_reading(latent, reading.log_gain.detach(), reading.offset.detach())
        restored_latent = prior.denoise(toned, reading.log_snr_bands.detach())
        restored = prior.decode(restored_latent)
        return {
            **terms,
            **base_terms(restored, clean),
            "levels": 2 * (restored - clean).abs().mean(),
            "bands": (restored_latent - clean_latent)[:, 1:].abs().mean(),
        }


class JointStage(RestoreStage):
    """All of the prior on whole frames, the field head at a third of the rate: for the large batches of a GPU."""

    name = "joint"

    @staticmethod
    def parameter_groups(prior: EmbeddedPrior, rate: float) -> list[dict]:
        return [*RestoreStage.parameter_groups(prior, rate), *FieldStage.parameter_groups(prior, rate / 3)]


def base_terms(restored: Tensor, clean: Tensor) -> Terms:
    """The loss of a restored frame: structure (after the best gain and offset) and the final, stretched frame."""
    structure, final, clean_final = fitted(restored, clean), stretched(restored), stretched(clean)
    return {
        "structure": 0.5 * log_error(structure, clean, FLOOR) + 8 * (structure - clean).abs().mean(),
        "frame": 0.35 * log_error(final, clean_final, FLOOR) + 2 * (final - clean_final).abs().mean(),
    }


class _Look(NamedTuple):
    """The latents of a corrected and of a clean frame, the log-SNR head's reading, and the loss terms of the heads."""

    latent: Tensor
    clean_latent: Tensor
    reading: Reading
    terms: Terms


def _look(prior: EmbeddedPrior, clean: Tensor, degraded: Tensor) -> _Look:
    correction, corrected = prior.correct(degraded)
    latent, clean_latent = prior.encode(corrected), prior.encode(clean)
    reading = prior.read(latent.detach(), corrected.detach(), Correction(*(x.detach() for x in correction)))
    target = snr_targets(latent.detach(), clean_latent)
    terms = {
        "log_snr": 0.3 * F.smooth_l1_loss(reading.log_snr_bands, target.log_snr_bands)
        + 0.1 * F.smooth_l1_loss(reading.log_snr, target.log_snr),
        "tone_left": F.smooth_l1_loss(reading.log_gain, target.log_gain, beta=0.1)
        + 0.3 * F.smooth_l1_loss(reading.offset, target.offset, beta=0.1),
        "lines": 5 * (fitted(corrected, clean) - clean).abs().mean(),
    }
    return _Look(latent, clean_latent, reading, terms)


STAGES = {stage.name: stage for stage in (FieldStage, LookStage, RestoreStage, JointStage)}


class StageLoss(nn.Module):
    """A stage's loss as the forward pass of a module, as data-parallel wrappers need it."""

    def __init__(self, prior: EmbeddedPrior, stage: type[FieldStage | LookStage | RestoreStage]) -> None:
        super().__init__()
        self.prior = prior
        self.stage = stage

    def forward(self, clean: Tensor, degraded: Tensor) -> tuple[Tensor, Terms]:
        terms = self.stage.terms(self.prior, clean, degraded)
        return sum(terms.values()), {name: term.detach() for name, term in terms.items()}
