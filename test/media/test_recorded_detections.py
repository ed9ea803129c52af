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

from pathlib import Path

import pytest
from rosbags.highlevel import AnyReader

from infrared_ir_ros.commands.make_bag import make_bag
from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.bag import typestore
from infrared_ir_ros.media.bag_writer import BagWriter
from infrared_ir_ros.media.detections import DETECTIONS, LABEL_INFO, TRUTH, DetectionTopic, detections_message
from infrared_ir_ros.records import Detection

FOUND = (Detection((1.0, 2.0, 11.0, 22.0), 0.75, "2", 5), Detection((30.5, 4.0, 31.0, 6.0), 0.5, "person"))
STAMP = '"stamp": {"sec": 1, "nanosec": 2}'
NO_BOXES = (
    '{"stamp": {"sec": Infinity, "nanosec": 0}, "boxes": []}',
    f'{{{STAMP}, "boxes": [{{"x": 1{"0" * 400}, "y": 0, "width": 1, "height": 1, "label": "a"}}]}}',
    f'{{{STAMP}, "boxes": [{{"x": NaN, "y": 0, "width": 1, "height": 1, "label": "a"}}]}}',
    "{",
    '{"stamp": 3}',
    "[[" * 9000,
)


def write(path: Path, *messages: bytes | memoryview, kind: str = DETECTIONS, topic: str = "/cam/detections") -> Path:
    with BagWriter(path) as bag:
        for number, data in enumerate(messages):
            bag.write(topic, kind, 10**18 + number, data)
    return path


def test_message_types_are_those_of_a_stock_ros() -> None:
    hashes = {name: typestore().hash_rihs01(f"vision_msgs/msg/{name}") for name in ("Detection2DArray", "LabelInfo")}
    assert hashes == {
        "Detection2DArray": "RIHS01_214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968",
        "LabelInfo": "RIHS01_3d37df4015cdf660cc851c51897f2acd957e1ca6205ba0a99aebffb9406b0783",
    }


def test_detections_come_back_with_boxes_scores_and_stamps(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", detections_message(FOUND, 1_500_000_007, "ir"), detections_message((), 9, "ir"))
    first, second = DetectionTopic(bag, "/cam/detections")
    assert (first.stamp_ns, second.stamp_ns, second.detections) == (1_500_000_007, 9, ())
    assert [(one.box, one.score, one.label) for one in first.detections] == [
        (one.box, one.score, one.label) for one in FOUND
    ]
    with AnyReader([bag]) as reader:  # another reader, by the definitions that the bag itself holds
        _, _, data = next(reader.messages())
        message = reader.deserialize(data, DETECTIONS)
    assert message.detections[0].id == "5" and message.detections[1].bbox.size_x == 0.5


def test_numbers_of_classes_get_the_names_of_the_nearest_label_info(tmp_path: Path) -> None:
    types = typestore().types
    header = types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](0, 0), "")
    with BagWriter(tmp_path / "bag") as bag:
        for topic, name in (("/other/label_info", "tree"), ("/cam/label_info", "car")):
            classes = [types["vision_msgs/msg/VisionClass"](2, name)]
            info = types[LABEL_INFO](header, classes, 0.0)
            bag.write(topic, LABEL_INFO, 10**18, typestore().serialize_cdr(info, LABEL_INFO))
        bag.write("/cam/detections", DETECTIONS, 10**18, detections_message(FOUND, 1, "ir"))
    (seen,) = DetectionTopic(tmp_path / "bag", "/cam/detections")
    assert [one.label for one in seen.detections] == ["car", "person"]


def test_the_cameras_true_boxes_are_read(tmp_path: Path) -> None:
    make_bag("scene", output=tmp_path / "bag", frames=2, width=128, height=96)
    seen = list(DetectionTopic(tmp_path / "bag", "/ir/truth/boxes"))
    assert len(seen) == 2 and {one.label for each in seen for one in each.detections} <= {"person", "vehicle"}
    assert all(one.box[0] < one.box[2] and one.box[1] < one.box[3] for each in seen for one in each.detections)
    with pytest.raises(SourceError, match="has no topic /ir/image of Detection2DArray: it has none"):
        DetectionTopic(tmp_path / "bag", "/ir/image")


def test_what_is_broken_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    good = bytes(detections_message(FOUND, 3, "ir"))
    boxes = [(0.0, 0.0, float("nan"), 5.0), (3.0, 2.0, 3.0, 5.0), (0.0, 9.0, 5.0, 9.0), (5.0, 0.0, 2.0, 5.0)]
    none = detections_message([Detection(box, 0.5, "x") for box in boxes], 4, "ir")
    bag = write(tmp_path / "bag", good[: len(good) // 2], good, none, b"")
    told: list[str] = []
    assert [len(seen.detections) for seen in DetectionTopic(bag, "/cam/detections", told.append)] == [2, 0]
    assert len(told) == 2 and all("message" in line and "is damaged" in line for line in told)
    text = typestore().types[TRUTH]
    words = [typestore().serialize_cdr(text(data=data), TRUTH) for data in NO_BOXES]
    told.clear()
    assert list(DetectionTopic(write(tmp_path / "text", *words, kind=TRUTH), "/cam/detections", told.append)) == []
    assert len(told) == 4 and all("holds no boxes" in line for line in told[:3])
    assert f"{len(NO_BOXES)} messages of /cam/detections cannot be read" in told[3]
    with pytest.raises(SourceError, match="has no topic /nope of Detection2DArray: it has /cam/detections"):
        DetectionTopic(bag, "/nope")
