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

"""A pack is whole or not there, and what is no pack is told in one line."""

from __future__ import annotations

import os
import resource
import signal
import struct
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_recordings import write_recordings

pytest.importorskip("torch")

from infrared_ir_ros.commands.pack_frames import pack_frames  # noqa: E402
from infrared_ir_ros.errors import OptionError, SourceError  # noqa: E402
from infrared_ir_ros.media.paths import MAX_FILE_BYTES  # noqa: E402
from infrared_ir_ros.training.config import read_config  # noqa: E402
from infrared_ir_ros.training.pack import read_labels, read_pack  # noqa: E402

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/training.md"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_recordings(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def pack(data: Path, tmp_path: Path) -> Path:
    pack_frames(data, output=tmp_path / "packs/clean.npz", layouts=1)
    return tmp_path / "packs/clean.npz"


def test_an_interrupted_pack_leaves_the_one_before_it(data: Path, pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, members, write = pack.read_bytes(), [], zipfile.ZipFile.open

    def interrupted(archive: zipfile.ZipFile, *arguments: object, **options: object) -> object:
        members.append(arguments)
        if len(members) == 3:
            raise KeyboardInterrupt
        return write(archive, *arguments, **options)

    monkeypatch.setattr(zipfile.ZipFile, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pack_frames(data, output=pack, layouts=2)
    assert pack.read_bytes() == before and os.listdir(pack.parent) == [pack.name]


def test_a_full_disk_is_one_line_and_leaves_the_pack_before_it(data: Path, pack: Path) -> None:
    before = pack.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9000, hard))
    try:
        with pytest.raises(SourceError, match=r"cannot write .*clean\.npz: File too large; free some space"):
            pack_frames(data, output=pack, layouts=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert pack.read_bytes() == before and os.listdir(pack.parent) == [pack.name]


def test_what_was_packed_is_told_and_the_file_has_the_very_name(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photograph = np.random.default_rng(0).integers(0, 255, (520, 520)).astype(np.uint8)
    (tmp_path / "photos/deep").mkdir(parents=True)
    (tmp_path / "photos/deep/\udcff.png").write_bytes(cv2.imencode(".png", photograph)[1])
    small = cv2.imencode(".png", 255 - photograph[:130, :200])[1]
    (tmp_path / "photos/small.png").write_bytes(small)
    (tmp_path / "photos/tiny.png").write_bytes(cv2.imencode(".png", photograph[:100, :100])[1])
    (tmp_path / "photos/empty.jpg").write_bytes(b"")
    (tmp_path / "photos/folder.jpg").mkdir()
    pack_frames(data, output=tmp_path / "clean", layouts=2, photographs=tmp_path / "photos")
    told = capsys.readouterr().out
    assert told.count("\n") == 1 and told.startswith(f"packed {tmp_path / 'clean'}, frames: hit_uav 2, buffalo 2, ")
    assert told.endswith("photographs 1, small_photographs 1, layouts 2\n")
    sets = read_pack(tmp_path / "clean")
    assert np.array_equal(sets["photographs"][0], photograph)
    assert [frame.shape for frame in sets["small_photographs"]] == [(130, 200)]
    (documented,) = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("pack_frames ")]
    assert "--photographs" in documented
    for name in ("train_prior", "continue_prior", "train_large"):
        for stage in read_config(ROOT / f"config/{name}.yaml").stages:
            stage.mix.check(sets, stage.name)  # the shipped configurations find all that they draw from


def giant() -> bytes:
    """A small png that claims 60000 x 60000 pixels, for which OpenCV raises."""
    content = bytearray(cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes())
    content[16:24] = struct.pack(">II", 60000, 60000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


def test_photographs_that_cannot_be_read_are_left_out_one_by_one(data: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    photograph = cv2.imencode(".png", np.random.default_rng(0).integers(0, 255, (520, 520)).astype(np.uint8))[1]
    (tmp_path / "photos/a giant claim.png").write_bytes(giant())
    with (tmp_path / "photos/a large file.png").open("wb") as file:
        file.write(photograph)
        file.truncate(MAX_FILE_BYTES + 1)
    (tmp_path / "photos/no picture.png").write_bytes(b"no picture")
    (tmp_path / "photos/photograph.png").write_bytes(photograph)
    pack_frames(data, output=tmp_path / "clean.npz", layouts=1, photographs=tmp_path / "photos")
    assert len(read_pack(tmp_path / "clean.npz")["photographs"]) == 1


def test_the_largest_of_a_photograph_in_several_sizes_is_packed(data: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    blocks = np.random.default_rng(0).integers(0, 255, (8, 8)).astype(np.uint8)
    photograph = cv2.resize(blocks, (600, 600), interpolation=cv2.INTER_NEAREST)
    for name, size in (("a preview", 200), ("b", 400), ("c", 600)):
        resized = cv2.resize(photograph, (size, size), interpolation=cv2.INTER_AREA)
        (tmp_path / f"photos/{name}.png").write_bytes(cv2.imencode(".png", resized)[1])
    pack_frames(data, output=tmp_path / "clean.npz", layouts=1, photographs=tmp_path / "photos")
    sets = read_pack(tmp_path / "clean.npz")
    assert [frame.shape for frame in sets["photographs"]] == [(600, 600)] and "small_photographs" not in sets


def test_a_frame_that_claims_to_be_a_giant_is_named(data: Path, tmp_path: Path) -> None:
    frame = next((data / "detection/hit-uav/train/images").iterdir())
    frame.write_bytes(giant())
    with pytest.raises(SourceError, match=f"{frame.name} is not a readable picture"):
        pack_frames(data, output=tmp_path / "clean.npz", layouts=1)


def test_arguments_that_pack_nothing_are_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for options, words in (
        ({"layouts": -3}, "layouts is -3"),
        ({"seed": -1}, "seed is -1"),
        ({"photographs": tmp_path / "nowhere"}, "nowhere, which is not a folder"),
        ({"photographs": tmp_path / "empty"}, "no photographs under .*empty"),
    ):
        with pytest.raises((OptionError, SourceError), match=words):
            pack_frames(data, output=tmp_path / "clean.npz", **{"layouts": 1, **options})
    assert not (tmp_path / "clean.npz").exists()


def test_a_damaged_still_is_named(data: Path, tmp_path: Path) -> None:
    (data / "raw16/flir-rjpeg/02.png").write_bytes(b"no picture")
    with pytest.raises(SourceError, match="02.png"):
        pack_frames(data, output=tmp_path / "clean.npz", layouts=1)


def test_what_is_no_pack_or_damaged_is_one_line(pack: Path, tmp_path: Path) -> None:
    whole = pack.read_bytes()
    middle = len(whole) // 2
    (tmp_path / "notes.txt").write_text("no pack")
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "cut.npz").write_bytes(whole[:middle])
    (tmp_path / "flipped.npz").write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.savez(tmp_path / "other.npz", first=np.zeros((4, 5), np.uint16))
    np.savez(tmp_path / "flat.npz", **{"layouts/00000": np.zeros((0, 5), np.uint8)})
    for name in ("notes.txt", "empty.npz", "cut.npz", "flipped.npz", "array.npy", "other.npz", "flat.npz"):
        with pytest.raises(SourceError, match=f"{name} is not a training pack") as told:
            read_pack(tmp_path / name)
        assert "\n" not in str(told.value) and "pack_frames" in str(told.value)
    np.savez(tmp_path / "nothing.npz")
    with pytest.raises(SourceError, match="nothing.npz holds no frames: make it with `pack_frames`"):
        read_pack(tmp_path / "nothing.npz")
    with pytest.raises(SourceError, match="cut.npz is not a training pack, or damaged"):
        read_labels(tmp_path / "cut.npz")


def test_a_member_that_lies_about_its_length_is_damage(pack: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(pack) as whole, zipfile.ZipFile(tmp_path / "short.npz", "w") as short:
        short.writestr("hit_uav/00000.npy", whole.read("hit_uav/00000.npy")[:100])
    with pytest.raises(SourceError, match="short.npz is not a training pack, or damaged"):
        read_pack(tmp_path / "short.npz")
