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

"""Means of figures over frames and recordings, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from infrared_ir_ros.evaluation.bootstrap import bootstrap_interval, mean_over_sets

BLOCK = 10  # successive frames are alike: the bootstrap draws blocks of them
LEAST_BLOCKS = 5  # with fewer there is no interval


class Figure(NamedTuple):
    """label, explanation, unit or "", decimal digits; better: +1 for larger, -1 for smaller, 0 for neither."""

    label: str
    meaning: str
    unit: str
    digits: int
    better: int


FIGURES = {
    "psnr": Figure("PSNR", "against the clean frame, grey levels as they come", "dB", 2, 1),
    "psnr_fitted": Figure("PSNR fitted", "after the best gain and offset: structure without tone", "dB", 2, 1),
    "ssim": Figure("SSIM", "structural similarity, as they come", "", 3, 1),
    "ssim_fitted": Figure("SSIM fitted", "after the best gain and offset", "", 3, 1),
    "ms_ssim": Figure("MS-SSIM fitted", "on five scales, after the best gain and offset; some frames", "", 3, 1),
    "st_lpips": Figure("ST-LPIPS fitted", "perceptual distance (not LPIPS), 0 is equal; some frames", "", 3, -1),
    "bias_k": Figure("temperature bias", "mean difference from the clean frame", "K", 3, 0),
    "noise_k": Figure("temperature noise", "standard deviation of that difference within a frame", "K", 3, -1),
    "stripes": Figure("stripe index", "what whole lines share, against the scene's edges; blur is no gain", "", 3, -1),
    "temporal_noise": Figure("temporal noise", "of static pixels, against the scene; blur is no gain", "", 3, -1),
    "flicker": Figure("flicker", "of static blocks from frame to frame, against the scene's contrast", "", 4, -1),
    "detail": Figure("detail", "edges of 1 to 4 pixels against coarse contrast; not a merit by itself", "", 3, 0),
    "detections": Figure("detections", "found in a frame, of a score of 0.25 or more", "", 1, 0),
    "map50": Figure("mAP50", "detections against the labels by the COCO protocol, overlap 50 %", "", 3, 1),
    "map": Figure("mAP50-95", "the same, mean over overlaps of 50 to 95 %", "", 3, 1),
    "log_snr": Figure("log SNR of the input", "as estimated when this method ran", "", 2, 0),
    "milliseconds": Figure("latency", "of a frame", "ms", 1, -1),
}  # fmt: skip


@dataclass(frozen=True)
class Mean:
    """Mean over recordings (of equal weight) with a 95 % interval, and the mean difference from the input with its own.
    NaN if there are no values, or too few for an interval."""

    mean: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float


def summarise(groups: list[np.ndarray], inputs: list[np.ndarray]) -> Mean:
    """One figure of one method. groups: its values in each recording, frame by frame; inputs: those of the input."""
    with np.errstate(invalid="ignore"):  # infinite PSNR of frames equal to their clean ones
        gains = [a - b for a, b in zip(groups, inputs, strict=True)]
    return Mean(*_mean(groups), *_mean(gains))


def _blocks(values: np.ndarray) -> np.ndarray:
    """Means of blocks of successive frames, of about equal length, without values that are not finite."""
    finite = [block[np.isfinite(block)] for block in np.array_split(values, -(-len(values) // BLOCK))]
    return np.array([block.mean() for block in finite if block.size])


def _mean(groups: list[np.ndarray]) -> tuple[float, float, float]:
    groups = [group for group in groups if np.isfinite(group).any()]
    if not groups:
        return (float("nan"),) * 3
    mean, blocks = mean_over_sets([group[np.isfinite(group)] for group in groups]), [_blocks(one) for one in groups]
    if sum(len(one) for one in blocks) < LEAST_BLOCKS:
        return mean, float("nan"), float("nan")
    return mean, *bootstrap_interval(blocks)
