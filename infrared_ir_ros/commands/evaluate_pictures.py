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

"""The frames shown in a report: those of largest, median and smallest gain of the first method."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.evaluation.detecting import sure
from infrared_ir_ros.evaluation.methods import INPUT
from infrared_ir_ros.evaluation.recordings import CLEAN, result_topic
from infrared_ir_ros.evaluation.report import Evaluation, Picture, Recording
from infrared_ir_ros.evaluation.summary import FIGURES
from infrared_ir_ros.media import open_source
from infrared_ir_ros.records import Counts
from infrared_ir_ros.restoration.counts import checked, window
from infrared_ir_ros.restoration.palettes import levels


def choose_pictures(evaluation: Evaluation, room: Path) -> list[Picture]:
    """Best, median and worst frame of all recordings by the first method's gain over the input: in fitted PSNR, or
    without clean frames, in the stripe index. Read from the bags of the results."""
    if len(evaluation.methods) < 2:
        return []
    method, figure, sign = evaluation.methods[1], "psnr_fitted", 1
    if not any(np.isfinite(one.values(method, figure)).any() for one in evaluation.recordings):
        figure, sign = "stripes", -1
    ranked: list[tuple[float, Recording, int]] = []
    for one in evaluation.recordings:
        with np.errstate(invalid="ignore"):  # equal to their clean ones
            gains = sign * (one.values(method, figure) - one.values(INPUT, figure))
        ranked += [(float(gain), one, number) for number, gain in enumerate(gains) if np.isfinite(gain)]
    ranked.sort(key=lambda entry: -entry[0])
    places = {"Best frame": 0, "Median frame": len(ranked) // 2, "Worst frame": len(ranked) - 1}
    pictures = []
    for title, place in places.items() if ranked else ():
        gain, one, number = ranked[place]
        about = FIGURES[figure]
        caption = f"{one.name}, frame {number}: {about.label} {sign * gain:+.{about.digits}f} {about.unit} ({method})"
        boxes = {name: sure(found) for name, found in one.boxes[number].items()}
        pictures.append(Picture(title, caption, _images(evaluation, room / one.bag, one.stamps, number), boxes))
    return pictures


def _images(evaluation: Evaluation, bag: Path, stamps: list[int], number: int) -> dict[str, np.ndarray]:
    """8-bit pictures on the input's scale, by method, and "clean" if there is one. stamps: of all frames."""
    found: dict[str, np.ndarray] = {}
    place = stamps[:number].count(stamps[number])  # drivers repeat stamps
    for name in [*evaluation.methods, CLEAN]:
        with suppress(SourceError):  # no such topic: no clean frames, or a method without an answer
            same = (frame for frame in open_source(bag, result_topic(name)) if frame.stamp_ns == stamps[number])
            if image := next(islice(same, place, None), None):
                found[name] = checked(image.image)
    scale = window(found[INPUT], Counts())
    return {name: levels(scale.to_unit(image), 0.0, 1.0) for name, image in found.items()}
