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

from infrared_ir_ros.records import Estimate
from infrared_ir_ros.restoration.smoothing import Smoother


def make(log_snr: float = 1.0, gain: float = 1.0, size: int = 32, offset: float = 0.0) -> Estimate:
    zeros = np.zeros(size, np.float32)
    shading, bands = np.zeros((64, 80), np.float32), np.full(64, log_snr, np.float32)
    return Estimate(gain, offset, shading, zeros, zeros, bands, log_snr)


def test_small_changes_are_smoothed_by_the_weight() -> None:
    smoother = Smoother()
    smoother(make(1.0), 0.75)
    smoothed = smoother(make(1.4), 0.75)
    assert smoothed.log_snr == pytest.approx(1.1)
    np.testing.assert_allclose(smoothed.log_snr_bands, 1.1, rtol=1e-6)


def test_gain_is_smoothed_as_a_ratio() -> None:
    smoother = Smoother()
    smoother(make(gain=2.0), 0.5)
    assert smoother(make(gain=2.42), 0.5).gain == pytest.approx(2.2)


@pytest.mark.parametrize("after", [make(5.0), make(gain=3.0), make(gain=0.0), make(offset=-0.5), make(size=64)])
def test_another_scene_starts_anew(after: Estimate) -> None:
    smoother = Smoother()
    smoother(make(), 0.9)
    assert smoother(after, 0.9) is after


def test_reset_and_zero_weight_forget_the_past() -> None:
    smoother = Smoother()
    smoother(make(1.0), 0.9)
    smoother.reset()
    assert smoother(make(1.3), 0.9).log_snr == 1.3
    assert smoother(make(1.5), 0.0).log_snr == 1.5
