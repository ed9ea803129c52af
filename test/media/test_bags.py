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

"""Bags: what is written is read, by us and by others."""

import errno
import io
import json
import os
import shutil
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from bags import STEP, T0, make_bag, pictures, same
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from infrared_ir_ros.errors import OptionError, SourceError
from infrared_ir_ros.media import open_source
from infrared_ir_ros.media.bag import typestore
from infrared_ir_ros.media.bag_files import McapFile
from infrared_ir_ros.media.bag_writer import BagWriter
from infrared_ir_ros.media.image_message import COMPRESSED, IMAGE


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_rosbags_and_we_read_what_we_write(tmp_path: Path, storage: str, dtype: type) -> None:
    frames = pictures(dtype=dtype)
    make_bag(tmp_path / "bag", frames, storage)
    with AnyReader([tmp_path / "bag"]) as reader:  # an independent reader, which also checks type hashes
        assert {name: (topic.msgtype, topic.msgcount) for name, topic in reader.topics.items()} == {
            "/ir/image": (IMAGE, 12),
            "/ir/image/compressed": (COMPRESSED, 12),
            "/ir/camera_info": ("sensor_msgs/msg/CameraInfo", 12),
            "/ir/truth/boxes": ("std_msgs/msg/String", 12),
        }
        for connection, stamp, data in reader.messages():
            message = reader.deserialize(data, connection.msgtype)
            if connection.topic != "/ir/truth/boxes":
                assert message.header.stamp.sec * 10**9 + message.header.stamp.nanosec == stamp
                assert message.header.frame_id == "camera"
            if connection.topic == "/ir/image":
                assert message.encoding == {np.uint8: "mono8", np.uint16: "mono16"}[dtype]
                assert message.step == 32 * np.dtype(dtype).itemsize
            if connection.topic == "/ir/image/compressed":
                assert message.format == {np.uint8: "mono8; png compressed", np.uint16: "16UC1; png compressed"}[dtype]
    for topic in ("", "/ir/image", "/ir/image/compressed"):
        source = open_source(tmp_path / "bag", topic)
        got = list(source)
        assert same(got, frames)
        assert (source.frame_count, source.frame_rate) == (12, pytest.approx(10.0))
        assert [frame.stamp_ns for frame in got] == [T0 + k * STEP for k in range(12)]
    assert os.listdir(tmp_path) == ["bag"]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_bag_may_be_called_anything(tmp_path: Path, storage: str) -> None:
    path = tmp_path / os.fsdecode(b"b\xff%41 ?#")  # no UTF-8, and signs that mean something in an address
    make_bag(tmp_path / "plain", pictures(2), storage)
    os.rename(tmp_path / "plain", path)
    assert same(list(open_source(path, "/ir/image")), pictures(2))
    (file,) = path.glob("plain.*")
    loud = Path(shutil.copy(file, path / file.name.upper()))
    assert same(list(open_source(loud, "/ir/image")), pictures(2))
    if storage == "mcap":
        make_bag(tmp_path / "drive #3", pictures(2), storage)
    else:
        with pytest.raises(SourceError, match="a sqlite3 bag cannot have # in its path: use mcap"):
            make_bag(tmp_path / "drive #3", pictures(2), storage)
    assert len(os.listdir(tmp_path)) == 1 + (storage == "mcap")


def test_a_disk_that_fails_costs_what_lies_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(io.FileIO):
        def read(self, size: int = -1) -> bytes:
            if self.tell() > 1_000_000:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(size)

    monkeypatch.setattr(McapFile, "_open", lambda file: Failing(file.path))
    large = [np.tile(picture, (8, 4)) for picture in pictures(60)]  # of 49 kB
    with BagWriter(tmp_path / "bag") as bag:
        for number, picture in enumerate(large):
            bag.write_image("/ir/image", picture, T0 + number, "camera")
    told: list[str] = []
    frames = list(open_source(tmp_path / "bag", "/ir/image", report=told.append))
    assert 10 < len(frames) < 50 and same(frames, large[: len(frames)])
    assert "bag.mcap: it cannot be read to its end (Input/output error): the rest is lost" in told[0]


def test_the_type_hashes_are_those_of_the_installed_messages() -> None:
    prefixes = [sys.prefix, *filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep))]
    for kind in (IMAGE, COMPRESSED, "sensor_msgs/msg/CameraInfo", "std_msgs/msg/String"):
        package, _, name = kind.split("/")
        found = [Path(prefix, "share", package, "msg", f"{name}.json") for prefix in prefixes]
        described = next((path for path in found if path.exists()), None)
        if described is None:
            pytest.skip("no ROS 2 with type hashes is installed")
        assert json.loads(described.read_text())["type_hashes"][0]["hash_string"] == typestore().hash_rihs01(kind)


def test_a_bag_has_one_quality_of_service_that_old_and_new_players_read(tmp_path: Path) -> None:
    make_bag(tmp_path / "bag", pictures(1))
    described = yaml.safe_load((tmp_path / "bag/metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert described["version"] == 8  # from 9 on, Humble fails
    for topic in described["topics_with_message_count"]:
        (profile,) = yaml.safe_load(topic["topic_metadata"]["offered_qos_profiles"])
        assert (profile["reliability"], profile["durability"], profile["history"]) == (1, 2, 1)


def test_what_was_published_for_late_subscribers_is_played_for_them(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        for topic, latched in (("/names", True), ("/chatter", False)):
            bag.add(topic, "std_msgs/msg/String", latched)
            bag.write_text(topic, "hello", T0)
    described = yaml.safe_load((tmp_path / "bag/metadata.yaml").read_text())["rosbag2_bagfile_information"]
    topics = [one["topic_metadata"] for one in described["topics_with_message_count"]]
    durability = {one["name"]: yaml.safe_load(one["offered_qos_profiles"])[0]["durability"] for one in topics}
    assert durability == {"/names": 1, "/chatter": 2}  # transient local, volatile


def test_a_bag_is_never_overwritten_and_never_half_there(tmp_path: Path) -> None:
    make_bag(tmp_path / "bag", pictures(2))
    with pytest.raises(SourceError, match="already exists"):
        make_bag(tmp_path / "bag", pictures(1))
    with pytest.raises(KeyboardInterrupt), BagWriter(tmp_path / "half") as bag:
        bag.write_image("/image", pictures(1)[0], T0, "camera")
        raise KeyboardInterrupt
    with pytest.raises(SourceError, match="cannot write /proc/bag"):
        make_bag(Path("/proc/bag"), pictures(1))
    with pytest.raises(OptionError, match="'zip'.*mcap, sqlite3"):
        BagWriter(tmp_path / "other", "zip")
    assert os.listdir(tmp_path) == ["bag"]


@pytest.mark.parametrize("mode", [CompressionMode.MESSAGE, CompressionMode.FILE, CompressionMode.STORAGE])
def test_compressed_bags_of_others_are_read(tmp_path: Path, mode: CompressionMode) -> None:
    frames = pictures(5)
    make_bag(tmp_path / "plain", frames)
    writer = Writer(tmp_path / "packed", version=9, storage_plugin=StoragePlugin.MCAP)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer, AnyReader([tmp_path / "plain"]) as reader:
        connection = writer.add_connection("/ir/image", IMAGE, typestore=typestore())
        for source, stamp, data in reader.messages():
            if source.topic == "/ir/image":
                writer.write(connection, stamp, data)
    assert same(list(open_source(tmp_path / "packed")), frames)
    (tmp_path / "packed/metadata.yaml").unlink()  # as where the recorder was killed: the next file is not compressed
    shutil.copy(tmp_path / "plain/plain.mcap", tmp_path / "packed/packed_1.mcap")
    assert same(list(open_source(tmp_path / "packed", "/ir/image", report=lambda line: None)), frames * 2)


def unchunked(data: bytes, *, extra: bytes = b"") -> bytes:
    """The same mcap as `ros2 bag record --storage-preset-profile fastwrite` leaves it: no chunks, and no summary."""
    out, at = data[:8], 8
    while data[at] != 0x0F:  # the end of the data
        op, length = struct.unpack_from("<BQ", data, at)
        body = data[at + 9 : at + 9 + length]
        if op in (0x01, 0x06):  # the header, and the records in a chunk
            assert op == 0x01 or body[28:32] == bytes(4), "not compressed"
            out += data[at : at + 9 + length] if op == 0x01 else body[40:]
        at += 9 + length
    return out + extra + struct.pack("<BQI", 0x0F, 4, 0) + struct.pack("<BQQQI", 0x02, 20, 0, 0, 0) + data[:8]


def test_a_bag_without_chunks_is_read(tmp_path: Path) -> None:
    frames = pictures()
    make_bag(tmp_path / "bag", frames)
    channel = struct.pack("<HHI4sI4sI", 99, 0, 4, b"/log", 4, b"json", 0)
    message = struct.pack("<HIQQ", 99, 0, T0, T0) + b"{}"
    others = b"".join(struct.pack("<BQ", op, len(body)) + body for op, body in ((0x04, channel), (0x05, message)))
    data = unchunked((tmp_path / "bag/bag.mcap").read_bytes(), extra=others)
    (tmp_path / "fast.mcap").write_bytes(data)
    told: list[str] = []
    source = open_source(tmp_path / "fast.mcap", "/ir/image", report=told.append)
    assert same(list(source), frames) and told == []
    assert (source.frame_count, source.frame_rate) == (12, pytest.approx(10.0))
    with pytest.raises(SourceError, match="it has /ir/image, /ir/image/compressed$"):
        open_source(tmp_path / "fast.mcap", "/log")
    (tmp_path / "fast.mcap").write_bytes(data[: len(data) // 2])
    source = open_source(tmp_path / "fast.mcap", "/ir/image", report=told.append)
    got = list(source)
    assert 3 < len(got) < 9 and same(got, frames[: len(got)]) and source.frame_count == len(got)
    assert "without an end record" in told[0]


def test_a_file_that_was_just_being_compressed_is_read_once(tmp_path: Path) -> None:
    make_bag(tmp_path / "bag", pictures(3))
    (tmp_path / "bag/metadata.yaml").unlink()
    (tmp_path / "bag/bag.mcap.zstd").write_bytes(b"half of it")
    assert same(list(open_source(tmp_path / "bag", report=lambda line: None)), pictures(3))


def test_stamps_are_those_that_a_message_can_hold(tmp_path: Path) -> None:
    """A header that says a time before 1970, or none, counts as none; frames can be written with their stamps."""
    types, latest = typestore().types, 2**31 * 10**9 - 1
    with BagWriter(tmp_path / "bag") as bag:
        for time, recorded in ((-1, 5), T0), ((0, 0), 2**63), ((2**31 - 1, 2**32 - 1), T0), ((1, 2), T0):
            header = types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](*time), "camera")
            image = types[IMAGE](header, 16, 16, "mono8", 0, 16, np.arange(256).astype(np.uint8))
            bag.write("/image", IMAGE, recorded, typestore().serialize_cdr(image, IMAGE))
    stamps = [frame.stamp_ns for frame in open_source(tmp_path / "bag")]
    assert stamps == [T0, latest, latest, 10**9 + 2]
    for stamp in (-1, latest + 1):
        with pytest.raises(SourceError, match=f"a stamp is {stamp} ns"), BagWriter(tmp_path / "none") as bag:
            bag.write_image("/image", pictures(1)[0], stamp, "camera")


def test_what_no_message_can_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="png cannot hold float32"), BagWriter(tmp_path / "bag") as bag:
        bag.write_compressed("/image", pictures(1)[0].astype(np.float32), T0, "camera")
    with (
        pytest.raises(SourceError, match="/x has type my_msgs/msg/Own: only message types"),
        BagWriter(tmp_path / "bag") as bag,
    ):
        bag.write("/x", "my_msgs/msg/Own", T0, b"")
    assert os.listdir(tmp_path) == []


def test_a_topic_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    make_bag(tmp_path / "bag", pictures(1))
    with pytest.raises(SourceError, match="no image topic /nope: it has /ir/image, /ir/image/compressed"):
        open_source(tmp_path / "bag", "/nope")
    with BagWriter(tmp_path / "text") as bag:
        bag.write_text("/chatter", "hello", T0)
    with pytest.raises(SourceError, match="no image topic: it has /chatter"):
        open_source(tmp_path / "text")


@pytest.mark.parametrize("focal", [0.0, 300.0])
def test_a_calibration_is_that_of_a_pinhole_or_says_that_there_is_none(tmp_path: Path, focal: float) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        bag.write_camera_info("/camera_info", (24, 32), T0, "camera", focal, (15.5, 11.5))
    with AnyReader([tmp_path / "bag"]) as reader:
        ((connection, _, data),) = reader.messages()
        info = reader.deserialize(data, connection.msgtype)
    assert (info.height, info.width) == (24, 32) and not info.d.any()
    expected = np.array([[focal, 0, 15.5], [0, focal, 11.5], [0, 0, 1]]) if focal else np.zeros((3, 3))
    assert np.array_equal(info.k.reshape(3, 3), expected)
    assert np.array_equal(info.p.reshape(3, 4), np.hstack([expected, np.zeros((3, 1))]))
    assert np.array_equal(info.r.reshape(3, 3), np.eye(3) if focal else np.zeros((3, 3)))
