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

"""The benchmark of live detections: what it makes of a bag, frame by frame, against labels known by pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("faster_coco_eval")

from infrared_ir_ros.media import write_image  # noqa: E402
from infrared_ir_ros.media.bag_writer import BagWriter  # noqa: E402
from infrared_ir_ros.media.detections import DETECTIONS, detections_message  # noqa: E402
from infrared_ir_ros.records import Detection  # noqa: E402
from infrared_ir_ros.simulation.camera import boxes_json  # noqa: E402
from infrared_ir_ros.simulation.scene import Box  # noqa: E402

T0, STEP, FRAMES = 1_700_000_000_000_000_000, 500_000_000, 60
CAR = Detection((16.0, 12.0, 48.0, 36.0), 0.9, "car")  # the label below, in a frame of 64x48
AWAY = Detection((0.0, 0.0, 10.0, 10.0), 0.8, "car")


@pytest.fixture
def live(load: Any) -> Any:
    return load("live_detection")


def test_labels_are_found_by_pixels_and_only_frames_seen_twice_count(
    live: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "detection/hit-uav/test"
    (folder / "labels").mkdir(parents=True)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (48, 64), np.uint8) for _ in range(2)]
    for number, image in enumerate(images):
        write_image(folder / f"images/{number}.png", image)
    (folder / "labels/1.txt").write_text("1 0.5 0.5 0.5 0.5\n")
    monkeypatch.setenv("INFRARED_DATA", str(tmp_path))
    with BagWriter(tmp_path / "bag") as bag:
        for number in range(FRAMES + 5):
            stamp = T0 + number * STEP
            bag.write_image("/ir/truth/clean", images[number % 2], stamp, "ir")
            before = [AWAY] if number % 2 else []
            bag.write("/ir/detections/input", DETECTIONS, stamp, detections_message(before, stamp, "ir"))
            if number < FRAMES:
                after = [AWAY, CAR] if number % 2 else []
                bag.write("/ir/detections", DETECTIONS, stamp, detections_message(after, stamp, "ir"))
    frames = live.compared("hit-uav", tmp_path / "bag")
    assert [len(frame["labels"]) for frame in frames] == [0, 1] * (FRAMES // 2)
    figures = live.summary(frames)
    assert (figures["frames"], figures["objects"]) == (FRAMES, FRAMES / 2)
    assert figures["input.map50"] == 0 and figures["restored.map50"] == figures["gain.map50"] == pytest.approx(1)
    assert (figures["input.recall"], figures["restored.recall"], figures["restored.precision"]) == (0, 1, 0.5)
    text = live.table({f"hit-uav.sensor_hard.{name}": value for name, value in figures.items()})
    assert "100.0 [100.0, 100.0]" in text and "50, 100" in text


def test_the_street_knows_no_cars_but_vehicles(live: Any, tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        bag.write_text("/ir/truth/boxes", boxes_json([Box("vehicle", 16, 12, 32, 24)], T0, "ir"), T0)
        for topic in ("/ir/detections/input", "/ir/detections"):
            bag.write(topic, DETECTIONS, T0, detections_message([CAR], T0, "ir"))
    (frame,) = live.compared("scene", tmp_path / "bag")
    assert live.hits(frame["labels"], frame["restored"]) == 1


def test_an_object_is_found_once(live: Any) -> None:
    low, other = Detection(CAR.box, 0.3, "car"), Detection(CAR.box, 0.9, "person")
    assert live.hits([CAR], [CAR, low]) == 1
    assert live.hits([CAR], [other]) == 0
    assert live.hits([CAR, AWAY], [CAR, AWAY]) == 2


def test_text_goes_between_its_marks_and_nowhere_else(load: Any, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- live -->\nold\n<!-- /live -->\nb\n")
    load("_common").fill_marked(page, "live", "new")
    assert page.read_text() == "a\n<!-- live -->\nnew\n<!-- /live -->\nb\n"
    with pytest.raises(ValueError):
        load("_common").fill_marked(page, "other", "new")
