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

"""Detections in the frames of each method, and their average precision."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np

from infrared_ir_ros.evaluation.methods import INPUT
from infrared_ir_ros.evaluation.precision import mean_average_precision
from infrared_ir_ros.evaluation.summary import BLOCK, LEAST_BLOCKS, Mean
from infrared_ir_ros.records import Detection, DetectionOptions

LABELS = "labels"  # listed like a method: the ground truth
SURE = 0.25  # score of a detection that is counted and drawn
PROTOCOL = DetectionOptions(confidence=0.01)  # average precision also needs detections of low score
MOST = 100  # detections per frame that the protocol considers
PRECISION = ("map50", "map")
DRAWS = 100  # of blocks of frames, for the intervals
MOST_JUDGED = 40_000  # frames times draws: with more, there are fewer draws

Boxes = dict[str, tuple[Detection, ...]]


def sure(detections: Sequence[Detection]) -> list[Detection]:
    """The detections that are counted and drawn."""
    return [one for one in detections if one.score >= SURE]


def precision(methods: Sequence[str], frames: Sequence[Boxes]) -> dict[str, dict[str, Mean]]:
    """PRECISION by method, over all labelled frames; empty if there are none, or no detections at all.

    frames: in order, the detections by method, and LABELS. A method is judged on the frames for which it has
    detections (even if empty), its gain over the input on those for which both have. Case of labels is ignored.
    """
    labelled = [frame for frame in frames if LABELS in frame]
    means = {}
    for method in methods:
        mine = [frame for frame in labelled if method in frame]
        if mine:
            means[method] = _means(mine, method)
    return {name: {method: both[number] for method, both in means.items()}
            for number, name in enumerate(PRECISION)} if means else {}  # fmt: skip


def _means(frames: list[Boxes], method: str) -> list[Mean]:
    """mAP50 and mAP50-95 of one method; intervals from blocks of successive frames."""
    compared = method != INPUT and all(INPUT in frame for frame in frames)
    whole = _both(frames, method, compared)
    blocks = [frames[at : at + BLOCK] for at in range(0, len(frames), BLOCK)]
    rng, draws = np.random.default_rng(0), []
    for _ in range(min(DRAWS, max(MOST_JUDGED // len(frames), 20)) if len(blocks) >= LEAST_BLOCKS else 0):
        chosen = rng.integers(len(blocks), size=len(blocks))
        draws.append(_both([frame for block in chosen for frame in blocks[block]], method, compared))
    telling = [draw for draw in draws if np.isfinite(draw[0])]  # the others contain no labelled object
    low, high = np.percentile(telling, (2.5, 97.5), axis=0) if telling else np.full((2, 4), np.nan)
    return [Mean(*(float(of[at]) for at in (n, n + 2) for of in (whole, low, high))) for n in (0, 1)]


def _both(frames: list[Boxes], method: str, compared: bool) -> np.ndarray:
    """mAP50 and mAP50-95, and their gains over the input; NaN if not asked for, or if there is nothing to be found."""
    own = np.array(_of(frames, method))
    return np.concatenate([own, own - _of(frames, INPUT) if compared else np.full(2, np.nan)])


def _of(frames: list[Boxes], method: str) -> tuple[float, float]:
    there, found = ([_plain(frame[name]) for frame in frames] for name in (LABELS, method))
    both = mean_average_precision(there, found)
    return (nan, nan) if min(both) < 0 else both


def _plain(detections: Sequence[Detection]) -> list[Detection]:
    return [Detection(one.box, one.score, one.label.casefold()) for one in detections]
