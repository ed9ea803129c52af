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

"""Average precision against cases that can be worked out by hand."""

from __future__ import annotations

import pytest

from infrared_ir_ros.evaluation.precision import mean_average_precision
from infrared_ir_ros.records import Detection

pytest.importorskip("faster_coco_eval")


def at(left: float, score: float = 1.0, label: str = "car") -> Detection:
    return Detection((left, 10, left + 20, 30), score, label)


def test_precision_is_interpolated_at_101_recalls() -> None:
    """Right, wrong, right: precision 1 up to a recall of a half, 2/3 from there on."""
    found = [[at(0, 0.9), at(200, 0.8)], [at(50, 0.7)]]
    both = (51 + 50 * 2 / 3) / 101
    assert mean_average_precision([[at(0)], [at(50)]], found) == pytest.approx((both, both))


@pytest.mark.parametrize("size", [(28, 20), (20, 28)])
def test_a_box_counts_up_to_the_overlap_that_it_has(size: tuple[int, int]) -> None:
    """20 x 20 against 28 x 20: an overlap of 0.714, enough for 50, 55, 60, 65 and 70 %."""
    there, found = (Detection((100, 40, 100 + w, 40 + h), 0.9, "car") for w, h in ((20, 20), size))
    assert mean_average_precision([[there]], [[found]]) == pytest.approx((1.0, 0.5))


def test_labels_weigh_the_same_and_a_box_of_another_label_is_wrong() -> None:
    truth = [[at(0), at(100), at(200, label="person")]]
    assert mean_average_precision(truth, [[at(0), at(100), at(200)]])[0] == pytest.approx(0.5)
    assert mean_average_precision([[at(0)]], [[at(0), at(0, 1.0, "tree")]])[0] == 1.0  # nobody asks for trees


def test_frames_without_objects_cost_only_their_false_alarms() -> None:
    assert mean_average_precision([[at(0)], []], [[at(0, 0.5)], [at(0, 0.9)]])[0] == pytest.approx(0.5)
    assert mean_average_precision([[at(0)]], [[]]) == (0.0, 0.0)
    assert mean_average_precision([[]], [[at(0)]]) == (-1.0, -1.0)
