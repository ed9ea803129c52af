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

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pywt")

from infrared_ir_ros.errors import SourceError  # noqa: E402
from infrared_ir_ros.evaluation import testsets  # noqa: E402
from infrared_ir_ros.media import write_image  # noqa: E402
from infrared_ir_ros.simulation import layout  # noqa: E402


def picture(seed: int, low: float = 0, high: float = 255, shape: tuple[int, int] = (48, 64)) -> np.ndarray:
    return (low + (high - low) * layout(np.random.default_rng(seed), *shape)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(10):
        write_image(tmp_path / "clean_test" / "roadscene" / f"FLIR_{number:05d}.png", picture(number))
    frames = np.array([100 * picture(seed).astype(np.int32) for seed in range(4)])
    (tmp_path / "raw16" / "cptv-lepton3").mkdir(parents=True)
    for name in ("cat", "rat"):
        path = tmp_path / "raw16" / "cptv-lepton3" / f"{name}.npz"
        np.savez(path, first=frames[0].astype(np.uint16), delta=np.diff(frames, axis=0))
    return tmp_path


def test_stills_are_spread_stretched_and_keep_their_size(folder: Path) -> None:
    frames = testsets.load_set("roadscene", 3, folder)
    assert [frame.name for frame in frames] == ["FLIR_00002.png", "FLIR_00005.png", "FLIR_00009.png"]
    for frame in frames:
        assert frame.image.shape == (48, 64) and frame.image.dtype == np.float32
        assert np.allclose(np.percentile(frame.image, (0.3, 99.7)), (14, 229), atol=2)


def test_sequences_are_spread_over_files_and_time(folder: Path) -> None:
    frames = testsets.load_set("cptv-lepton3", 2, folder)
    assert [frame.name for frame in frames] == ["cat.npz#000003", "rat.npz#000003"]
    shutil.copy(folder / "raw16/cptv-lepton3/cat.npz", folder / "raw16/cptv-lepton3/yak.npz")
    frames = testsets.load_set("cptv-lepton3", 4, folder)  # of eight equal parts of three files
    assert [frame.name for frame in frames] == ["cat.npz#000002", "rat.npz#000001", "yak.npz#000000", "yak.npz#000003"]


def test_the_same_call_gives_the_same_frames(folder: Path) -> None:
    first, second = (testsets.load_set("roadscene", 4, folder) for _ in range(2))
    assert [frame.name for frame in first] == [frame.name for frame in second]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, second, strict=True))


def test_more_frames_than_there_are_gives_all(folder: Path) -> None:
    assert len(testsets.load_set("roadscene", 50, folder)) == 10


def test_frames_that_show_only_levels_or_noise_cannot_stand_for_the_truth() -> None:
    assert testsets.is_clean(picture(0))
    assert not testsets.is_clean(picture(0, 100, 110))
    noise = np.random.default_rng(0).normal(100, 20, (48, 64)).astype(np.uint8)
    assert not testsets.is_clean(noise)


@pytest.mark.parametrize(("name", "message"), [("hit-uav", "test set hit-uav is not in"), ("kitti", "use one of")])
def test_what_is_not_there_is_named(folder: Path, name: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        testsets.load_set(name, 2, folder)


def test_a_missing_data_folder_says_how_to_give_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INFRARED_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(SourceError, match="set INFRARED_DATA"):
        testsets.data_folder()


@pytest.mark.parametrize("name", testsets.SETS)
def test_real_sets_load(name: str) -> None:
    try:
        folder = testsets.data_folder()
    except SourceError as error:
        pytest.skip(str(error))
    frames = testsets.load_set(name, 1, folder)
    assert len(frames) == 1 and min(frames[0].image.shape) >= 120
