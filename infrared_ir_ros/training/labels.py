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

"""Labels of training frames, cropped, scaled and flipped like the scene that they belong to."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

LEAST_VISIBLE = 0.3  # share of a box's area; less of an object can hardly be told from the background


class View(NamedTuple):
    """The part of a frame that a scene shows. Sizes in pixels of that frame; flips come after the crop."""

    set_name: str
    index: int
    source: tuple[int, int]
    top: int
    left: int
    rows: int
    columns: int
    mirrored: bool = False
    upside_down: bool = False

    def of(self, source: np.ndarray) -> np.ndarray:
        """The part of the frame, not flipped."""
        return source[self.top : self.top + self.rows, self.left : self.left + self.columns]

    def flip(self, image: np.ndarray) -> np.ndarray:
        """An image of the part, flipped like the scene."""
        return turn(image, self.mirrored, self.upside_down)


class Labels(NamedTuple):
    """Labels by set, one entry for each of its frames.

    boxes: (n, 5) float32, class, centre x, centre y, width, height as shares of the frame. masks: (height, width)
    uint8, the class of each pixel.
    """

    boxes: dict[str, list[np.ndarray]]
    masks: dict[str, list[np.ndarray]]


NO_LABELS = Labels({}, {})


def turn(image: np.ndarray, mirrored: bool, upside_down: bool) -> np.ndarray:
    """Flip an image (height, width) horizontally (mirrored), vertically (upside_down), or both."""
    image = image[:, ::-1] if mirrored else image
    return np.ascontiguousarray(image[::-1] if upside_down else image)


def boxes_in_view(boxes: np.ndarray, view: View, least: float = LEAST_VISIBLE) -> np.ndarray:
    """Boxes (n, 5) of a frame as shares of the scene, clipped at its border.

    least: share of a box's area that must be in the scene; other boxes are left out.
    """
    height, width = view.source
    centre, half = boxes[:, 1:3] * (width, height), boxes[:, 3:5] * (width, height) / 2
    whole = np.concatenate([centre - half, centre + half], 1)
    corners = (whole - np.tile((view.left, view.top), 2)) / np.tile((view.columns, view.rows), 2)
    seen = corners.clip(0, 1)
    kept = (_area(seen) >= least * _area(corners)) & (_area(seen) > 0)
    (x0, y0, x1, y1), classes = seen[kept].T, boxes[kept, 0]
    if view.mirrored:
        x0, x1 = 1 - x1, 1 - x0
    if view.upside_down:
        y0, y1 = 1 - y1, 1 - y0
    return np.stack([classes, (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], 1).astype(np.float32)


def mask_in_view(mask: np.ndarray, view: View, height: int, width: int) -> np.ndarray:
    """The mask of a frame as the mask (height, width) of the scene."""
    part = np.ascontiguousarray(view.of(mask))
    return view.flip(cv2.resize(part, (width, height), interpolation=cv2.INTER_NEAREST_EXACT))


def _area(corners: np.ndarray) -> np.ndarray:
    return (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
