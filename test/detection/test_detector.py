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

"""The detector's boxes, thresholds and classes, the same on every engine, and the files that it refuses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("torch")

from tiny_detector import NAMES, squares, tiny_detector  # noqa: E402

from infrared_ir_ros.detection import Detector, load_detector  # noqa: E402
from infrared_ir_ros.engines import load_graph  # noqa: E402
from infrared_ir_ros.errors import FrameError, OptionError, WeightsError  # noqa: E402
from infrared_ir_ros.records import Counts, DetectionOptions  # noqa: E402

SURE = DetectionOptions(confidence=0.8)


@pytest.fixture(scope="module", params=["onnxruntime", "openvino"])
def engine(request) -> str:  # noqa: ANN001
    pytest.importorskip(request.param)
    return request.param


@pytest.fixture(scope="module")
def detector(engine: str) -> Detector:
    return Detector(load_graph(tiny_detector(), engine), "tiny.onnx", "0123456789abcdef")


@pytest.mark.parametrize("shape", [(64, 64), (120, 160), (61, 77), (480, 640)])
def test_boxes_are_in_pixels_of_the_frame(detector: Detector, shape: tuple[int, int]) -> None:
    found = detector.detect(squares(shape, hot=((16, 32),), warm=((40, 8),)), SURE)
    assert [(each.label, each.box) for each in found] == [("hot", (16, 32, 32, 48)), ("warm", (40, 8, 56, 24))]
    assert found[0].score == pytest.approx(1.0) and found[0].track is None


def test_boxes_end_with_the_frame(detector: Detector) -> None:
    """Half of the window over the last square is padding."""
    found = detector.detect(squares((120, 120), hot=((104, 104),)), DetectionOptions(confidence=0.9))
    assert [each.box for each in found] == [(104, 104, 120, 120)]
    grey = detector.detect(squares((120, 120), hot=(), warm=((112, 40),)), SURE)
    assert [each.box for each in grey] == [(112, 40, 120, 56)]


def test_confidence_and_overlap_are_the_callers(detector: Detector) -> None:
    frame = squares(hot=((16, 32),))
    at = lambda **options: [each for each in detector.detect(frame, DetectionOptions(**options)) if each.label == "hot"]  # noqa: E731
    assert len(at(confidence=0.9)) == 1
    assert len(at(confidence=0.4, iou=0.2)) == 1
    assert len(at(confidence=0.4, iou=0.9)) == 5  # the windows that are shifted by half, to four sides
    assert at(confidence=1.0) == []


def test_classes_are_chosen_by_name(detector: Detector) -> None:
    frame = squares(hot=((16, 32),), warm=((64, 64),))
    only = detector.detect(frame, DetectionOptions(confidence=0.8, classes=("warm",)))
    assert [each.label for each in only] == ["warm"]
    with pytest.raises(OptionError, match="names 'cat': this detector has hot, warm"):
        detector.detect(frame, DetectionOptions(classes=("cat",)))


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_counts_of_any_depth_are_understood(detector: Detector, dtype: type) -> None:
    frame = 30000 + 10 * squares().astype(dtype)
    assert [each.box for each in detector.detect(frame, DetectionOptions(confidence=0.7))] == [(16, 32, 32, 48)]
    fixed = Counts("fixed", minimum=30000, maximum=30000 + 2550)
    assert detector.detect(frame, SURE, fixed)[0].score == pytest.approx(1.0)


def test_the_frame_stays_as_it_was(detector: Detector) -> None:
    frame = squares()
    detector.detect(frame)
    np.testing.assert_array_equal(frame, squares())
    with pytest.raises(FrameError, match="every pixel"):
        detector.detect(np.zeros((64, 64), np.uint8))


@pytest.mark.parametrize("shape", [(240, 320), (60, 80), (120, 120), (240, 160), (120, 320)])
def test_a_network_of_fixed_size_sees_the_frame_scaled(engine: str, shape: tuple[int, int]) -> None:
    fixed = Detector(load_graph(tiny_detector((120, 160)), engine))
    height, width = shape
    scale = min(120 / height, 160 / width)
    frame = np.full(shape, 10, np.uint8)
    left, top, right, bottom = (round(side / scale) for side in (16, 32, 32, 48))
    frame[top:bottom, left:right] = 255
    found = fixed.detect(frame, DetectionOptions(confidence=0.9))
    assert [each.label for each in found] == ["hot"]
    np.testing.assert_allclose(found[0].box, (left, top, right, bottom), atol=0.6)


def test_a_loaded_detector_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "squares.onnx"
    path.write_bytes(tiny_detector())
    loaded = load_detector(str(path), engine="torch")  # the other engine then
    assert loaded.names == NAMES
    assert loaded.description["detector"] == f"{path} test"
    assert len(loaded.description["detector.weights"]) == 12
    assert loaded.description["detector.engine"].split()[0] in ("openvino", "onnxruntime")


def _changed(change) -> bytes:  # noqa: ANN001
    model = onnx.load_from_string(tiny_detector())
    change(model)
    return model.SerializeToString()


def _with_notes(**notes: str) -> bytes:
    def change(model: Any) -> None:
        del model.metadata_props[:]
        onnx.helper.set_model_props(model, notes)

    return _changed(change)


def _renamed(model: Any) -> None:
    model.graph.input[0].name = "picture"
    for node in model.graph.node:
        node.input[:] = ["picture" if name == "image" else name for name in node.input]


HOSTILE = {
    "no graph": (b"not a graph", "can't load"),
    "empty": (b"", "can't load"),
    "cut short": (tiny_detector()[:300], "can't load|is not a detector"),
    "other inputs": (_changed(_renamed), "it takes picture, confidence, iou"),
    "no notes": (_with_notes(), "lack classes or stride"),
    "names that are no list": (_with_notes(names="7", stride="32"), "lack classes or stride"),
    "names in a list in a list": (_with_notes(names="[[[[]]]]", stride="32"), "a class is called"),
    "two of one name": (_with_notes(names='["a", "a"]', stride="32"), "the same name"),
    "a name for the terminal": (_with_notes(names=json.dumps(["a", "\x1b[2J"]), stride="32"), "a class is called"),
    "absurd stride": (_with_notes(names='["a", "b"]', stride="99999999"), "stride is 99999999"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_not_a_detector_is_refused(engine: str, case: str, tmp_path: Path) -> None:
    data, message = HOSTILE[case]
    path = tmp_path / "detector.onnx"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=message) as caught:
        load_detector(str(path), engine=engine)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_class_without_a_name_is_an_error_not_a_guess(engine: str) -> None:
    with pytest.raises(WeightsError, match="found class 1, but names only 1"):
        Detector(load_graph(tiny_detector(names=("hot",)), engine))


class Answering:
    """A graph that always gives the same answer."""

    engine = device = precision = "none"
    outputs, metadata = ("detections",), {"names": '["hot", "warm"]', "stride": "32"}

    def __init__(self, *rows: tuple[float, ...], channels: int = 3) -> None:
        self.inputs = {"image": (1, channels, None, None), "confidence": (), "iou": ()}
        self.found, self.seen = np.array(rows, np.float32).reshape(len(rows), -1), set()

    def run(self, image: np.ndarray, *_: np.ndarray) -> tuple[np.ndarray, ...]:
        self.seen.add(image.shape)
        return (self.found,)


def test_the_surest_is_told_first_and_boxes_without_an_inside_are_not() -> None:
    rows = [(0, 0, 10, 10, 0.3, 0), (20, 20, 30, 30, 0.9, 1), (5, 5, 5, 40, 0.8, 0), (90, 0, 200, 10, 0.7, 0)]
    found = Detector(Answering(*rows)).detect(squares((64, 64)))  # the last one lies outside
    assert [(each.label, each.box, round(each.score, 3)) for each in found] == [
        ("warm", (20, 20, 30, 30), 0.9),
        ("hot", (0, 0, 10, 10), 0.3),
    ]


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (Answering((0, 0, 9, 9, np.nan, 0)), "not finite"),
        (Answering((0, 0, 9, 9, 0.5)), r"output is \(1, 5\)"),
        (Answering((0, 0, 9, 9, 0.5, -1)), "found class -1, but names only 2"),
        (Answering((0, 0, 9, 9, 0.5, 2)), "found class 2, but names only 2"),
        (Answering((0, 0, 9, 9, 0.5, 0), channels=1), "it takes 1 channels, where 3 are expected"),
    ],
)
def test_answers_that_cannot_be_right_show_at_once(graph: Answering, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        Detector(graph)


def test_frames_of_the_size_of_the_warm_up_are_nothing_new_to_the_network() -> None:
    graph = Answering((0, 0, 9, 9, 0.5, 0))
    detector = Detector(graph)
    detector.warm_up(50, 140)
    warm = graph.seen.copy()
    detector.detect(squares((50, 140)))
    assert graph.seen == warm and (1, 3, 64, 160) in warm
