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

from __future__ import annotations

import numpy as np

from infrared_ir_ros.evaluation import bootstrap
from infrared_ir_ros.evaluation.summary import summarise


def test_bootstrap_covers_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    hits = 0
    for trial in range(200):
        low, high = bootstrap.bootstrap_interval([rng.normal(3, 1, 40)], resamples=300, seed=trial)
        hits += low <= 3 <= high
    assert 0.88 <= hits / 200 <= 0.99


def test_bootstrap_is_seeded_and_weighs_sets_equally() -> None:
    groups = [np.array([0.0, 0.0, 0.0, 0.0, 0.0]), np.array([10.0])]
    assert bootstrap.mean_over_sets(groups) == 5.0
    assert bootstrap.bootstrap_interval(groups) == (5.0, 5.0)
    spread = [np.arange(9.0), np.arange(4.0)]
    assert bootstrap.bootstrap_interval(spread, seed=4) == bootstrap.bootstrap_interval(spread, seed=4)


def test_the_mean_of_a_figure_is_that_of_its_frames_however_they_fall_into_blocks() -> None:
    values = np.array([*np.arange(10.0), 100.0, np.nan])
    assert summarise([values], [values - 1]).mean == (45 + 100) / 11
    long = np.random.default_rng(0).normal(5, 1, 51)
    found = summarise([long, values], [long, values])
    assert found.mean == (long.mean() + (45 + 100) / 11) / 2
    assert found.low < found.mean < found.high and found.gain == 0
