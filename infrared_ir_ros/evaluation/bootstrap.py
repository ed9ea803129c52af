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

"""Means over data sets, with percentile bootstrap intervals over frames (Efron 1979)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def mean_over_sets(groups: Sequence[np.ndarray]) -> float:
    """Mean of the sets' means: each set has the same weight, whatever its number of frames."""
    return float(np.mean([np.mean(group) for group in groups]))


def bootstrap_interval(
    groups: Sequence[np.ndarray], level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of `mean_over_sets`: frames are drawn with replacement within their set.

    groups: one array of figures per set; a single array gives the interval of a plain mean.
    """
    rng = np.random.default_rng(seed)
    means = np.zeros(resamples)
    for group in groups:
        values = np.asarray(group, np.float64)
        means += values[rng.integers(0, len(values), (resamples, len(values)))].mean(1) / len(groups)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
