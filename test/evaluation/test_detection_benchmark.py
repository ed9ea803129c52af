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

"""The detection benchmark: what it makes of detections, and that it runs."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("pywt")
pytest.importorskip("torch")
pytest.importorskip("faster_coco_eval")

from tiny_detector import SIDE, tiny_detector  # noqa: E402

from infrared_ir_ros.records import Detection  # noqa: E402
from infrared_ir_ros.simulation import layout  # noqa: E402

FRAMES = 10


def found_in(frames: int) -> list[tuple[Detection, ...]]:
    """The one thing of each frame, found in the first so many."""
    thing = (Detection((10, 10, 30, 30), 0.9, "car"),)
    return [thing if frame < frames else () for frame in range(FRAMES)]


def test_what_is_recovered_and_led_by_is_told_in_points_of_map50(load: object) -> None:
    module = load("_detection")  # type: ignore[operator]
    of = {"degraded": 2, "restore": 6, "detect": 8, **dict.fromkeys(module.CHAINS, 3), module.CHAINS[2]: 5}
    table = {f"hm_tir_hard.{name}": found_in(frames) for name, frames in of.items()} | {"clean": found_in(10)}
    figures = module.summarise(found_in(FRAMES), table, ["hm_tir_hard"], resamples=20, seed=0)
    tolerance = 1.0  # precision is sampled at 101 recalls
    assert figures["clean.map50"] == figures["clean.map"] == pytest.approx(100)
    assert figures["hm_tir_hard.classical.map50"] == pytest.approx(50, abs=tolerance)  # the best of the chains
    assert figures["hm_tir_hard.recovered"] == pytest.approx(75, abs=tolerance)  # of 20 to 100, 80 is three quarters
    assert figures["hm_tir_hard.lead"] == pytest.approx(30, abs=tolerance)
    assert figures["hm_tir_hard.lead.low"] < 30 < figures["hm_tir_hard.lead.high"]
    text = module.render({"frames": FRAMES} | {f"tiny.{key}": value for key, value in figures.items()})
    assert "60 % are to be recovered: 75 %" in text and "10 points of mAP50: +29.7" in text


def test_it_measures_a_detector_on_labelled_frames(
    load: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx")
    folder = tmp_path / "data" / "detection" / "hit-uav" / "test"
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for number in range(2):
        frame = np.minimum(150 * layout(np.random.default_rng(number), 64, 80), 120).astype(np.uint8)
        frame[16 : 16 + SIDE, 32 : 32 + SIDE] = 255
        (folder / "images" / f"flight_{number}.jpg").write_bytes(cv2.imencode(".jpg", frame)[1].tobytes())
        (folder / "labels" / f"flight_{number}.txt").write_text(f"0 {40 / 80} {24 / 64} {SIDE / 80} {SIDE / 64}\n")
    monkeypatch.setenv("INFRARED_DATA", str(tmp_path / "data"))
    (tmp_path / "tiny.onnx").write_bytes(tiny_detector(names=("person", "car")))
    load("detection").detection(  # type: ignore[operator]
        frames=2, presets=("hm_tir_hard",), detectors=(f"tiny={tmp_path / 'tiny.onnx'}",), resamples=2, workers=1
    )
    figures = json.loads((tmp_path / "results" / "detection.json").read_text())
    assert figures["frames"] == 2
    assert figures["tiny.clean.map50"] > 50  # the brightest windows are those of the square, or next to it
    assert 0 <= figures["tiny.hm_tir_hard.detect.map50"] <= figures["tiny.hm_tir_hard.detect.map50.high"] <= 100
