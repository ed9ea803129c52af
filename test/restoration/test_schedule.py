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

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrared_ir_ros.restoration import Schedule, candidate_timesteps, exact_step

SCHEDULE = Schedule()


def test_ends_of_stable_diffusions_schedule() -> None:
    assert SCHEDULE.log_snr[0] == pytest.approx(7.07, abs=0.01)
    assert SCHEDULE.log_snr[999] == pytest.approx(-5.36, abs=0.01)
    assert (np.diff(SCHEDULE.log_snr) < 0).all()


@given(st.integers(0, 999))
def test_projection_finds_the_timestep_it_came_from(timestep: int) -> None:
    assert SCHEDULE.timestep(SCHEDULE.log_snr[timestep]) == timestep


@given(st.floats(-50, 50))
def test_projection_is_the_nearest_entry(log_snr: float) -> None:
    distance = np.abs(SCHEDULE.log_snr - log_snr)
    assert distance[SCHEDULE.timestep(log_snr)] == distance.min()


@given(st.integers(0, 999), st.integers(0, 2**32 - 1))
def test_exact_step_inverts_the_noising(timestep: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    clean, noise = rng.standard_normal((2, 4, 5, 6))
    alpha_bar = SCHEDULE.alpha_bar[timestep]
    noisy = np.sqrt(alpha_bar) * clean + np.sqrt(1 - alpha_bar) * noise
    np.testing.assert_allclose(exact_step(noisy, noise, alpha_bar), clean, atol=1e-9)


def test_candidates_fall_from_the_noisiest_timestep_to_1() -> None:
    timesteps = candidate_timesteps()
    assert len(timesteps) == 20 and timesteps[0] == 999 and timesteps[-1] == 1
    assert (np.diff(timesteps) < 0).all()
    assert timesteps[5] == round(999 * (1 - 5 / 19) ** 2.5)
    assert (timesteps < 250).sum() > 6  # crowded at the clean end


@given(st.floats(0, 1))
def test_projection_on_candidates_is_the_nearest_noise(sigma: float) -> None:
    timesteps = candidate_timesteps()
    noise = np.sqrt(1 - SCHEDULE.alpha_bar[timesteps])
    found = SCHEDULE.candidate(sigma, timesteps)
    assert abs(noise[list(timesteps).index(found)] - sigma) == np.abs(noise - sigma).min()


def test_ends_of_the_projection_on_candidates() -> None:
    assert SCHEDULE.candidate(0.0, candidate_timesteps()) == 1
    assert SCHEDULE.candidate(1.0, candidate_timesteps()) == 999
