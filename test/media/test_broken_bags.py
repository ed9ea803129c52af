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

"""Bags that are cut, damaged or hostile: what is whole in them is read, and the rest is told in a line."""

import os
import resource
import signal
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from bags import T0, make_bag, pictures, same
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media import open_source
from infrared_ir_ros.media.bag import typestore
from infrared_ir_ros.media.bag_writer import BagWriter
from infrared_ir_ros.media.image_message import IMAGE
from infrared_ir_ros.media.inflate import MAX_CHUNK_BYTES, zstd


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A bag of 60 frames as the bytes of its file, by storage."""
    folder = tmp_path_factory.mktemp("whole")
    files = {}
    for storage, suffix in (("mcap", "mcap"), ("sqlite3", "db3")):
        make_bag(folder / storage, pictures(60), storage)
        files[storage] = (folder / storage / f"{storage}.{suffix}").read_bytes()
    return files


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_bag_cut_anywhere_gives_whole_frames_from_the_start_and_states_the_loss(
    tmp_path: Path, storage: str, whole: dict[str, bytes]
) -> None:
    data, frames = whole[storage], pictures(60)
    path = tmp_path / ("cut.mcap" if storage == "mcap" else "cut.db3")
    counts = []
    for length in np.linspace(0, len(data) - 1, 40).astype(int):
        path.write_bytes(data[:length])
        told: list[str] = []
        try:
            got = list(open_source(path, "/ir/image", report=told.append))
        except SourceError as error:
            assert "\n" not in str(error)
            got = []
        else:
            assert told or len(got) == 60, f"{length} bytes: {60 - len(got)} frames lost without a word"
        assert same(got, frames[: len(got)])
        counts.append(len(got))
    assert counts == sorted(counts)
    assert counts[20] >= 25  # half of the file holds nearly half of the frames


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1), flip=st.integers(1, 255), storage=st.sampled_from(["mcap", "sqlite3"]))
def test_a_flipped_byte_never_ends_in_anything_but_frames_or_a_line(
    tmp_path: Path, whole: dict[str, bytes], at: float, flip: int, storage: str
) -> None:
    data = bytearray(whole[storage])
    data[int(at * (len(data) - 1))] ^= flip
    path = tmp_path / ("flip.mcap" if storage == "mcap" else "flip.db3")
    path.write_bytes(data)
    try:
        frames = list(open_source(path, report=lambda line: None))
    except SourceError as error:
        assert "\n" not in str(error)
    else:
        assert len(frames) <= 60


def test_a_chunk_with_a_wrong_checksum_is_left_out_and_told(tmp_path: Path, whole: dict[str, bytes]) -> None:
    data = bytearray(whole["mcap"])
    at = data.index(struct.pack("<B", 0x06), 8)  # the first chunk: op, length, times, size, checksum
    data[at + 9 + 24] ^= 0xFF
    path = tmp_path / "crc.mcap"
    path.write_bytes(data)
    told: list[str] = []
    try:
        frames = list(open_source(path, report=told.append))
    except SourceError:
        return  # all frames were in that chunk
    assert len(frames) < 60 and any("checksum" in line for line in told)


def test_messages_that_a_changed_byte_hides_are_missed(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """A chunk that is called something else is passed over; only the summary knows that there was one."""
    data, at = bytearray(whole["mcap"]), 8
    while data[at] != 0x06:
        at += 9 + struct.unpack_from("<Q", data, at + 1)[0]
    data[at] = 0x7F
    path = tmp_path / "hidden.mcap"
    path.write_bytes(data)
    told: list[str] = []
    frames = list(open_source(path, "/ir/image", report=told.append))
    assert len(frames) < 60 and f"{60 - len(frames)} messages fewer than its summary says" in told[0]


def chunk_bomb(claimed: int) -> bytes:
    """An mcap whose one chunk, 100 kB of zstd, unpacks to 400 MB and claims `claimed` bytes."""
    compressor = zstd.ZstdCompressor()
    packed = b"".join(compressor.compress(bytes(1 << 20)) for _ in range(400)) + compressor.flush()
    body = struct.pack("<QQQII", 0, 0, claimed, 0, 4) + b"zstd" + struct.pack("<Q", len(packed)) + packed
    return b"\x89MCAP0\r\n" + struct.pack("<BQ", 0x06, len(body)) + body


@pytest.mark.parametrize("claimed", [1000, MAX_CHUNK_BYTES + 1, 2**63])
def test_a_chunk_bomb_takes_no_more_than_it_claims_and_no_claim_is_endless(tmp_path: Path, claimed: int) -> None:

    (tmp_path / "bomb.mcap").write_bytes(chunk_bomb(claimed))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SourceError, match="no image topic"):
        open_source(tmp_path / "bomb.mcap", report=lambda line: None)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


# ---- hostility ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../secret.mcap", "/etc/secret.mcap", "a/b/../../../secret.mcap", "link.mcap", '"\\0.mcap"', '"\\uD800.mcap"'],
)
def test_a_bag_that_names_files_outside_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    make_bag(tmp_path / "secret", pictures(1))
    os.rename(tmp_path / "secret/secret.mcap", tmp_path / "secret.mcap")
    make_bag(tmp_path / "bag", pictures(1))
    (tmp_path / "bag/link.mcap").symlink_to(tmp_path / "secret.mcap")
    described = (tmp_path / "bag/metadata.yaml").read_text()
    (tmp_path / "bag/metadata.yaml").write_text(described.replace("bag.mcap", name))
    with pytest.raises(SourceError, match="outside of the bag: refused"):
        open_source(tmp_path / "bag")


@pytest.mark.parametrize(
    "text", ["", "a: [", "rosbag2_bagfile_information: 3", "[" * 10000, "\x00", "!!python/object:x"]
)
def test_a_bag_without_usable_metadata_is_read_by_its_files(tmp_path: Path, text: str) -> None:
    make_bag(tmp_path / "bag", pictures(3))
    (tmp_path / "bag/metadata.yaml").write_text(text)
    told: list[str] = []
    assert len(list(open_source(tmp_path / "bag", report=told.append))) == 3
    assert len(told) == 1 and "metadata.yaml" in told[0] and "\n" not in told[0]


def test_a_missing_file_of_a_split_bag_is_told(tmp_path: Path) -> None:
    make_bag(tmp_path / "bag", pictures(3))
    described = (tmp_path / "bag/metadata.yaml").read_text()
    (tmp_path / "bag/metadata.yaml").write_text(
        described.replace("- bag.mcap", f"- bag.mcap\n  - bag_1.mcap\n  - {'b' * 300}")
    )
    told: list[str] = []
    assert len(list(open_source(tmp_path / "bag", report=told.append))) == 3
    assert told == [f"bag bag: {name} is missing: its messages are lost" for name in ("bag_1.mcap", "b" * 300)]


@pytest.mark.parametrize("suffix", [".mcap", ".db3", ".mcap.zstd"])
def test_a_file_of_a_split_bag_that_is_none_is_told_once(tmp_path: Path, suffix: str) -> None:
    make_bag(tmp_path / "bag", pictures(3))
    (tmp_path / f"bag/bag_1{suffix}").write_bytes(b"nothing of the kind")
    (tmp_path / "bag/metadata.yaml").unlink()
    told: list[str] = []
    assert same(list(open_source(tmp_path / "bag", "/ir/image", report=told.append)), pictures(3))
    assert len(told) == 2 and "metadata.yaml cannot be used" in told[0] and "bag_1" in told[1]


def test_a_file_of_a_split_bag_whose_topics_are_damaged_costs_its_own_messages(tmp_path: Path) -> None:
    make_bag(tmp_path / "bag", pictures(3), "sqlite3")
    with closing(sqlite3.connect(tmp_path / "bag/bag_1.db3")) as connection, connection:
        for table in ("topics(id)", "messages(id)"):
            connection.execute(f"CREATE TABLE {table}")
    (tmp_path / "bag/metadata.yaml").unlink()
    told: list[str] = []
    assert same(list(open_source(tmp_path / "bag", "/ir/image", report=told.append)), pictures(3))
    assert "bag_1.db3: its topics cannot be read: no such column" in told[1]


def compressed(path: Path, data: bytes) -> Path:
    """A bag whose one file was compressed as a whole; the recorder left no metadata."""
    path.mkdir()
    (path / "bag.mcap.zstd").write_bytes(data)
    return path


def test_a_compressed_file_cut_short_gives_whole_frames_from_the_start(tmp_path: Path, whole: dict[str, bytes]) -> None:
    packed, told = zstd.compress(whole["mcap"]), []
    bag = compressed(tmp_path / "bag", packed[: len(packed) * 2 // 3])
    frames = list(open_source(bag, "/ir/image", report=told.append))
    assert 20 < len(frames) < 60 and same(frames, pictures(60)[: len(frames)])
    assert any("without an end record" in line for line in told)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (zstd.compress(b"\x89MCAP0\r\n" + bytes(1 << 25)), "grows beyond .* bytes: it is not a recording"),
        (b"no zstd at all", "cannot be decompressed"),
    ],
)
def test_a_compressed_file_that_is_none_or_a_bomb_is_one_line(tmp_path: Path, data: bytes, words: str) -> None:
    bag = compressed(tmp_path / "bag", data)
    for path in (bag, bag / "bag.mcap.zstd"):
        with pytest.raises(SourceError, match=rf"bag\.mcap\.zstd {words}"):
            open_source(path, report=lambda line: None)


HOSTILE = "/x\x1b[31m\n../../</script><img onerror=1>=cmd"


def test_hostile_names_are_inert_in_lines_and_frame_names(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        bag.write_image(HOSTILE, pictures(1)[0], T0, HOSTILE)
        bag.write(HOSTILE, IMAGE, T0 + 1, b"\0\1\0\0damaged")
    told: list[str] = []
    (frame,) = open_source(tmp_path / "bag", report=told.append)
    with pytest.raises(SourceError) as caught:
        open_source(tmp_path / "bag", "/nope")
    assert len(told) == 1 and "damaged" in told[0]
    for text in (*told, str(caught.value), frame.name):
        assert text.isprintable() and "\n" not in text
    assert not set(frame.name) & set("/\\<>=\x1b")


def image_message(**lies: object) -> bytes:
    types = typestore().types
    header = types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](1, 2), "camera")
    fields = dict(
        header=header, height=4, width=6, encoding="mono8", is_bigendian=0, step=6, data=np.arange(24, dtype=np.uint8)
    )
    return bytes(typestore().serialize_cdr(types[IMAGE](**(fields | lies)), IMAGE))


LIES = [
    {"height": 0},
    {"width": 2**32 - 1},
    {"width": 12},
    {"width": 5000, "height": 1, "step": 5000, "data": np.zeros(5000, np.uint8)},
    {"step": 3},
    {"step": 2**31},
    {"height": 2**32 - 1, "step": 0},
    {"data": np.zeros(5, np.uint8)},
    {"encoding": "mono16"},
    {"encoding": "yuv422"},
    {"encoding": "\x1b[2J"},
]


@pytest.mark.parametrize("lies", LIES)
def test_an_image_that_lies_about_itself_is_left_out_and_told(tmp_path: Path, lies: dict) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        bag.write("/image", IMAGE, T0, image_message(**lies))
        bag.write("/image", IMAGE, T0 + 1, image_message())
    told: list[str] = []
    (frame,) = open_source(tmp_path / "bag", report=told.append)
    assert np.array_equal(frame.image, np.arange(24, dtype=np.uint8).reshape(4, 6))
    assert len(told) == 1 and told[0].isprintable()


def test_of_many_damaged_messages_some_are_told_and_all_are_counted(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        for number in range(7):
            bag.write("/image", IMAGE, T0 + number, image_message(**{"height": 0} if number % 6 else {}))
    told: list[str] = []
    frames = list(open_source(tmp_path / "bag", report=told.append))
    assert [frame.number for frame in frames] == [0, 6] and len(told) == 4
    assert told[3] == "bag bag: 5 messages of /image cannot be read"


def test_padded_rows_and_big_endian_images_are_read(tmp_path: Path) -> None:
    counts = np.arange(24, dtype=np.uint16).reshape(4, 6) * 1000
    padded = np.zeros((4, 16), np.uint8)
    padded[:, :12] = counts.astype(">u2").view(np.uint8)
    with BagWriter(tmp_path / "bag") as bag:
        lies = {"encoding": "mono16", "is_bigendian": 1, "step": 16, "data": padded.reshape(-1)}
        bag.write("/image", IMAGE, T0, image_message(**lies))
    (frame,) = open_source(tmp_path / "bag")
    assert np.array_equal(frame.image, counts) and frame.image.dtype == np.uint16


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8"])
def test_colour_images_become_luma_in_any_order(tmp_path: Path, encoding: str) -> None:
    colour = [{"r": 20, "g": 100, "b": 200, "a": 255}[letter] for letter in encoding[:-1]]
    pixels = np.tile(np.array(colour, np.uint8), 24)
    with BagWriter(tmp_path / "bag") as bag:
        bag.write("/image", IMAGE, T0, image_message(encoding=encoding, step=6 * len(colour), data=pixels))
    (frame,) = open_source(tmp_path / "bag")
    assert frame.image.shape == (4, 6) and np.all(np.abs(frame.image.astype(int) - 87) <= 1)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, storage: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(SourceError, match=r"cannot write .*bag: .*; free some space") as caught:
            make_bag(tmp_path / "bag", pictures(600), storage)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == []
