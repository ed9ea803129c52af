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

"""Estimates of a video, smoothed over time so that the picture does not flicker (design section 1.3)."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from infrared_ir_ros.records import Estimate

JUMPS = {"log_snr": 1.0, "gain": 0.35, "offset": 0.15}  # larger steps mean another scene: start anew (gain: logarithm)


class Smoother:
    """Exponential smoothing of estimates. A jump, a new frame size or `reset` starts it anew."""

    def __init__(self) -> None:
        self._past: Estimate | None = None

    def reset(self) -> None:
        self._past = None

    def __call__(self, estimate: Estimate, weight: float) -> Estimate:
        """weight: of the past, 0..1. Returns the smoothed estimate and remembers it."""
        past = self._past
        if past is not None and weight > 0 and not jumped(past, estimate):
            estimate = blend(past, estimate, weight)
        self._past = estimate
        return estimate


def jumped(past: Estimate, estimate: Estimate) -> bool:
    """Whether two successive estimates belong to different scenes."""
    if past.rows.shape != estimate.rows.shape or past.columns.shape != estimate.columns.shape:
        return True
    if not past.gain * estimate.gain > 0:  # the network could not read one of the frames
        return True
    steps = {name: abs(getattr(estimate, name) - getattr(past, name)) for name in ("log_snr", "offset")}
    steps["gain"] = abs(np.log(estimate.gain / past.gain))
    return any(steps[name] > limit for name, limit in JUMPS.items())


def blend(past: Estimate, estimate: Estimate, weight: float) -> Estimate:
    """weight * past + (1 - weight) * estimate, with the logarithm of the gain."""
    mixed = {
        item.name: weight * getattr(past, item.name) + (1 - weight) * getattr(estimate, item.name)
        for item in fields(Estimate)
    }
    mixed["gain"] = float(past.gain**weight * estimate.gain ** (1 - weight))
    return Estimate(**mixed)
