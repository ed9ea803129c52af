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

"""The figures of each frame, as the report and frames.csv have them."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.evaluation.judge import Judge, Row, Yardsticks
from infrared_ir_ros.evaluation.methods import Classical
from infrared_ir_ros.evaluation.no_reference import WINDOW
from infrared_ir_ros.simulation import stretch

SHAPE = (64, 80)


def scene(seed: int = 0) -> np.ndarray:
    """A faint picture, (H, W) uint8 of about 90 to 160."""
    smooth = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal(SHAPE), (0, 0), 3)
    return np.rint(125 + 70 * smooth).clip(0, 255).astype(np.uint8)


def judged(
    yardsticks: Yardsticks, frames: list[dict[str, np.ndarray]], clean: np.ndarray | None
) -> list[dict[str, Row]]:
    judge = Judge(yardsticks)
    rows = [row for frame in frames for row in judge.add(frame, clean)]
    return rows + list(judge.finish())


@pytest.mark.parametrize("preserves", [False, True])
def test_what_keeps_its_levels_is_held_against_the_clean_frame_as_it_came(preserves: bool) -> None:
    clean = scene()
    frame = {"input": clean, "stretched": np.rint(stretch(clean)).astype(np.uint8)}
    (row,) = judged(Yardsticks(preserves=preserves), [frame], clean)
    same, other = ("input", "stretched") if preserves else ("stretched", "input")
    assert row[same]["psnr"] > 50 > 25 > row[other]["psnr"]
    assert min(row[name]["psnr_fitted"] for name in frame) > 45 and row[same]["ssim"] > 0.99 > row[other]["ssim"]


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_temperatures_are_compared_in_kelvin(dtype: type) -> None:
    kelvins = 300 + scene() / 10
    wrong = kelvins + 2 + np.where(np.indices(SHAPE).sum(0) % 2, 0.5, -0.5)
    frame, clean = (np.asarray(one * (1 if dtype == np.float32 else 100)).astype(dtype) for one in (wrong, kelvins))
    (row,) = judged(Yardsticks(kelvin=0.01), [{"input": frame}], clean)
    assert (row["input"]["bias_k"], row["input"]["noise_k"]) == pytest.approx((2, 0.5), abs=0.01)
    assert "bias_k" not in judged(Yardsticks(), [{"input": frame}], clean)[0]["input"]


def test_a_distance_is_of_every_so_many_frames_after_the_best_gain_and_offset() -> None:
    asked = []

    def distance(frame: np.ndarray, truth: np.ndarray) -> float:
        asked.append(np.abs(frame - truth).max())
        return 0.25

    clean = stretch(scene()).astype(np.uint8)
    frames = [{"input": (clean // 2 + 40).astype(np.uint8)}] * 7
    rows = judged(Yardsticks(preserves=True, distances={"far": distance}, distance_every=3), frames, clean)
    assert [row["input"]["far"] for row in rows] == pytest.approx([0.25, *[math.nan] * 2] * 2 + [0.25], nan_ok=True)
    assert len(asked) == 3 and max(asked) < 3, "half the contrast and another level are no distance"


def test_rows_are_whole_come_in_windows_and_a_method_may_miss_frames() -> None:
    rng, judge, clean = np.random.default_rng(0), Judge(Yardsticks()), scene()
    frames = [np.clip(clean + rng.normal(0, 6, SHAPE), 0, 255).astype(np.uint8) for _ in range(WINDOW + 4)]
    batches = []
    for number, frame in enumerate(frames):
        images = {"input": frame} | ({"still": clean} if number % 2 else {})
        batches.append(list(judge.add(images, None)))
    assert [len(rows) for rows in batches] == [0] * (WINDOW - 1) + [WINDOW] + [0] * 4
    rows = batches[WINDOW - 1] + list(judge.finish())
    assert [("still" in row) for row in rows] == [bool(number % 2) for number in range(WINDOW + 4)]
    for row in rows:
        assert row["input"]["temporal_noise"] > 0.1 and row["input"]["flicker"] > 0 and row["input"]["static"] > 0.5
        assert "psnr" not in row["input"] and ("still" not in row or row["still"]["temporal_noise"] == 0)
    assert list(judge.finish()) == []


def test_blurring_gains_nothing_where_more_and_more_is_seen() -> None:
    """The first frames show less detail than those after them."""
    rng, clean = np.random.default_rng(0), scene()
    shares = np.clip(np.arange(WINDOW) / 8, 0.2, 1)[:, None, None]
    frames = (
        125 + shares * (clean - 125.0) + cv2.GaussianBlur(clean * 1.0, (0, 0), 20) + rng.normal(0, 2, (WINDOW, *SHAPE))
    )
    both = [{"input": frame, "blur": cv2.GaussianBlur(frame, (0, 0), 1.0)} for frame in frames.astype(np.float32)]
    rows = judged(Yardsticks(), both, None)
    means = {
        name: {key: np.mean([row[name][key] for row in rows]) for key in ("stripes", "temporal_noise")}
        for name in both[0]
    }
    assert means["blur"]["temporal_noise"] > 0.7 * means["input"]["temporal_noise"]
    assert means["blur"]["stripes"] > 0.9 * means["input"]["stripes"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_classical_chain_keeps_depth_and_where_asked_level_and_contrast(dtype: type) -> None:
    frame = (scene() if dtype == np.uint8 else 7000 + 8.0 * scene()).astype(dtype)
    kept, filled = (Classical("wavelet+none", preserves)(frame).image for preserves in (True, False))
    assert kept.dtype == filled.dtype == dtype
    assert kept.mean() == pytest.approx(frame.mean(), rel=1e-3) and kept.std() == pytest.approx(frame.std(), rel=0.1)
    if dtype == np.uint8:
        assert filled.std() > 2 * frame.std(), "on the levels of clean frames"
    for chain in ("wavelet", "wavelet+glow", "sharpen+none"):
        with pytest.raises(OptionError, match="--classical is"):
            Classical(chain, False)


def test_a_recording_that_begins_behind_a_closed_shutter_has_the_scale_of_what_follows() -> None:
    clean, flat = (7000 + 8 * scene().astype(float)).astype(np.uint16), np.full(SHAPE, 7000, np.uint16)
    flat[9, 9] = 7100
    noisy = (clean + np.random.default_rng(0).normal(0, 40, SHAPE)).astype(np.uint16)
    judge, alone = (Judge(Yardsticks()) for _ in range(2))
    (
        list(judge.add({"input": flat}, flat)),
        list(judge.add({"input": noisy}, clean)),
        list(alone.add({"input": noisy}, clean)),
    )
    assert list(judge.finish())[1]["input"]["psnr"] == list(alone.finish())[0]["input"]["psnr"]
