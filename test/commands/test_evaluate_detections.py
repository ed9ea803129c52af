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

"""Detections in a report: what a detector finds in the frames of each method, and how good that is."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
from tiny_detector import SIDE, squares, tiny_detector  # noqa: E402

from infrared_ir_ros.commands.evaluate_bag import evaluate_bag  # noqa: E402
from infrared_ir_ros.commands.make_bag import make_bag  # noqa: E402
from infrared_ir_ros.errors import InfraredError  # noqa: E402
from infrared_ir_ros.evaluation import detecting  # noqa: E402
from infrared_ir_ros.evaluation.detecting import LABELS, precision  # noqa: E402
from infrared_ir_ros.evaluation.labels import LabelFolder  # noqa: E402
from infrared_ir_ros.evaluation.precision import mean_average_precision  # noqa: E402
from infrared_ir_ros.media import write_image  # noqa: E402
from infrared_ir_ros.media.bag_writer import BagWriter  # noqa: E402
from infrared_ir_ros.media.detections import DETECTIONS, DetectionTopic, detections_message  # noqa: E402
from infrared_ir_ros.media.frames import Frame  # noqa: E402
from infrared_ir_ros.records import Detection  # noqa: E402

SHAPE = (120, 160)
CORNERS = [((8 * n, 16), (8 * n + 48, 64)) for n in range(6)]  # of two hot squares in each frame
FEW = {"distance_every": 0, "task": ()}


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("detector") / "tiny.onnx"
    path.write_bytes(tiny_detector())
    return str(path)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames and label files; the last frame has a label that is nowhere in it, and frame 4 has no file."""
    folder = tmp_path_factory.mktemp("frames")
    (folder / "labels").mkdir()
    for number, corners in enumerate(CORNERS):
        write_image(folder / f"images/{number:03d}.png", squares(SHAPE, hot=corners))
        lines = [line(x, y) for x, y in corners] + ([line(0, 100)] if number == 5 else [])
        if number != 4:
            (folder / f"labels/{number:03d}.txt").write_text("\n".join(lines))
    return folder


def line(x: int, y: int) -> str:
    values = ((x + SIDE / 2) / SHAPE[1], (y + SIDE / 2) / SHAPE[0], SIDE / SHAPE[1], SIDE / SHAPE[0])
    return "0 " + " ".join(f"{value:.6f}" for value in values)


def box(x: int, y: int, score: float = 1.0, label: str = "hot") -> Detection:
    return Detection((x, y, x + SIDE, y + SIDE), score, label)


def test_labels_of_a_folder_give_average_precision_and_drawn_boxes(
    pictures: Path, detector: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = str(pictures / "labels")
    assert evaluate_bag(pictures / "images", output=tmp_path / "r", detector=detector, labels=labels,
                        classical=("wavelet+none",), **FEW) == 0  # fmt: skip
    assert "frames without labels 1" in capsys.readouterr().err
    found = json.loads((tmp_path / "r/report.json").read_text())
    perfect = [[box(*corner) for corner in CORNERS[n]] for n in (0, 1, 2, 3, 5)]
    there = [*perfect[:-1], [*perfect[-1], box(0, 100)]]
    assert found["figures"]["map50"]["input"]["mean"] == pytest.approx(mean_average_precision(there, perfect)[0], 1e-6)
    assert 0.85 < found["figures"]["map50"]["input"]["mean"] < 1, "one of eleven is not there"
    rows = list(csv.DictReader((tmp_path / "r/frames.csv").open()))
    counts = [float(row["detections"]) for row in rows if row["method"] == "input"]
    assert found["configuration"]["detector.classes"] == "hot, warm"
    page = (tmp_path / "r/report.html").read_text()
    assert page.count('<rect class="true"') >= 3 * 2 * 2 and page.count("<text") >= 3 * 2
    seen = list(DetectionTopic(tmp_path / "r/bags/000_images", "/evaluation/input/detections"))
    assert [len(one.detections) for one in seen] == counts and min(counts) >= 2
    assert all({one.box for one in each.detections[:2]} == {box(*corner).box for corner in corners}
               for each, corners in zip(seen, CORNERS, strict=True)), "the surest are the squares"  # fmt: skip


def test_detections_and_labels_of_the_users_topics(tmp_path: Path) -> None:
    """The detector finds the first square, calls it by a number that no label has in frame 3, and skips the last."""
    with BagWriter(tmp_path / "bag") as bag:
        for number, corners in enumerate(CORNERS):
            stamp = 10**18 + number * 10**8
            bag.write_image("/cam", squares(SHAPE, hot=corners), stamp, "ir")
            label = "hot" if number != 3 else "7"
            mine, there = [box(*corners[0], 0.9, label)], [box(*corner, label="Hot") for corner in corners]
            if number < 5:
                bag.write("/mine", DETECTIONS, stamp, detections_message(mine, stamp + 2_000_000, "ir"))
            bag.write("/there", DETECTIONS, stamp, detections_message(there, stamp, "ir"))
    options = {"topic": "/cam", "detection_topic": ("/mine",), "label_topic": "/there"}
    assert evaluate_bag(tmp_path / "bag", output=tmp_path / "r", **options, **FEW) == 0
    found = json.loads((tmp_path / "r/report.json").read_text())
    assert found["recordings"][0]["facts"] == {"frames without /mine": "1"}
    figures = found["figures"]
    assert figures["detections"] == {"/mine": figures["detections"]["/mine"]}
    assert figures["detections"]["/mine"]["mean"] == 1
    assert figures["map50"]["/mine"]["mean"] == pytest.approx(41 / 101, abs=1e-6), "4 of 10 are found"


def test_the_cameras_own_boxes_are_labels(detector: str, tmp_path: Path) -> None:
    make_bag("scene", output=tmp_path / "bag", frames=2, width=128, height=96)
    options = {"topic": "/ir/image", "detector": detector, "label_topic": "/ir/truth/boxes"}
    assert evaluate_bag(tmp_path / "bag", output=tmp_path / "r", **options, **FEW) == 0
    figures = json.loads((tmp_path / "r/report.json").read_text())["figures"]
    assert figures["map50"]["input"]["mean"] == 0, "it looks for hot squares, not for persons"


def test_intervals_come_from_blocks_and_gains_from_the_same_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detecting, "DRAWS", 20)
    rng = np.random.default_rng(0)
    frames = []
    for _ in range(50):
        there = [box(int(x), int(y)) for x, y in rng.integers(0, 100, (3, 2))]
        better = [Detection(one.box, 0.9, one.label) for one in there]
        frames.append({LABELS: tuple(there), "input": tuple(better[: rng.integers(0, 3)]), "ours": tuple(better)})
    table = precision(["input", "ours", "nobody"], frames)
    plain, ours = table["map50"]["input"], table["map50"]["ours"]
    assert list(table["map"]) == ["input", "ours"] and ours.mean == pytest.approx(1) == ours.low == ours.high
    assert plain.low < plain.mean < plain.high and ours.gain_low < ours.gain < ours.gain_high
    assert ours.gain == pytest.approx(1 - plain.mean) and np.isnan(plain.gain)
    assert precision(["input"], [{"input": ()}]) == {}


def test_frames_without_an_object_cost_no_precision() -> None:
    """Of sixty frames ten, one after the other, hold something: many draws of blocks hold nothing."""
    (there,) = square = (box(3, 4),)
    frames = [{LABELS: square, "input": (), "ours": (replace(there, score=0.9),)}] * 10
    frames += [{LABELS: (), "input": (), "ours": ()}] * 50
    table = precision(["input", "ours"], frames)["map50"]
    assert (table["input"].mean, table["input"].low, table["input"].high) == (0, 0, 0)
    assert astuple(table["ours"]) == pytest.approx((1,) * 6)
    nothing = precision(["input", "ours"], frames[10:])["map"]["ours"]
    assert np.isnan(astuple(nothing)).all(), "nothing could be found"


@pytest.mark.parametrize(
    ("recording", "own"), [("2024.05.01", "2024.05.01"), ("a.mcap", "a"), ("b", ""), ("c.avi", "")]
)
def test_a_recording_may_have_a_folder_of_labels_of_its_own(tmp_path: Path, recording: str, own: str) -> None:
    for folder in ("", "2024.05.01", "2024.05", "a", "d"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "000007.txt").write_text("0 0.5 0.5 0.5 0.5")
        (tmp_path / folder / "classes.txt").write_text(folder or "common")
    frame = Frame(np.zeros(SHAPE, np.uint8), 0, "ir_image#000007", 7)
    (found,) = LabelFolder(tmp_path, recording).of(frame)
    assert found.label == (own or "common") and found.box == (40, 30, 120, 90)


def test_a_picture_without_a_file_has_no_label_of_another(tmp_path: Path) -> None:
    (tmp_path / "000003.txt").write_text("0 0.5 0.5 0.5 0.5")
    (tmp_path / "drive.txt").write_text("0 0.5 0.5 0.5 0.5")
    labels, image = LabelFolder(tmp_path, "b"), np.zeros(SHAPE, np.uint8)
    assert labels.of(Frame(image, 0, "000004.png", 3)) is None
    assert labels.of(Frame(image, 0, "000003.png", 2)) and labels.of(Frame(image, 0, "drive.mp4#000003", 3))
    assert labels.of(Frame(image, 0, "drive.mp4#000004", 4)) is None


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (b"car\nperson\nbus\n\n", ["car", "person", "bus", "3"]),
        (b"\xef\xbb\xbfcar\r\n\r\n bus", ["car", "1", "bus", "3"]),  # as editors of Windows write it; a gap
        (b" \n", ["hot", "warm", "2", "3"]),
    ],
)
def test_names_of_classes_are_by_line_and_those_of_the_detector_where_there_are_none(
    tmp_path: Path, text: bytes, labels: list[str]
) -> None:
    (tmp_path / "classes.txt").write_bytes(text)
    (tmp_path / "a.txt").write_text("\n".join(f"{number} 0.5 0.5 0.5 0.5" for number in range(4)))
    frame = Frame(np.zeros(SHAPE, np.uint8), 0, "deep/a.png", 0)
    found = LabelFolder(tmp_path, "film", ("hot", "warm")).of(frame)
    assert [one.label for one in found] == labels


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"labels": "labels"}, "labels are for detections: give --detector or --detection-topic"),
        ({"labels": "labels", "label_topic": "/x"}, "use one of --labels and --label-topic"),
        ({"labels": "nope", "detector": True}, "nope is missing"),
        ({"detector": "/none.onnx"}, "/none.onnx"),
        ({"detection_topic": ("/x",)}, "no recording could be evaluated"),
        ({"labels": "broken", "detector": True}, "no recording could be evaluated"),
    ],
)
def test_what_cannot_work_is_told(
    pictures: Path, detector: str, tmp_path: Path, options: dict, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures / "broken").mkdir(exist_ok=True)
    (pictures / "broken/000.txt").write_text("0 9.5 0.1 0.1 0.1")
    options = options | ({"labels": str(pictures / options["labels"])} if "labels" in options else {})
    options |= {"detector": detector} if options.get("detector") is True else {}
    with pytest.raises(InfraredError) as told:
        evaluate_bag(pictures / "images", output=tmp_path / "r", **options, **FEW)
    assert words in str(told.value) + capsys.readouterr().err and not list(tmp_path.iterdir())


def test_labels_that_fit_no_frame_are_told_and_the_rest_is_reported(
    pictures: Path, detector: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures / "others").mkdir(exist_ok=True)
    (pictures / "others/street.txt").write_text(line(0, 0))
    options = {"labels": str(pictures / "others"), "detector": detector}
    assert evaluate_bag(pictures / "images", output=tmp_path / "r", **options, **FEW) == 1
    assert re.search(
        r"none of the 6 frames has labels in .*others: files are called as the pictures", capsys.readouterr().err
    )
    assert "map50" not in json.loads((tmp_path / "r/report.json").read_text())["figures"]
