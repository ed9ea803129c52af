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

"""The frames that a report shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infrared_ir_ros.commands.evaluate_pictures import choose_pictures
from infrared_ir_ros.evaluation.recordings import result_topic
from infrared_ir_ros.evaluation.report import Evaluation, Recording
from infrared_ir_ros.media.bag_writer import BagWriter
from infrared_ir_ros.records import Detection

FOUND = tuple(Detection((0, 0, 9, 9), score, "car") for score in (0.9, 0.2))


def evaluation(room: Path, figure: str, values: dict[str, list[list[float]]]) -> Evaluation:
    """values: of each method, in each recording. The frames of the input have their number as level, ours 100 more."""
    recordings = []
    for at in range(len(values["input"])):
        count = len(values["input"][at])
        rows = [{name: {figure: of[at][number]} for name, of in values.items()} for number in range(count)]
        one = Recording(f"film {at}", f"/film {at}", "", (16, 16), "uint8", rows=rows, bag=f"bags/{at}")
        one.stamps, one.boxes = [10**18 + number for number in range(count)], [{"input": FOUND}] * count
        with BagWriter(room / one.bag) as bag:
            for number, stamp in enumerate(one.stamps):
                for name, level in (("input", 0), ("ours", 100)):
                    image = np.full((16, 16), level + 10 * at + number, np.uint8)
                    image[-1] = 255  # no closed shutter
                    bag.write_image(result_topic(name), image, stamp, "")
        recordings.append(one)
    return Evaluation(["input", "ours"], {}, recordings, {})


@pytest.mark.parametrize(
    ("figure", "values", "captions", "levels"),
    [
        (
            "psnr_fitted",
            {"input": [[20.0] * 3, [20.0] * 2], "ours": [[21.0, 25.0, 23.0], [18.0, 20.5]]},
            ["film 0, frame 1: PSNR fitted +5.00 dB (ours)", "film 0, frame 0: PSNR fitted +1.00 dB (ours)",
             "film 1, frame 0: PSNR fitted -2.00 dB (ours)"],
            [1, 0, 10],
        ),
        (
            "stripes",
            {"input": [[0.3] * 4], "ours": [[0.2, float("nan"), 0.1, 0.4]]},
            ["film 0, frame 2: stripe index -0.200  (ours)", "film 0, frame 0: stripe index -0.100  (ours)",
             "film 0, frame 3: stripe index +0.100  (ours)"],
            [2, 0, 3],
        ),
    ],
)  # fmt: skip
def test_best_median_and_worst_frame_are_by_what_is_gained(
    tmp_path: Path, figure: str, values: dict, captions: list[str], levels: list[int]
) -> None:
    pictures = choose_pictures(evaluation(tmp_path, figure, values), tmp_path)
    assert [picture.title for picture in pictures] == ["Best frame", "Median frame", "Worst frame"]
    assert [picture.caption for picture in pictures] == captions
    for picture, level in zip(pictures, levels, strict=True):
        assert {name: int(image[0, 0]) for name, image in picture.images.items()} == {
            "input": level,
            "ours": 100 + level,
        }
        assert picture.boxes == {"input": [FOUND[0]]}, "what is sure"


def test_without_a_method_or_a_figure_there_are_no_pictures(tmp_path: Path) -> None:
    nothing = evaluation(tmp_path, "stripes", {"input": [[float("nan")]], "ours": [[float("nan")]]})
    assert choose_pictures(nothing, tmp_path) == []
    nothing.methods = ["input"]
    assert choose_pictures(nothing, tmp_path) == []


def test_unknown_pixels_of_float32_frames_are_filled_as_for_the_network(tmp_path: Path) -> None:
    seen = evaluation(tmp_path, "stripes", {"input": [[0.3]], "ours": [[0.2]]})
    image = np.linspace(280, 300, 256, dtype=np.float32).reshape(16, 16)
    image[3, 4], image[9, 9] = np.nan, np.inf
    seen.recordings[0].bag = "kelvin"
    with BagWriter(tmp_path / "kelvin") as bag:
        for name in ("input", "ours"):
            bag.write_image(result_topic(name), image, 10**18, "")
    for picture in choose_pictures(seen, tmp_path):
        for shown in picture.images.values():
            assert shown.dtype == np.uint8 and (np.diff(shown.astype(int).ravel()) >= 0).mean() > 0.95
