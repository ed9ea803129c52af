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

"""The camera as a process over DDS: pixels, stamps, truth, rate, end."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import PATIENCE, NodeProcess, Peer, stamp_ns
from rcl_interfaces.srv import DescribeParameters, ListParameters
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String

from infrared_ir_ros.media import read_image, write_image
from infrared_ir_ros.media.bag_writer import BagWriter
from infrared_ir_ros.ros.bridge import PlainBridge
from infrared_ir_ros.ros.camera_parameters import CAMERA_TABLE
from infrared_ir_ros.simulation.camera import Degrader
from infrared_ir_ros.simulation.scene import ThermalScene

CAMERA = "infrared_ir_ros.ros.thermal_camera"
SMALL = {"width": 64, "height": 48, "rate": 20.0, "wait_for_subscriber_s": 20.0}


def pixels(message: Image) -> np.ndarray:
    return PlainBridge().imgmsg_to_cv2(message)


def end(camera: NodeProcess) -> int:
    """Wait until the camera ends by itself."""
    return camera.process.wait(PATIENCE)


def test_a_scene_comes_with_its_truth_under_the_same_stamps(domain: int) -> None:
    with Peer(domain) as peer:
        kinds = {"image": Image, "camera_info": CameraInfo, "truth/clean": Image, "truth/temperature": Image}
        got: dict[str, list[Any]] = {topic: peer.collect(kind, topic) for topic, kind in kinds.items()}
        boxes = peer.collect(String, "truth/boxes")
        parameters = SMALL | {"frames": 5, "seed": 3, "degradation": "sensor_normal", "frame_id": "lepton"}
        with NodeProcess(domain, parameters, module=CAMERA) as camera:
            assert end(camera) == 0
            peer.wait(lambda: all(len(messages) == 5 for messages in (*got.values(), boxes)), "five of each")
        stamps = [stamp_ns(message) for message in got["image"]]
        assert stamps == sorted(set(stamps))
        for messages in got.values():
            assert [stamp_ns(message) for message in messages] == stamps
            assert {message.header.frame_id for message in messages} == {"lepton"}
        scene = ThermalScene(3, 48, 64)
        degrader = Degrader("sensor_normal", 3)
        for number in range(5):
            truth = scene.frame(number / 20.0)
            clean = np.rint(truth.temperature / np.float32(0.01)).astype(np.uint16)
            assert np.array_equal(pixels(got["truth/temperature"][number]), truth.temperature)
            assert got["truth/temperature"][number].encoding == "32FC1"
            assert np.array_equal(pixels(got["truth/clean"][number]), clean)
            assert np.array_equal(pixels(got["image"][number]), degrader(clean))
            assert got["image"][number].encoding == "mono16"
            said = json.loads(boxes[number].data)
            assert said["stamp"]["sec"] * 10**9 + said["stamp"]["nanosec"] == stamps[number]
            assert len(said["boxes"]) == len(truth.boxes)
            info = got["camera_info"][number]
            assert (info.height, info.width, info.k[0]) == (48, 64, scene.view.focal)


def test_every_subscriber_that_is_waited_for_gets_the_first_frame(domain: int) -> None:
    with Peer(domain) as peer, NodeProcess(domain, SMALL | {"frames": 3, "subscribers": 2}, module=CAMERA) as camera:
        first = peer.collect(Image, "image")
        time.sleep(3.0)  # more than the camera needs to start and lets one subscriber settle for
        assert first == []
        second = peer.collect(Image, "image")
        assert end(camera) == 0
        peer.wait(lambda: len(first) == len(second) == 3, "three frames each")


@pytest.mark.parametrize("listening", [0, 1])
def test_the_wait_for_subscribers_is_for_finding_them(domain: int, listening: int) -> None:
    """It may be shorter than the time that those found are given to discover the camera."""
    wait = {"wait_for_subscriber_s": 3.5 * listening or 0.5, "frames": 3}
    with Peer(domain) as peer:
        got = [peer.collect(Image, "image") for _ in range(listening)]
        with NodeProcess(domain, SMALL | wait, module=CAMERA) as camera:
            assert end(camera) == 0
            assert ("0 of 1 subscribers on /image within 0.5 s: starting" in camera.output()) == (not listening)
            assert "1 of 1" not in camera.output()
        peer.wait(lambda: all(len(messages) == 3 for messages in got), "three frames")


def make_pictures(folder: Path) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 60000, (48, 64)).astype(np.uint16) for _ in range(4)]
    for number, image in enumerate(images):
        write_image(folder / "pictures" / f"{number + 8}.png", image)  # 8, 9, 10, 11
    return images


def make_bag(folder: Path) -> list[np.ndarray]:
    make_pictures(folder)
    images = [read_image(folder / "pictures" / f"{number + 8}.png") for number in range(4)]
    with BagWriter(folder / "bag") as bag:
        for number, image in enumerate(images):
            bag.write_compressed("/cam/image/compressed", image, 10**18 + number * 50_000_000, "other")
    return images


@pytest.mark.parametrize(("name", "make"), [("pictures", make_pictures), ("bag", make_bag)])
def test_16_bit_recordings_stay_16_bit_and_none_is_lost(
    domain: int, tmp_path: Path, name: str, make: Callable[[Path], list[np.ndarray]]
) -> None:
    images = make(tmp_path)
    with Peer(domain) as peer:
        got, infos = peer.collect(Image, "image"), peer.collect(CameraInfo, "camera_info")
        parameters = {"source": str(tmp_path / name), "wait_for_subscriber_s": 20.0}
        with NodeProcess(domain, parameters, module=CAMERA) as camera:
            assert end(camera) == 0
            peer.wait(lambda: len(got) == 4 and len(infos) == 4, "all frames")
    assert all(np.array_equal(pixels(message), image) for message, image in zip(got, images, strict=True))
    assert {message.encoding for message in got} == {"mono16"}
    assert {info.k[0] for info in infos} == {0.0}, "a recording is not calibrated"


def test_a_loop_goes_on_with_rising_stamps_and_a_bad_picture_is_told(domain: int, tmp_path: Path) -> None:
    make_pictures(tmp_path)
    (tmp_path / "pictures/9.png").write_bytes(b"no picture")
    with Peer(domain) as peer:
        got = peer.collect(Image, "image")
        parameters = {"source": str(tmp_path / "pictures"), "wait_for_subscriber_s": 20.0, "loop": True, "rate": 50.0}
        with NodeProcess(domain, parameters | {"frames": 8}, module=CAMERA) as camera:
            assert end(camera) == 0
            assert "9.png" in camera.output()
        peer.wait(lambda: len(got) == 8, "eight frames")
    stamps = [stamp_ns(message) for message in got]
    assert stamps == sorted(set(stamps))
    assert np.array_equal(got[0].data, got[3].data) and np.array_equal(got[1].data, got[7].data)


def test_truth_is_published_only_while_it_is_wanted(domain: int) -> None:
    with Peer(domain) as peer:
        peer.collect(Image, "image")
        with NodeProcess(domain, SMALL | {"frames": 0, "publish_truth": False}, module=CAMERA):
            peer.wait(lambda: peer.node.count_publishers("/truth/clean") > 0, "the camera")
            late = peer.collect(Image, "truth/clean")
            peer.wait(lambda: late, "the truth once somebody wants it")


def test_parameters_are_described_and_read_only(domain: int) -> None:
    with Peer(domain, target="/thermal_camera") as peer, NodeProcess(domain, SMALL, module=CAMERA):
        names = set(peer.call(ListParameters, "list_parameters").result.names)
        assert {parameter.name for parameter in CAMERA_TABLE} <= names
        request = DescribeParameters.Request(names=[parameter.name for parameter in CAMERA_TABLE])
        described = peer.call(DescribeParameters, "describe_parameters", request).descriptors
        assert all(descriptor.description and descriptor.read_only for descriptor in described)
        refused = peer.set_parameters(rate=3.0)[0]
        assert not refused.successful and refused.reason


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"source": "/nope"}, "/nope is missing"),
        ({"source": "fifo"}, "a FIFO"),
        ({"source": "empty"}, "holds no"),
        ({"degradation": "awful"}, "'awful': use one of clean"),
        ({"encoding": "rgb8"}, "'rgb8': use one of mono16"),
        ({"width": 5000}, "Max: 4096, value: 5000"),
        ({"rate": "fast"}, "rate: it is a float"),
    ],
)
def test_what_cannot_work_ends_with_1_and_one_line(
    domain: int, tmp_path: Path, parameters: dict[str, Any], words: str
) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "empty").mkdir()
    if parameters.get("source") in ("fifo", "empty"):
        parameters = {"source": str(tmp_path / parameters["source"])}
    with NodeProcess(domain, parameters, module=CAMERA) as camera:
        assert end(camera) == 1
        assert re.search(words, camera.output()), camera.output()
        assert "Traceback" not in camera.output()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_at_any_moment_end_with_0(domain: int, number: int) -> None:
    rng = random.Random(number)
    for _ in range(4):
        with NodeProcess(domain, SMALL | {"wait_for_subscriber_s": 0.0}, module=CAMERA) as camera:
            deadline = time.monotonic() + PATIENCE
            while not camera.catches_signals() and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 2.0))
            assert camera.stop(number) == 0, camera.output()
            assert "Traceback" not in camera.output()


def test_a_raw_core_that_moves_publishes_its_true_pattern(domain: int) -> None:
    parameters = SMALL | {"frames": 3, "motion": "drive", "degradation": "raw_core", "encoding": "mono8"}
    with Peer(domain) as peer:
        images, patterns = peer.collect(Image, "image"), peer.collect(Image, "truth/pattern")
        with NodeProcess(domain, parameters, module=CAMERA) as camera:
            assert end(camera) == 0
            peer.wait(lambda: len(patterns) == len(images) == 3, "three of each")
        assert [stamp_ns(message) for message in patterns] == [stamp_ns(message) for message in images]
        assert patterns[0].encoding == "32FC1" and np.std(pixels(patterns[0])) > 1
        with NodeProcess(domain, SMALL | {"shutter_s": 5.0}, module=CAMERA) as camera:
            assert camera.process.wait(PATIENCE) == 1
            assert "only the degradation raw_core has a shutter" in camera.output()
