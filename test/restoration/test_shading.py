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

"""How much of a shading is subtracted."""

import numpy as np
import pytest

from infrared_ir_ros.restoration.shading import EVERY, FAINT, SnrGain, shrunk

DOME = np.hypot(*np.mgrid[-1:1:64j, -1:1:80j]).astype(np.float32)
DOME = (DOME - DOME.mean()) / DOME.std()


def test_a_strong_shading_is_believed_in_clear_and_noisy_frames() -> None:
    for log_snr in (-4.0, 4.0):
        assert shrunk(0.2 * DOME, log_snr) == pytest.approx(0.2 * DOME, rel=0.1)


def test_a_faint_shading_is_believed_in_noisy_frames_alone() -> None:
    faint = 0.03 * DOME
    assert shrunk(faint, -4.0) == pytest.approx(faint, rel=0.01)
    assert not shrunk(faint, 4.0).any()


def test_of_a_shading_twice_as_strong_as_clear_frames_may_have_a_wiener_filter_keeps_three_quarters() -> None:
    assert shrunk(2 * FAINT * DOME, 50.0) == pytest.approx(1.5 * FAINT * DOME, rel=1e-3)


def test_more_noise_never_lowers_the_share() -> None:
    spreads = [shrunk(0.06 * DOME, log_snr).std() for log_snr in (7.0, 3.0, 1.0, 0.0, -1.0, -3.0, -7.0)]
    assert spreads == sorted(spreads)


@pytest.mark.parametrize("log_snr", [-1e9, 1e9])
def test_no_shading_stays_none(log_snr: float) -> None:
    nothing = np.zeros((64, 80), np.float32)
    assert np.array_equal(shrunk(nothing, log_snr), nothing)


def test_the_pattern_that_is_gone_is_measured_now_and_then_and_forgotten_with_it() -> None:
    gain, asked = SnrGain(), []

    def before() -> float:
        asked.append(1)
        return -2.0

    assert gain(False, 1.0, before) == 0 and not asked
    assert [gain(True, 1.0 + index / 10, before) for index in range(EVERY)] == [3.0] * EVERY and len(asked) == 1
    assert gain(True, -3.0, before) == 0 and len(asked) == 2
    assert gain(False, 1.0, before) == 0 and len(asked) == 2
