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

"""Average precision of detections by the COCO protocol."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.records import Detection


def mean_average_precision(
    truth: Sequence[Sequence[Detection]], found: Sequence[Sequence[Detection]]
) -> tuple[float, float]:
    """mAP at an IoU of 50 %, and its mean over 50, 55 ... 95 %, each 0..1; -1 if there is nothing to be found.

    truth, found: objects and detections by frame; scores of truth are ignored. Mean over the labels that occur in
    `truth`; at most 100 detections per frame count. Raises OptionError if faster-coco-eval is not installed.
    """
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError as error:
        raise OptionError(f"mAP needs faster-coco-eval ({error}): pip install -r requirements/evaluate.txt") from error
    logging.getLogger("faster_coco_eval").setLevel(logging.WARNING)
    names = sorted({each.label for frame in truth for each in frame})
    numbers = {name: number for number, name in enumerate(names, 1)}
    dataset = {
        "images": [{"id": number} for number in range(1, len(truth) + 1)],
        "categories": [{"id": number, "name": name} for name, number in numbers.items()],
        "annotations": [
            {**row, "id": number, "iscrowd": 0, "area": row["bbox"][2] * row["bbox"][3]}
            for number, row in enumerate(_rows(truth, numbers), 1)
        ],
    }
    answers = _rows(found, numbers)
    if not answers:  # nor are there any without annotations
        return (0.0, 0.0) if dataset["annotations"] else (-1.0, -1.0)
    of_truth = COCO(dataset)
    evaluation = COCOeval_faster(of_truth, of_truth.loadRes(answers), "bbox", print_function=lambda *_: None)
    evaluation.run()
    return float(evaluation.stats_as_dict["AP_50"]), float(evaluation.stats_as_dict["AP_all"])


def _rows(frames: Sequence[Sequence[Detection]], numbers: dict[str, int]) -> list[dict]:
    """COCO's rows: left, top, width, height. Labels that do not occur in truth have no number and are ignored."""
    return [
        {"image_id": image, "category_id": numbers[each.label], "bbox": _with_size(each.box), "score": each.score}
        for image, frame in enumerate(frames, 1)
        for each in frame
        if each.label in numbers
    ]


def _with_size(box: tuple[float, float, float, float]) -> list[float]:
    left, top, right, bottom = box
    return [left, top, right - left, bottom - top]
