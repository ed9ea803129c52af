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

"""The judges of benchmarks/tasks.py, on frames in which what is right is known."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest

pytest.importorskip("pywt")

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def judges(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("_judges")


@pytest.fixture
def sky(judges: ModuleType, tmp_path: Path) -> tuple:
    """A case with two small targets on noise, and the judge that knows where they are."""
    image, mask = np.random.default_rng(0).normal(100, 3, (120, 160)), np.zeros((120, 160), np.uint8)
    for row, column in ((40, 50), (80, 120)):
        image[row - 1 : row + 2, column - 1 : column + 2] = 160
        mask[row - 1 : row + 2, column - 1 : column + 2] = 255
    cv2.imwrite(str(tmp_path / "one.png"), mask)
    image = image.astype(np.uint8)
    return judges.Case("clean", "sirst-v2", "one.png", image.astype(np.float32), image), judges.SmallTargets(tmp_path)


def test_plain_targets_are_found_whatever_the_tone_and_erased_ones_are_not(judges: ModuleType, sky: tuple) -> None:
    case, judge = sky
    image = case.degraded
    assert judge.pool([judge.look(image, case)]) == (1.0, 1.0)
    assert judge.pool([judge.look((image // 2 + 60).astype(np.uint8), case)]) == (1.0, 1.0)
    one = image.copy()
    one[75:86, 115:126] = image[75:86, 95:106]
    assert judge.pool([judge.look(one, case)]) == (0.5, 0.5)
    assert judge.pool([judge.look(np.full_like(image, 90), case)]) == (0.0, 0.0)


def test_the_threshold_leaves_the_allowed_false_alarms_and_no_more(judges: ModuleType, sky: tuple) -> None:
    _, judge = sky
    targets, others = np.array([5.0, 2.5, 0.5]), np.arange(20) / 4  # 4.75, 4.5 ... 0
    assert judge.pool([judges.Peaks(targets, others, 1_000_000)])[0] == pytest.approx(2 / 3)  # above 2.25: ten others
    assert judge.pool([judges.Peaks(targets, others, 500_000)] * 2)[0] == pytest.approx(1 / 3)  # above 3.5
    assert judge.pool([judges.Peaks(targets, others, 100_000)]) == pytest.approx((1 / 3, 2 / 3))
    assert judge.pool([judges.Peaks(np.array([-np.inf, 1.0]), others, 4_000_000)])[0] == 0.5  # no peak, no find


def test_intersections_are_pooled_before_they_are_divided(judges: ModuleType) -> None:
    masks = judges.Masks(None, Path())
    seen = [np.array([[90.0, 10], [95, 15]]), np.array([[0.0, 0], [100, 100]])]
    assert masks.pool(seen) == (pytest.approx((90 / 195 + 10 / 115) / 2),)


def test_masks_are_compared_at_the_size_of_the_frame(judges: ModuleType, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    mask = np.zeros((480, 640), np.uint8)
    mask[:, 320:] = 255
    cv2.imwrite(str(tmp_path / "one.png"), mask)

    def bright_is_one(pixel_values: object) -> SimpleNamespace:
        level = pixel_values.mean(1, keepdim=True)
        return SimpleNamespace(logits=torch.cat([-level, level], 1)[:, :, ::4, ::4])

    image = np.where(mask > 0, 255, 0).astype(np.uint8)
    case = judges.Case("clean", "buffalo-udder", "one.jpg", image.astype(np.float32), image)
    judge = judges.Masks(bright_is_one, tmp_path)
    assert judge.pool([judge.look(image, case)])[0] > 0.98
    assert judge.pool([judge.look(255 - image, case)])[0] < 0.02


def test_boxes_of_the_labels_are_those_of_the_frame(judges: ModuleType, tmp_path: Path) -> None:
    pytest.importorskip("faster_coco_eval")
    (tmp_path / "one.txt").write_text("1 0.5 0.25 0.2 0.1\n")
    image = np.zeros((200, 300), np.uint8)
    found = judges.Detection((120.0, 40.0, 180.0, 60.0), 0.9, "Car")
    detector = SimpleNamespace(names=("Person", "Car"), detect=lambda image, options: (found,))
    judge = judges.Boxes(detector, tmp_path)
    seen = judge.look(image, judges.Case("clean", "hit-uav", "one.jpg", image, image))
    assert judge.pool([seen]) == pytest.approx((1.0, 1.0))


def test_leads_are_taken_over_the_same_frames(judges: ModuleType) -> None:
    tasks = importlib.import_module("tasks")
    rng = np.random.default_rng(0)
    frames = rng.normal(25, 5, 40)
    seen = {row: [(x + lead, x) for x in frames] for row, lead in (("input", -3), ("restore", 0), ("detect", -1))}
    figures = tasks.summary(judges.Fidelity(), seen)
    leads = [figures[f"psnr.lead_over_detect{end}"] for end in ("", ".low", ".high")]
    assert leads == pytest.approx([1, 1, 1])
    assert figures["restore.psnr.low"] < figures["restore.psnr"] < figures["restore.psnr.high"]
