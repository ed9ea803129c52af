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

"""The diffusion schedule and its exact step (design section 1.2)."""

from __future__ import annotations

import numpy as np

from infrared_ir_ros.errors import OptionError


class Schedule:
    """Stable Diffusion's schedule: beta scaled-linear, log-SNR from 7.07 at timestep 0 down to -5.36 at 999.

    alpha_bar, log_snr: (steps,) float64, by timestep; log_snr falls strictly.
    """

    def __init__(self, beta_start: float = 0.00085, beta_end: float = 0.012, steps: int = 1000) -> None:
        if not 0 < beta_start < beta_end < 1 or steps < 2:
            raise OptionError(f"schedule has beta {beta_start}..{beta_end} in {steps} steps: needs 0 < start < end < 1")
        beta = np.linspace(beta_start**0.5, beta_end**0.5, steps) ** 2
        self.alpha_bar = np.cumprod(1 - beta)
        self.log_snr = np.log(self.alpha_bar / (1 - self.alpha_bar))

    def timestep(self, log_snr: float) -> int:
        """The timestep whose log-SNR is nearest: argmin_t |lambda(t) - lambda|. Clamps beyond both ends."""
        return int(np.argmin(np.abs(self.log_snr - log_snr)))


def exact_step(noisy: np.ndarray, epsilon: np.ndarray, alpha_bar: float | np.ndarray) -> np.ndarray:
    """x0 = (x_t - sqrt(1 - alpha_bar) * eps) / sqrt(alpha_bar): the clean latent in one evaluation, no noise added."""
    return (noisy - np.sqrt(1 - alpha_bar) * epsilon) / np.sqrt(alpha_bar)
