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

"""Detections of the node over DDS: boxes, headers, ids, labels, prompts; and restoration that goes on without them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from harness import NodeProcess, Peer, make_image, stamp_ns
from lifecycle_msgs.msg import Transition
from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image

pytest.importorskip("torch")
pytest.importorskip("onnx")
messages = pytest.importorskip("vision_msgs.msg")

from tiny_detector import squares, tiny_detector  # noqa: E402

T0 = 1_700_000_000_000_000_000
SHAPE = (120, 160)
FRAME = squares(SHAPE, hot=((32, 48),))
# tone preserve and no strength: what is restored is what came, so that the squares stay what they are
PARAMETERS = {
    "smoothing": 0.0, "engine": "onnxruntime", "max_age_ms": 60000.0, "strength": 0.0, "detect_on": "both",
    "detector.confidence": 0.8,
}  # fmt: skip


class Bench:
    """A camera, the node with a detector, and what comes out of it."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        peer.wait_state("active")
        self.restored: list[Image] = peer.collect(Image, "restored")
        self.camera = peer.publisher(Image, "image")
        self.sent = 0

    def send(self, frame: np.ndarray = FRAME, encoding: str = "mono8") -> int:
        """One frame, there and back; its stamp."""
        self.sent += 1
        stamp = T0 + self.sent
        self.camera.publish(make_image(frame, encoding, stamp, "thermal_optical_frame"))
        self.peer.wait(lambda: self.restored and stamp_ns(self.restored[-1]) == stamp, "the restored frame")
        return stamp

    def until(self, condition, what: str) -> None:  # noqa: ANN001
        """Send frames until what they cause has come."""

        def sent() -> bool:
            self.send()
            return bool(condition())

        self.peer.wait(sent, what)

    def values(self) -> dict[str, str]:
        return self.peer.fresh_values("detector")


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("detector") / "squares.onnx"
    path.write_bytes(tiny_detector())
    return path


@pytest.fixture(scope="module")
def bench(domain: int, detector: Path) -> Iterator[Bench]:
    parameters = PARAMETERS | {"detector.model": str(detector)}
    with NodeProcess(domain, parameters, namespace="ir"), Peer(domain, "/ir/restore_node", "/ir") as peer:
        yield Bench(peer)


def _latched(peer: Peer, kind: type, topic: str) -> list:  # type: ignore[type-arg]
    received: list = []  # type: ignore[type-arg]
    profile = QoSProfile(depth=10, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
    peer.node.create_subscription(kind, topic, received.append, profile)
    return received


def test_nothing_is_looked_at_while_nobody_subscribes(bench: Bench) -> None:
    """First of this module."""
    for _ in range(3):
        bench.send()
    values = bench.values()
    assert (values["subscribed"], values["looked"], values["superseded"]) == ("False", "0", "0")
    assert values["detector.classes"] == "hot, warm" and values["detector"].endswith("squares.onnx test")


def test_detections_have_boxes_headers_numbers_and_names(bench: Bench) -> None:
    labels = _latched(bench.peer, messages.LabelInfo, "label_info")
    bench.peer.wait(lambda: labels, "labels for who comes late")
    names = {str(each.class_id): each.class_name for each in labels[-1].class_map}
    assert names == {"0": "hot", "1": "warm"} and labels[-1].threshold == pytest.approx(0.8)
    for topic in ("detections", "detections/input"):
        arrays = bench.peer.collect(messages.Detection2DArray, topic)
        bench.until(lambda arrays=arrays: arrays, topic)
        stamp = bench.send()
        bench.peer.wait(lambda arrays=arrays, stamp=stamp: stamp_ns(arrays[-1]) == stamp, "those of the last frame")
        (found,) = arrays[-1].detections
        assert found.header == arrays[-1].header and found.header.frame_id == "thermal_optical_frame"
        centre, box = found.bbox.center.position, found.bbox
        assert (centre.x, centre.y, box.size_x, box.size_y) == (40, 56, 16, 16)
        assert names[found.results[0].hypothesis.class_id] == "hot"
        assert found.results[0].hypothesis.score == pytest.approx(1.0)
        assert found.id == "1" and {each.detections[0].id for each in arrays} == {"1"}


def test_a_frame_without_anything_gives_an_empty_array(bench: Bench) -> None:
    arrays = bench.peer.collect(messages.Detection2DArray, "detections")
    empty = squares(SHAPE, hot=())

    def came() -> bool:
        bench.send(empty)
        return any(not array.detections for array in arrays)

    bench.peer.wait(came, "an empty array")


def test_classes_and_confidence_change_while_it_runs(bench: Bench) -> None:
    arrays = bench.peer.collect(messages.Detection2DArray, "detections")
    refused = bench.peer.set_parameters(detector__classes="hot, cat")[0]
    assert not refused.successful and "names 'cat': this detector has hot, warm" in refused.reason
    assert bench.peer.set_parameters(detector__classes="warm")[0].successful
    try:
        bench.until(lambda: arrays and not arrays[-1].detections, "no hot ones")
    finally:
        assert bench.peer.set_parameters(detector__classes="")[0].successful
    bench.until(lambda: arrays[-1].detections, "hot ones again")


def test_the_overlay_shows_both_frames_with_boxes(bench: Bench) -> None:
    pictures = bench.peer.collect(Image, "/ir/restore_node/overlay")
    bench.until(lambda: pictures, "an overlay")
    picture = pictures[-1]
    assert (picture.encoding, picture.height, picture.width) == ("bgr8", SHAPE[0], 2 * SHAPE[1])
    assert picture.header.frame_id == "thermal_optical_frame"
    pixels = np.frombuffer(picture.data, np.uint8).reshape(SHAPE[0], -1, 3)
    for left in (32, 32 + SHAPE[1]):
        assert (pixels[48, left : left + 16] == (0, 255, 0)).all()


def test_only_every_nth_frame_is_looked_at(bench: Bench) -> None:
    bench.peer.collect(messages.Detection2DArray, "detections")
    bench.peer.wait(lambda: bench.peer.values("detector")["subscribed"] == "True", "the subscription")
    assert bench.peer.set_parameters(detect_every_n=5)[0].successful
    try:
        before = int(bench.values()["looked"])
        for _ in range(20):
            bench.send()
        values = bench.values()
        assert int(values["looked"]) - before + int(values["superseded"]) == pytest.approx(4, abs=1)
    finally:
        bench.peer.set_parameters(detect_every_n=1)


def test_every_prompt_that_becomes_active_raises_the_version(bench: Bench) -> None:
    infos = _latched(bench.peer, messages.VisionInfo, "vision_info")
    bench.peer.wait(lambda: infos, "the version for who comes late")
    first = infos[-1].database_version
    assert first >= 1 and "restored for restore" in infos[-1].method
    for step, task in enumerate(("detect", "restore"), start=1):
        assert bench.peer.set_parameters(task=task)[0].successful
        bench.until(lambda task=task: f"restored for {task}" in infos[-1].method, f"the version of {task}")
        assert infos[-1].database_version == first + step
        assert infos[-1].header.frame_id == "thermal_optical_frame"


def test_detections_of_sixteen_bits(bench: Bench) -> None:
    arrays = bench.peer.collect(messages.Detection2DArray, "detections")
    counts = 30000 + 10 * FRAME.astype(np.uint16)

    def found() -> bool:
        bench.send(counts, "mono16")
        return any(array.detections and array.detections[0].bbox.center.position.x == 40 for array in arrays)

    bench.peer.wait(found, "the square")


def _take(peer: Peer, **parameters: str) -> None:
    """Have the node configured anew with these parameters."""
    for transition in (4, 2):
        assert peer.change_state(transition)
    for result in peer.set_parameters(**parameters):
        assert result.successful, result.reason
    for transition in (1, 3):
        assert peer.change_state(transition)


def test_another_detector_is_taken_by_configure(bench: Bench, detector: Path, tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(tiny_detector(names=("person", "car")))
    peer = bench.peer
    assert not peer.set_parameters(detector__model=str(tmp_path / "other.onnx"))[0].successful
    _take(peer, detector__model=str(tmp_path / "other.onnx"))
    labels = _latched(peer, messages.LabelInfo, "label_info")
    peer.wait(lambda: labels and labels[-1].class_map[0].class_name == "person", "the other names")
    bench.camera = peer.publisher(Image, "image")
    arrays = peer.collect(messages.Detection2DArray, "detections")
    bench.until(lambda: arrays, "detections of the other one")


# ---- without ---------------------------------------------------------------------------------------------------------


def _model(name: str, folder: Path) -> str:
    path = folder / f"{name}.onnx"
    if name == "corrupt":
        path.write_bytes(tiny_detector()[:1000])
    elif name == "classes":
        path.write_bytes(tiny_detector(names=("hot",)))
    elif name == "pickle":
        path = folder / "yolo.pt"
        path.write_bytes(b"not even a pickle")
    elif name == "unwanted":
        path.write_bytes(tiny_detector())
    return "" if name == "none" else str(path)


@pytest.mark.parametrize(
    ("name", "reason", "level"),
    [
        ("corrupt", "can't load the graph", b"\x02"),
        ("classes", "found class 1, but names only 1", b"\x02"),
        ("pickle", "is a pickle, which runs code when it is loaded", b"\x02"),
        ("missing", "can't be read", b"\x02"),
        ("unwanted", "names 'zebra': this detector has hot, warm", b"\x02"),
        ("none", "none requested", b"\x00"),
    ],
)
def test_restoration_goes_on_without(bench: Bench, tmp_path: Path, name: str, reason: str, level: bytes) -> None:
    peer, seen = bench.peer, len(bench.peer.diagnostics)
    classes = "zebra" if name == "unwanted" else ""
    _take(peer, detector__model=_model(name, tmp_path), detector__classes=classes)
    bench.camera = peer.publisher(Image, "image")
    bench.send()
    peer.wait_message("detector", reason, level, since=seen)
    assert peer.node.count_publishers("/ir/detections") == 0
    assert peer.set_parameters(detector__classes="")[0].successful


@pytest.mark.parametrize("active", [True, False])
def test_a_detector_starts_once_its_classes_are_set_to_known_ones(bench: Bench, detector: Path, active: bool) -> None:
    peer = bench.peer
    _take(peer, detector__model=str(detector), detector__classes="zebra")
    refused = peer.set_parameters(detector__classes="horse")[0]
    assert not refused.successful and "names 'horse': this detector has hot, warm" in refused.reason
    assert peer.set_parameters(detect_on="restored")[0].successful, "another parameter"
    assert peer.fresh_values("detector") == {} and "names 'zebra'" in peer.message("detector")
    assert active or peer.change_state(Transition.TRANSITION_DEACTIVATE)
    assert peer.set_parameters(detector__classes="hot")[0].successful
    if not active:
        peer.fresh_values("detector")
        assert peer.message("detector") == "none requested"
        assert peer.change_state(Transition.TRANSITION_ACTIVATE)
    bench.camera = peer.publisher(Image, "image")
    arrays = peer.collect(messages.Detection2DArray, "detections")
    bench.until(lambda: arrays and arrays[-1].detections, "detections")
    peer.wait_message("detector", "running", b"\x00", since=len(peer.diagnostics))


def test_restoration_goes_on_without_the_messages(domain: int, detector: Path, tmp_path: Path) -> None:
    (tmp_path / "vision_msgs.py").write_text("raise ImportError('no module named vision_msgs')")
    hidden = {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"}
    parameters = PARAMETERS | {"detector.model": str(detector)}
    with NodeProcess(domain, parameters, namespace="bare", environment=hidden) as node:
        with Peer(domain, "/bare/restore_node", "/bare") as peer:
            Bench(peer).send()
            peer.wait_message("detector", "vision_msgs is missing: install", level=b"\x02")
        assert node.stop() == 0 and "Traceback" not in node.output()
