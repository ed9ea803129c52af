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

"""A tiny folder of thermal recordings, with everything that `pack_frames` reads."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

MASKS = "segmentation/buffalo-udder/train/masks"


def write_recordings(data: Path) -> None:
    """Two aerial frames and two of animals, one still, one clip; boxes of the second aerial frame, and masks."""
    picture = np.random.default_rng(0).integers(0, 255, (48, 64)).astype(np.uint8)
    for name in ("detection/hit-uav/train", "segmentation/buffalo-udder/train"):
        (data / name / "images").mkdir(parents=True)
        for number in range(2):
            cv2.imwrite(str(data / name / "images" / f"{number}.png"), picture)
    for folder in ("detection/hit-uav/train/labels", MASKS, "raw16/flir-rjpeg", "video/svanstrom_ir"):
        (data / folder).mkdir(parents=True)
    (data / "detection/hit-uav/train/labels/1.txt").write_text("3 0.5 0.5 0.1 0.1\n1 0.2 0.2 0.1 0.1\n")
    for number in range(2):
        mask = np.uint8([[0, 255 * number]]).repeat(48, 0).repeat(32, 1)
        cv2.imwrite(str(data / MASKS / f"{number}.png"), mask)
    cv2.imwrite(str(data / "raw16/flir-rjpeg/01.png"), picture.astype(np.uint16))
    video = cv2.VideoWriter(str(data / "video/svanstrom_ir/a.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 9, (64, 48))
    for _ in range(30):
        video.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    video.release()
