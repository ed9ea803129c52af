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

"""Tracks keep their numbers through crossings, gaps and doubtful frames, and give none twice."""

import numpy as np
import pytest

from infrared_ir_ros.detection import Tracker, lowest_score
from infrared_ir_ros.detection.motion import BoxMotion
from infrared_ir_ros.detection.tracks import overlaps
from infrared_ir_ros.records import Detection

CONFIDENCE, PERIOD = 0.5, 0.1


def _at(x: float, y: float = 50.0, score: float = 0.9, label: str = "person") -> Detection:
    return Detection((x, y, x + 20.0, y + 40.0), score, label)


def _followed(frames: list[list[Detection]], tracker: Tracker | None = None) -> list[list[int | None]]:
    """Numbers by frame, in the order of x."""
    tracker, numbers = tracker or Tracker(), []
    for index, found in enumerate(frames):
        told = tracker.update(found, CONFIDENCE, 100.0 + PERIOD * index)
        numbers.append([each.track for each in sorted(told, key=lambda each: each.box)])
    return numbers


def test_things_that_move_keep_their_numbers() -> None:
    frames = [[_at(10 + 4 * index), _at(300 - 4 * index)] for index in range(20)]
    assert _followed(frames) == [[1, 2]] * 20


def test_numbers_survive_a_crossing_at_different_speeds() -> None:
    """Both boxes are one over the other in the middle: only how they move tells which is which."""
    noise = np.random.default_rng(0).normal(0, 0.3, (31, 2))
    frames = [[_at(10 + 6 * i + noise[i, 0]), _at(190 - 6 * i + noise[i, 1])] for i in range(31)]
    assert _followed(frames)[-1] == [2, 1]


def test_a_doubtful_detection_carries_a_track_on_but_begins_none() -> None:
    frames = [[_at(10 + i, score=0.2 if 5 <= i < 10 else 0.9), _at(200, score=0.2)] for i in range(15)]
    assert _followed(frames) == [[1]] * 15


def test_a_thing_is_found_again_after_a_gap_but_not_after_a_second() -> None:
    gap = [[_at(10 + 2 * i)] if not 8 <= i < 13 else [] for i in range(20)]
    assert {number for numbers in _followed(gap) for number in numbers} == {1}
    long = [[_at(10)] if not 5 <= i < 17 else [] for i in range(22)]
    assert _followed(long)[-1] == [2]


def test_what_comes_later_has_no_number_until_it_is_seen_twice() -> None:
    frames = [[_at(10)], [_at(10), _at(200)], [_at(10), _at(200)], [_at(10), _at(200)]]
    assert _followed(frames) == [[1], [1, None], [1, 2], [1, 2]]


def test_a_thing_that_went_away_does_not_shrink_to_nothing_out_of_sight() -> None:
    def sized(height: float) -> list[Detection]:
        return [Detection((100 - height / 4, 100 - height / 2, 100 + height / 4, 100 + height / 2), 0.9, "person")]

    frames = [*(sized(height) for height in range(160, 40, -20)), *([[]] * 6), sized(60)]
    assert _followed(frames)[-1] == [1]


def test_the_surest_is_told_first() -> None:
    told = Tracker().update([_at(10, score=0.6), _at(100, score=0.9), _at(200, score=0.7)], CONFIDENCE, 0.0)
    assert [each.score for each in told] == [0.9, 0.7, 0.6]


def test_overlap_is_shared_by_joint_area() -> None:
    found = overlaps([(0, 0, 10, 10)], [(0, 0, 10, 10), (5, 0, 15, 10), (2, 2, 4, 4), (20, 0, 30, 10), (0, 0, 0, 0)])
    np.testing.assert_allclose(found, [[1, 1 / 3, 0.04, 0, 0]])


def test_classes_are_tracked_apart() -> None:
    frames = [[_at(10)], [_at(10, label="dog")], [_at(10, label="dog")]]
    assert _followed(frames) == [[1], [None], [2]]


@pytest.mark.parametrize("jump", [-50.0, 50.0])
def test_a_clock_that_jumps_ends_the_tracks_and_no_more(jump: float) -> None:
    tracker = Tracker()
    for index in range(5):
        tracker.update([_at(10)], CONFIDENCE, 100 + PERIOD * index)
    after = [tracker.update([_at(10)], CONFIDENCE, 100 + jump + PERIOD * index)[0].track for index in range(3)]
    assert after == [None, 2, 2]


def test_reset_forgets_and_numbers_go_on() -> None:
    tracker = Tracker()
    tracker.update([_at(10)], CONFIDENCE, 0.0)
    tracker.reset()
    assert tracker.update([_at(10)], CONFIDENCE, 0.1)[0].track == 2


def test_nothing_found_is_no_trouble() -> None:
    assert _followed([[], [_at(10)], [], [_at(10)]])[0] == []
    assert lowest_score(0.5) == 0.1 and lowest_score(0.05) == 0.05


def test_the_motion_model_predicts_a_steady_drift() -> None:
    motion = BoxMotion(_at(0).box)
    for index in range(1, 30):
        motion.predict()
        motion.correct(_at(3.0 * index).box)
    motion.predict()
    np.testing.assert_allclose(motion.box, _at(3.0 * 30).box, atol=0.5)


def test_the_motion_model_steadies_a_box_that_jitters() -> None:
    motion, jitter, left = BoxMotion(_at(100).box), np.random.default_rng(0).normal(0, 1, 200), []
    for shift in jitter:
        motion.predict()
        motion.correct(_at(100 + shift).box)
        left.append(motion.box[0])
    assert np.std(left[100:]) < 0.8 * np.std(jitter[100:])
