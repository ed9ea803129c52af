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

"""The judges of the tasks: boxes, masks and small targets found in a frame, by methods that no prompt was trained on.

Each judge observes single frames and pools its observations into figures, so frames can be resampled for intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
from _cases import Case

from infrared_ir_ros.detection import Detector
from infrared_ir_ros.evaluation.labels import labelled
from infrared_ir_ros.evaluation.metrics import fit_tone, psnr
from infrared_ir_ros.evaluation.precision import mean_average_precision
from infrared_ir_ros.media.labels import read_boxes, read_mask
from infrared_ir_ros.records import Detection, DetectionOptions

EVERY_SCORE = DetectionOptions(confidence=0.001)  # mAP ranks all of them
SEGMENTED = (320, 240)  # width and height that segmenters of train_segmenter are made for
FALSE_ALARMS = (10, 100)  # in a million pixels: 3 and 33 in a frame of 640x512
PATCHES, SURROUNDINGS = (3, 5, 7), 31  # sides in pixels, chosen on targets planted into training frames
NEAR = 3  # pixels: a peak this close to a target has found it


class Judge(Protocol):
    """set_name: the set that it can judge, None: all sets. figures: names of the values that `pool` returns."""

    set_name: str | None
    figures: tuple[str, ...]

    def look(self, image: np.ndarray, case: Case) -> Any:
        """Its observation of a frame, (height, width) uint8."""

    def pool(self, seen: Sequence[Any]) -> tuple[float, ...]:
        """The figures from the observations."""


class Fidelity:
    """Grey PSNR as the frames come, and after the best gain and offset; the mean over the frames."""

    set_name, figures = None, ("psnr", "psnr_fitted")

    def look(self, image: np.ndarray, case: Case) -> tuple[float, float]:
        return psnr(image, case.clean), psnr(fit_tone(image, case.clean), case.clean)

    def pool(self, seen: Sequence[tuple[float, float]]) -> tuple[float, ...]:
        return tuple(np.mean(seen, axis=0))


class Boxes:
    """mAP of a detector by the COCO protocol. labels: folder of the set's YOLO files; classes are the detector's."""

    set_name, figures = "hit-uav", ("map50", "map50_95")

    def __init__(self, detector: Detector, labels: Path) -> None:
        self._detector, self._labels = detector, labels

    def look(self, image: np.ndarray, case: Case) -> tuple[tuple[Detection, ...], tuple[Detection, ...]]:
        """True and found objects."""
        boxes = read_boxes(self._labels / f"{Path(case.name).stem}.txt")
        truth = labelled(boxes, image.shape, self._detector.names)
        return truth, self._detector.detect(image, EVERY_SCORE)

    def pool(self, seen: Sequence[tuple]) -> tuple[float, ...]:
        truth, found = zip(*seen, strict=True)
        return mean_average_precision(truth, found)


class Masks:
    """Mean over the classes of intersection over union, of all frames' pixels. model: a SegFormer, frozen."""

    set_name, figures = "buffalo-udder", ("miou",)

    def __init__(self, model: Any, masks: Path) -> None:
        self._model, self._masks = model, masks

    def look(self, image: np.ndarray, case: Case) -> np.ndarray:
        """(2, classes): pixels of intersection and of union."""
        import torch

        from infrared_ir_ros.training.semantic import normalised

        truth = read_mask(self._masks / f"{Path(case.name).stem}.png")
        small = cv2.resize(image, SEGMENTED, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        with torch.no_grad():
            logits = self._model(pixel_values=normalised(torch.from_numpy(small)[None, None])).logits[0].numpy()
        logits = [cv2.resize(one, truth.shape[::-1], interpolation=cv2.INTER_LINEAR) for one in logits]
        found = np.argmax(logits, axis=0)
        classes = range(len(logits))
        both = [np.sum((found == c) & (truth == c)) for c in classes]
        return np.array([both, [np.sum((found == c) | (truth == c)) for c in classes]], float)

    def pool(self, seen: Sequence[np.ndarray]) -> tuple[float, ...]:
        both, either = np.sum(seen, axis=0)
        return (float(np.mean(both / np.maximum(either, 1))),)


class Peaks(NamedTuple):
    """targets: (n,) height of the highest peak at each target, -inf without one. others: heights of peaks elsewhere."""

    targets: np.ndarray
    others: np.ndarray
    pixels: int


class SmallTargets:
    """Share of the small targets that a classical detector finds at fixed rates of false alarms.

    It is the multiscale patch-based contrast measure (Wei, You, Li 2016), in standard deviations of
    its surroundings, so that the tone cancels. One threshold for all frames.
    """

    set_name, figures = "sirst-v2", tuple(f"found_at_{rate}" for rate in FALSE_ALARMS)

    def __init__(self, masks: Path) -> None:
        self._masks = masks

    def look(self, image: np.ndarray, case: Case) -> Peaks:
        height, peak = heights(image)
        count, numbered = cv2.connectedComponents(read_mask(self._masks / f"{Path(case.name).stem}.png"))
        near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * NEAR + 1, 2 * NEAR + 1))
        targets, taken = [], np.zeros(image.shape, bool)
        for number in range(1, count):
            around = cv2.dilate((numbered == number).astype(np.uint8), near) > 0
            targets.append(height[around & peak].max(initial=-np.inf))
            taken |= around
        return Peaks(np.array(targets), height[peak & ~taken], image.size)

    def pool(self, seen: Sequence[Peaks]) -> tuple[float, ...]:
        """The threshold is the lowest with at most the given number of false alarms in a million pixels."""
        others = np.sort(np.concatenate([each.others for each in seen]))[::-1]
        targets = np.concatenate([each.targets for each in seen])
        allowed = [int(rate * sum(each.pixels for each in seen) / 1e6) for rate in FALSE_ALARMS]
        thresholds = [others[count] if count < len(others) else -np.inf for count in allowed]
        return tuple(float(np.mean(targets > threshold)) for threshold in thresholds)


def heights(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The contrast of each pixel's patch in standard deviations of its surroundings, and the mask of local maxima."""
    frame = image.astype(np.float32)
    contrast = np.max([_patch_contrast(frame, side) for side in PATCHES], axis=0)
    mean, power = (cv2.blur(x, (SURROUNDINGS, SURROUNDINGS)) for x in (contrast, contrast**2))
    deviation = np.sqrt(np.maximum(power - mean**2, 0))
    height = contrast / (deviation + 0.5 * contrast.std() + 1e-6)  # of the whole frame: flat surroundings are no better
    return height, (height == cv2.dilate(height, np.ones((2 * NEAR + 1, 2 * NEAR + 1)))) & (height > 0)


def _patch_contrast(frame: np.ndarray, side: int) -> np.ndarray:
    """Height of a patch above its neighbours, in grey levels: the least of the four opposite pairs, so that edges and
    lines have none."""
    mean = np.pad(cv2.blur(frame, (side, side)), side, mode="reflect")
    height, width = frame.shape
    middle = mean[side : side + height, side : side + width]
    pairs = []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        first, second = (
            np.maximum(middle - mean[y : y + height, x : x + width], 0)
            for y, x in ((side * (1 + sign * down), side * (1 + sign * right)) for sign in (1, -1))
        )
        pairs.append(first * second)
    return np.sqrt(np.min(pairs, axis=0))
