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

"""Whether what was adapted is better than its start: frames are asked, not how often each was degraded."""

from __future__ import annotations

import numpy as np
import pytest

from infrared_ir_ros.training.adapt_plan import Verdict


def verdict(losses: list[float], frames: list[int], psnr_fitted: float = 30.0, lost_detail: float = 0.2) -> Verdict:
    return Verdict(np.array(losses), np.array(frames), 30.0, psnr_fitted, lost_detail, np.zeros((4, 4), np.uint8))


@pytest.mark.parametrize(
    ("gains", "better"),
    [
        ([0.3, 0.2, 0.25, 0.3], True),
        ([0.9, -0.2, -0.1, 0.0], False),
        ([-0.1, -0.2, -0.1, -0.2], False),
        ([0.0, 0.0, 0.0, 0.0], False),
    ],
)
def test_most_frames_have_to_gain(gains: list[float], better: bool) -> None:
    start = verdict([1.0] * 4, [0, 1, 2, 3])
    assert verdict([1 - gain for gain in gains], [0, 1, 2, 3]).beats(start) is better


def test_one_frame_degraded_often_counts_once() -> None:
    frames = [0] * 8 + [1]
    start = verdict([1.0] * 9, frames)
    best = verdict([0.5] * 8 + [1.3], frames)  # one scene gains, however often it is asked; the other one loses
    assert best.judges == 2 and not best.beats(start)


def test_a_single_frame_has_only_its_own_examples_to_ask() -> None:
    start = verdict([1.0] * 4, [0] * 4)
    assert verdict([0.9, 0.8, 0.9, 0.85], [0] * 4, psnr_fitted=30.5).beats(start)
    assert not verdict([0.5, 1.4, 1.1, 0.9], [0] * 4, psnr_fitted=30.5).beats(start)
    assert verdict([0.9], [0]).judges == 1


def test_the_tone_of_a_single_frame_is_its_own() -> None:
    start, brighter = verdict([1.0] * 4, [0] * 4), verdict([0.9, 0.8, 0.9, 0.85], [0] * 4, psnr_fitted=30.05)
    assert not brighter.beats(start)
    assert verdict([0.9, 0.8, 0.9, 0.85], [0, 1, 2, 3], psnr_fitted=29.9).beats(start)
    assert verdict([0.9, 0.8], [0, 0], float("nan")).beats(verdict([1.0, 1.0], [0, 0], float("nan")))


def test_no_gain_is_worth_the_detail_of_frames() -> None:
    start = verdict([1.0] * 4, [0, 1, 2, 3])
    assert not verdict([0.1] * 4, [0, 1, 2, 3], lost_detail=0.21).beats(start)
    assert verdict([0.1] * 4, [0, 1, 2, 3], lost_detail=0.2).beats(start)
    unknown = float("nan")  # of noisy targets, or of boxes
    assert verdict([0.1] * 4, [0, 1, 2, 3], lost_detail=unknown).beats(verdict([1.0] * 4, [0, 1, 2, 3], 30.0, unknown))
