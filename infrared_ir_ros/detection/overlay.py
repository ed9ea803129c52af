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

"""Draws detections into a frame."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from infrared_ir_ros.records import Detection
from infrared_ir_ros.restoration.palettes import colour, display_range, levels

COLOURS = ((0, 255, 0), (255, 255, 0), (255, 0, 255), (0, 255, 255), (255, 128, 0), (0, 128, 255))  # blue, green, red
LETTERS = 0.0008  # font scale per pixel of the frame's width
SMALLEST, LARGEST = 0.3, 1.0


def overlay(frame: np.ndarray, detections: Sequence[Detection], names: Sequence[str], palette: str) -> np.ndarray:
    """(H, W) uint8, uint16 or float32 -> (H, W, 3) uint8 blue-green-red, with box, class, score and track number."""
    picture = np.ascontiguousarray(colour(levels(frame, *display_range(frame)), palette))
    scale = min(max(LETTERS * frame.shape[1], SMALLEST), LARGEST)
    for each in reversed(detections):  # highest score on top
        shade = COLOURS[names.index(each.label) % len(COLOURS)]
        left, top, right, bottom = (round(side) for side in each.box)
        cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), shade, 1)
        text = f"{each.label} {each.score:.2f}" + (f" #{each.track}" if each.track else "")
        height = round(26 * scale)
        line = top - 3 if top >= height else min(bottom + height - 4, frame.shape[0] - 3)
        cv2.putText(picture, text, (left, line), cv2.FONT_HERSHEY_SIMPLEX, scale, shade, 1, cv2.LINE_AA)
    return picture
