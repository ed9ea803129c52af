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

"""Pairs of frames that do not show the same scene in the same place are told, and others are not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from infrared_ir_ros.media import write_image  # noqa: E402
from infrared_ir_ros.training.adapt_frames import Lesson, read_material  # noqa: E402
from infrared_ir_ros.training.alignment import offset  # noqa: E402


def scenes(count: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    blurred = (cv2.GaussianBlur(rng.normal(size=(96, 128)), (0, 0), 3) for _ in range(count))
    return [np.clip(128 + 400 * scene, 0, 255).astype(np.uint8) for scene in blurred]


@pytest.mark.parametrize("shift", [(0, 0), (0, 5), (-4, 0), (3, -20)])
def test_one_shift_of_all_pairs_is_found_under_noise_and_a_fixed_pattern(shift: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    pattern = 40 * cv2.GaussianBlur(rng.normal(size=(96, 128)), (0, 0), 1)
    seen = [7000.0 + 30.0 * scene + 30 * pattern + rng.normal(0, 300, scene.shape) for scene in scenes(8)]
    pairs = [
        (frame.astype(np.uint16), np.roll(clean, shift, (0, 1))) for frame, clean in zip(seen, scenes(8), strict=True)
    ]
    assert offset(pairs) == shift


def test_pairs_with_nothing_in_common_tell_no_shift() -> None:
    assert offset([]) == (0, 0)
    assert offset(list(zip(scenes(8), scenes(8, seed=1), strict=True))) == (0, 0)
    assert offset([(np.zeros((64, 80), np.uint8), np.zeros((64, 80), np.uint8))]) == (0, 0)
    moved = [(scene, np.roll(scene, 3 * number - 12, 1)) for number, scene in enumerate(scenes(8))]
    assert offset(moved) == (0, 0), "each by another"


def test_who_learns_from_shifted_pairs_is_told(tmp_path: Path) -> None:
    for number, scene in enumerate(scenes(8)):
        write_image(tmp_path / f"frames/{number}.png", scene)
        write_image(tmp_path / f"clean/{number}.png", np.roll(scene, 6, 1))
    told: list[str] = []
    for reference in ("clean", "frames"):
        read_material(Lesson((str(tmp_path / "frames"),), "pairs", reference=str(tmp_path / reference)), told.append)
    assert len(told) == 1 and told[0].startswith("the clean frames are shifted by +0 rows and +6 columns: align them")
