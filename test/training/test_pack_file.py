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
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tiny_recordings import write_recordings

pytest.importorskip("torch")

from infrared_ir_ros.commands.pack_frames import pack_frames  # noqa: E402
from infrared_ir_ros.errors import SourceError  # noqa: E402
from infrared_ir_ros.training.pack import read_labels, read_pack  # noqa: E402


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


def test_what_is_no_pack_or_damaged_is_one_line(pack: Path, tmp_path: Path) -> None:
    whole = pack.read_bytes()
    middle = len(whole) // 2
    (tmp_path / "notes.txt").write_text("no pack")
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "cut.npz").write_bytes(whole[:middle])
    (tmp_path / "flipped.npz").write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.savez(tmp_path / "other.npz", first=np.zeros((4, 5), np.uint16))
    for name in ("notes.txt", "empty.npz", "cut.npz", "flipped.npz", "array.npy", "other.npz"):
        with pytest.raises(SourceError, match=f"{name} is no training pack") as told:
            read_pack(tmp_path / name)
        assert "\n" not in str(told.value) and "pack_frames" in str(told.value)
    with pytest.raises(SourceError, match="cut.npz is no training pack, or damaged"):
        read_labels(tmp_path / "cut.npz")


def test_a_member_that_lies_about_its_length_is_damage(pack: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(pack) as whole, zipfile.ZipFile(tmp_path / "short.npz", "w") as short:
        short.writestr("hit_uav/00000.npy", whole.read("hit_uav/00000.npy")[:100])
    with pytest.raises(SourceError, match="short.npz is no training pack, or damaged"):
        read_pack(tmp_path / "short.npz")
