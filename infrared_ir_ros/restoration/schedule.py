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

"""The diffusion schedule, the timestep of a frame on it, and the exact step (design sections 1.2 and 1.3)."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

BETA_START, BETA_END, STEPS = 0.00085, 0.012, 1000
CANDIDATES = 20  # timesteps of `release_sigma`

Array = TypeVar("Array")  # of numpy, or a tensor


class Schedule:
    """Stable Diffusion's schedule: beta scaled-linear, log-SNR from 7.07 at timestep 0 down to -5.36 at 999.

    alpha_bar, log_snr: (STEPS,) float64, by timestep; log_snr decreases strictly.
    """

    def __init__(self) -> None:
        beta = np.linspace(BETA_START**0.5, BETA_END**0.5, STEPS) ** 2
        self.alpha_bar = np.cumprod(1 - beta)
        self.log_snr = np.log(self.alpha_bar / (1 - self.alpha_bar))

    def timestep(self, log_snr: float, candidates: np.ndarray | None = None) -> int:
        """The timestep of the nearest log-SNR: argmin_t |lambda(t) - lambda|. Clamps beyond both ends.

        candidates: if not all timesteps are used, the nearest of these as by `candidate`."""
        if candidates is None:
            return int(np.argmin(np.abs(self.log_snr - log_snr)))
        return self.candidate(float(np.sqrt(1 / (1 + np.exp(log_snr)))), candidates)

    def candidate(self, sigma: float, candidates: np.ndarray) -> int:
        """The candidate of the nearest noise level: argmin_t |sqrt(1 - alpha_bar_t) - sigma| (`release_sigma`).

        sigma: 0..1, share of noise as `release_sigma` defines it. candidates: timesteps, see `candidate_timesteps`.
        """
        distance = np.abs(np.sqrt(1 - self.alpha_bar[candidates]) - sigma)
        return int(candidates[np.argmin(distance)])


def candidate_timesteps() -> np.ndarray:
    """Timesteps, denser at the clean end: round(999 (1 - u)^2.5), u from 0 to 1, (CANDIDATES,) int64.

    Strictly decreasing from 999 to 1: where rounding repeats a timestep, the earlier ones are raised.
    """
    rounded = np.rint((STEPS - 1) * (1 - np.linspace(0, 1, CANDIDATES)) ** 2.5).astype(np.int64)
    return np.maximum(rounded, np.arange(CANDIDATES, 0, -1))


def exact_step(noisy: Array, epsilon: Array, alpha_bar: float) -> Array:
    """x0 = (x_t - sqrt(1 - alpha_bar) * eps) / sqrt(alpha_bar): the clean latent in one evaluation, no noise added
    (design section 1.2)."""
    return (noisy - (1 - alpha_bar) ** 0.5 * epsilon) / alpha_bar**0.5
