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

import inspect
import json
import os
import re
import signal
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from starting import start

from infrared_ir_ros.commands.make_bag import make_bag
from infrared_ir_ros.errors import InfraredError
from infrared_ir_ros.media import VideoWriter, can_write_video, open_source, write_image
from infrared_ir_ros.simulation.scene import ThermalScene

ROOT = Path(__file__).parents[2]
SMALL = {"width": 64, "height": 48}


def contents(bag: Path) -> dict[str, list]:
    """Messages by topic, as an independent reader gives them."""
    with AnyReader([bag]) as reader:
        found: dict[str, list] = {}
        for connection, stamp, data in reader.messages():
            found.setdefault(connection.topic, []).append((stamp, reader.deserialize(data, connection.msgtype)))
    return found


def stamp_ns(message: object) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec  # type: ignore[attr-defined]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_bag_of_the_scene_holds_frames_calibration_and_truth(tmp_path: Path, storage: str) -> None:
    make_bag("scene", output=tmp_path / "bag", storage=storage, frames=4, rate=10.0, seed=2, **SMALL)
    topics = contents(tmp_path / "bag")
    assert {name: len(messages) for name, messages in topics.items()} == dict.fromkeys(
        ("/ir/image", "/ir/camera_info", "/ir/truth/clean", "/ir/truth/temperature", "/ir/truth/boxes"), 4
    )
    stamps = [stamp for stamp, _ in topics["/ir/image"]]
    assert [b - a for a, b in zip(stamps, stamps[1:], strict=False)] == [100_000_000] * 3
    assert abs(stamps[0] / 1e9 - time.time()) < 600
    scene = ThermalScene(2, 48, 64)
    for number, stamp in enumerate(stamps):
        for topic in ("/ir/image", "/ir/camera_info", "/ir/truth/clean", "/ir/truth/temperature"):
            assert stamp_ns(topics[topic][number][1]) == stamp == topics[topic][number][0]
        truth = scene.frame(number / 10.0)
        kelvin = topics["/ir/truth/temperature"][number][1].data.view(np.float32).reshape(48, 64)
        assert np.array_equal(kelvin, truth.temperature)
        boxes = json.loads(topics["/ir/truth/boxes"][number][1].data)
        assert boxes["stamp"]["sec"] * 10**9 + boxes["stamp"]["nanosec"] == stamp
        assert len(boxes["boxes"]) == len(truth.boxes)
    info = topics["/ir/camera_info"][0][1]
    assert (info.height, info.width) == (48, 64) and info.k[0] == scene.view.focal
    assert [frame.image.dtype for frame in open_source(tmp_path / "bag")] == [np.uint16] * 4


@pytest.mark.parametrize("compressed", [False, True])
def test_pictures_keep_their_pixels_and_depth(tmp_path: Path, compressed: bool) -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 65535, (24, 32)).astype(np.uint16) for _ in range(3)]
    for number, image in enumerate(images):
        write_image(tmp_path / f"in/{number}.png", image)
    options = {"compressed": compressed, "topic": "/lepton/raw", "frame_id": "lepton"}
    make_bag(str(tmp_path / "in"), output=tmp_path / "bag", rate=5.0, **options)
    source = open_source(tmp_path / "bag")
    assert all(np.array_equal(frame.image, image) for frame, image in zip(source, images, strict=True))
    assert source.frame_rate == pytest.approx(5.0)
    topics = contents(tmp_path / "bag")
    assert set(topics) == {"/lepton/raw/compressed" if compressed else "/lepton/raw", "/lepton/camera_info"}
    assert {message.header.frame_id for messages in topics.values() for _, message in messages} == {"lepton"}


@pytest.mark.skipif(not can_write_video(), reason="this OpenCV writes no FFV1")
def test_a_video_that_claims_too_few_frames_comes_whole(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "x.avi", 10.0) as writer:
        for seed in range(6):
            writer.write(np.random.default_rng(seed).integers(0, 255, (48, 64), np.uint8))
    video = bytearray((tmp_path / "x.avi").read_bytes())
    struct.pack_into("<I", video, video.index(b"strh") + 8 + 32, 4)  # the stream's length
    (tmp_path / "x.avi").write_bytes(video)
    assert open_source(tmp_path / "x.avi").frame_count == 4
    for frames, written in ((0, 6), (5, 5)):
        make_bag(str(tmp_path / "x.avi"), output=tmp_path / str(frames), frames=frames)
        assert len(list(open_source(tmp_path / str(frames)))) == written


def test_a_bag_of_a_bag_keeps_its_stamps_and_degrades_beside_the_truth(tmp_path: Path) -> None:
    make_bag("scene", output=tmp_path / "first", frames=3, encoding="mono8", **SMALL)
    make_bag(str(tmp_path / "first"), output=tmp_path / "second", degradation="hm_tir_hard")
    first, second = contents(tmp_path / "first")["/ir/image"], contents(tmp_path / "second")
    assert [stamp for stamp, _ in second["/ir/image"]] == [stamp for stamp, _ in first]
    for (_, clean), (_, truth), (_, bad) in zip(first, second["/ir/truth/clean"], second["/ir/image"], strict=True):
        assert np.array_equal(clean.data, truth.data) and not np.array_equal(clean.data, bad.data)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"input": "/nope"}, "/nope is missing"),
        ({"input": ""}, "a path is empty"),
        ({"storage": "zip"}, "storage is 'zip': use one of mcap, sqlite3"),
        ({"degradation": "awful"}, "degradation is 'awful': use one of"),
        ({"encoding": "rgb8"}, "encoding is 'rgb8': use one of"),
        ({"topic": "../x"}, "--topic is '../x'"),
        ({"rate": -1.0}, "--rate is -1.0"),
        ({"frames": -1}, "--frames is -1"),
        ({"seed": -1}, "seed is -1: use 0 or more"),
        ({"seed": -1, "input": "/", "degradation": "sensor_hard"}, "seed is -1: use 0 or more"),
        ({"width": 5}, "the scene's size is 5 x 48"),
        ({"output": Path("/proc/bag")}, "cannot write /proc/bag"),
    ],
)
def test_what_cannot_work_is_told_and_leaves_nothing(tmp_path: Path, settings: dict, words: str) -> None:
    arguments = {"input": "scene", "output": tmp_path / "bag", "frames": 2} | SMALL | settings
    with pytest.raises(InfraredError, match=re.escape(words)):
        make_bag(arguments.pop("input"), **arguments)
    assert os.listdir(tmp_path) == []


def test_an_existing_bag_and_an_empty_input_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/x.png").write_bytes(b"no picture")
    with pytest.raises(InfraredError, match="no readable frame"):
        make_bag(str(tmp_path / "in"), output=tmp_path / "bag")
    assert "make_bag:" in capsys.readouterr().err, "which picture it is"
    write_image(tmp_path / "in/y.png", np.zeros((48, 64), np.uint8))
    assert make_bag(str(tmp_path / "in"), output=tmp_path / "part") == 1
    assert len(list(open_source(tmp_path / "part"))) == 1, "the rest is there"
    (tmp_path / "bag").mkdir()
    with pytest.raises(InfraredError, match="already exists"):
        make_bag("scene", output=tmp_path / "bag", frames=1, **SMALL)
    assert sorted(os.listdir(tmp_path)) == ["bag", "in", "part"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_with_130_and_leaves_nothing(tmp_path: Path, number: int) -> None:
    process = start(
        "make_bag", "scene", "--output", str(tmp_path / "bag"), "--frames", "1000000", "--width", "64", "--height", "48"
    )
    deadline = time.monotonic() + 60
    while not os.listdir(tmp_path) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and err.endswith("make_bag: interrupted\n") and "Traceback" not in err
    assert os.listdir(tmp_path) == []


def test_the_help_explains_every_option() -> None:
    process = start("make_bag", "--help")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert all(f"--{name.replace('_', '-')}" in out for name in inspect.signature(make_bag).parameters)
