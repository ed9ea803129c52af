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

"""Ground truth: a folder of label files in YOLO's format, one per frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from infrared_ir_ros.media.frames import Frame
from infrared_ir_ros.media.images import IMAGE_SUFFIXES
from infrared_ir_ros.media.labels import read_boxes
from infrared_ir_ros.media.paths import existing, printable, read_file
from infrared_ir_ros.records import Detection

CLASSES = "classes.txt"  # names, one per line


class LabelFolder:
    """The labels of one recording, in the subfolder of `folder` named like it, with or without suffix, or else in
    `folder` itself.

    The label file of an image has its name, or its number if the name is none, that of a frame of a video or bag its
    number: 000000.txt.
    names: of the classes, in order, if the folder has no classes.txt; without either, numbers are the names.
    Raises SourceError for a missing folder.
    """

    def __init__(self, folder: Path, recording: str, names: tuple[str, ...] = ()) -> None:
        folder = existing(folder)
        own = (folder / name for name in (recording, Path(recording).stem))
        self._folder = next((one for one in own if one.is_dir()), folder)
        listed = [one / CLASSES for one in (self._folder, folder) if (one / CLASSES).is_file()]
        text = read_file(listed[0], 1 << 20).decode("utf-8-sig", "replace") if listed else ""
        self._names = tuple(printable(line.strip()) for line in text.rstrip().splitlines()) or names

    def of(self, frame: Frame) -> tuple[Detection, ...] | None:
        """The labels of a frame; None without a file. Raises SourceError."""
        picture = Path(frame.name)
        is_picture = picture.suffix.lower() in IMAGE_SUFFIXES  # else a frame of a video or bag, as `drive.mp4#000003`
        names = [picture.with_suffix(".txt"), Path(picture.stem + ".txt")] if is_picture else []
        if not (is_picture and picture.stem.isdigit()):  # then the number may be the name of another picture
            names.append(Path(f"{frame.number:06d}.txt"))
        file = next((self._folder / name for name in names if (self._folder / name).is_file()), None)
        if file is None:
            return None
        return labelled(read_boxes(file), frame.image.shape, self._names)


def labelled(boxes: np.ndarray, shape: tuple[int, ...], names: Sequence[str]) -> tuple[Detection, ...]:
    """Boxes (n, 5) of `read_boxes` as detections in a frame of `shape`; the name of an unnamed class is its number."""
    return tuple(_detection(box, shape, names) for box in boxes.astype(float).tolist())


def _detection(box: list[float], shape: tuple[int, ...], names: Sequence[str]) -> Detection:
    kind, x, y, width, height = box
    number = int(kind)
    label = (names[number] if number < len(names) else "") or str(number)
    left, right = (shape[1] * (x + side * width / 2) for side in (-1, 1))
    top, bottom = (shape[0] * (y + side * height / 2) for side in (-1, 1))
    return Detection((left, top, right, bottom), 1.0, label)
