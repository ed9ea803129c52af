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

"""What a detector is trained on, and that its training runs, stops and goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

pytest.importorskip("torch")  # the training room is of those who have it

from infrared_ir_ros.errors import OptionError, SourceError  # noqa: E402
from infrared_ir_ros.media import read_image, write_image  # noqa: E402
from infrared_ir_ros.media.labels import read_boxes  # noqa: E402
from infrared_ir_ros.training import detector  # noqa: E402
from infrared_ir_ros.training.detector import LAST, train_detector  # noqa: E402
from infrared_ir_ros.training.detector_config import DetectorConfig, TilesConfig, read_detector_config  # noqa: E402
from infrared_ir_ros.training.detector_data import make_tiles, recording, validation_frames, validation_recordings  # noqa: E402

CONFIG = Path(__file__).parents[2] / "config" / "train_detector.yaml"
SHAPE, SIDE = (96, 128), 64
BRIGHT, RESTORED = 250, 77
TILES = TilesConfig(["square"], {"stored": 2, "hm_tir_hard": 1}, {"stored": 1}, side=SIDE, validation=0.3)


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Twelve frames of four recordings, each with one bright square and its label."""
    folder = tmp_path / "labelled"
    (folder / "labels").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(12):
        frame = rng.integers(0, 60, SHAPE).astype(np.uint8)
        top, left = rng.integers(0, np.array(SHAPE) - 20)
        frame[top : top + 20, left : left + 20] = BRIGHT
        name = f"flight{number % 4}_{number:03d}"
        write_image(folder / "images" / f"{name}.png", frame)
        x, y = (left + 10) / SHAPE[1], (top + 10) / SHAPE[0]
        (folder / "labels" / f"{name}.txt").write_text(f"0 {x} {y} {20 / SHAPE[1]} {20 / SHAPE[0]}\n")
    return folder


def restored(frame: np.ndarray) -> np.ndarray:
    return np.full_like(frame, RESTORED)


def tiles(folder: Path, part: str) -> dict[str, np.ndarray]:
    return {path.stem: read_image(path) for path in sorted((folder / "images" / part).glob("*.png"))}


def test_labels_follow_the_tiles_and_degraded_tiles_are_restored(labelled: Path, tmp_path: Path) -> None:
    make_tiles(TILES, labelled, tmp_path / "tiles", 0, restored)
    found = tiles(tmp_path / "tiles", "train")
    shown = 0
    for name, tile in found.items():
        assert tile.shape == (SIDE, SIDE)
        if "hm_tir_hard" in name:
            assert (tile == RESTORED).all()
            continue
        boxes = read_boxes(tmp_path / "tiles" / "labels" / "train" / f"{name}.txt")
        rows, columns = np.nonzero(tile == BRIGHT)
        assert len(boxes) == (len(rows) > 0.4 * 400)
        for _, x, y, width, height in boxes * (1, SIDE, SIDE, SIDE, SIDE):
            shown += 1
            assert (x - width / 2, x + width / 2) == pytest.approx((columns.min(), columns.max() + 1), abs=0.1)
            assert (y - height / 2, y + height / 2) == pytest.approx((rows.min(), rows.max() + 1), abs=0.1)
    assert shown > len(found) / 3  # most tiles are placed around an object


def test_a_recording_is_for_training_or_held_out(labelled: Path, tmp_path: Path) -> None:
    dataset = make_tiles(TILES, labelled, tmp_path / "tiles", 0, restored)
    of = {part: {name.split("_")[0] for name in tiles(tmp_path / "tiles", part)} for part in ("train", "val")}
    assert of["val"] and of["train"] and not of["val"] & of["train"]
    assert yaml.safe_load(dataset.read_text())["names"] == {0: "square"}
    names = [recording(path) for path in (labelled / "images").glob("*.png")]
    assert 0.3 * 12 <= sum(name in validation_recordings(names, 0.3, 0) for name in names) < 0.3 * 12 + 3


def test_tiles_depend_on_the_seed_alone(labelled: Path, tmp_path: Path) -> None:
    def made(name: str, seed: int) -> dict[str, np.ndarray]:
        make_tiles(TILES, labelled, tmp_path / name, seed, lambda frame: frame)
        return tiles(tmp_path / name, "train")

    first, again, other = made("first", 0), made("again", 0), made("other", 1)
    assert all((first[name] == again[name]).all() for name in first)
    assert any((first[name] != other[name]).any() for name in first.keys() & other.keys())


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("1 0.5 0.5 0.1 0.1", "class below 1"),
        ("0 0.5 nan-", "can't be read"),
        ("0 5 5 1 1", "0..1"),
        ("0 nan 0.5 0.1 0.1", "0..1"),
    ],
)
def test_a_broken_label_is_named(labelled: Path, tmp_path: Path, line: str, told: str) -> None:
    (labelled / "labels" / "flight1_001.txt").write_text(line)
    with pytest.raises(SourceError, match=rf"flight1_001\.txt.*{told}"):
        make_tiles(TILES, labelled, tmp_path / "tiles", 0, restored)


def test_frames_must_be_there_and_larger_than_a_tile(labelled: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no labelled frames"):
        make_tiles(TILES, tmp_path / "nowhere", tmp_path / "tiles", 0, restored)
    with pytest.raises(OptionError, match="side 160.*128x96"):
        make_tiles(replace(TILES, side=160), labelled, tmp_path / "tiles", 0, restored)


def test_frames_without_any_label_and_two_of_one_name_are_refused(labelled: Path, tmp_path: Path) -> None:
    write_image(labelled / "images/more/flight1_001.jpg.png", np.zeros(SHAPE, np.uint8))
    (labelled / "images/more/flight1_001.jpg.png").rename(labelled / "images/more/flight1_001.png")
    with pytest.raises(SourceError, match="1 names belong to two frames each, such as flight1_001"):
        make_tiles(TILES, labelled, tmp_path / "tiles", 0, restored)
    (labelled / "labels").rename(labelled / "annotations")
    with pytest.raises(SourceError, match="no labelled frames: give a folder with images/ and labels/"):
        make_tiles(TILES, labelled, tmp_path / "tiles", 0, restored)


def test_of_a_single_recording_the_last_frames_are_held_out() -> None:
    paths = [Path(f"frame_{number:03d}.png") for number in range(10)]
    assert validation_frames(paths, 0.3, 0) == set(paths[7:])
    assert validation_frames(paths, 0.01, 0) == set(paths[9:])


def test_tiles_of_another_configuration_are_cut_anew(labelled: Path, tmp_path: Path) -> None:
    made = [make_tiles(replace(TILES, side=side), labelled, tmp_path / "tiles", 0, restored) for side in (64, 32, 32)]
    assert {tile.shape for tile in tiles(tmp_path / "tiles", "train").values()} == {(32, 32)}
    before = made[-1].stat().st_mtime_ns
    make_tiles(replace(TILES, side=32), labelled, tmp_path / "tiles", 0, restored)
    assert made[-1].stat().st_mtime_ns == before, "what is complete is not made again"


def test_corrected_labels_and_other_weights_are_cut_anew(labelled: Path, tmp_path: Path) -> None:
    def boxes() -> int:
        return sum(len(read_boxes(path)) for path in (tmp_path / "tiles/labels/train").iterdir())

    (labelled / "images/day").mkdir()
    for path in (labelled / "images").glob("*.png"):
        path.rename(path.parent / "day" / path.name)
    dataset = make_tiles(TILES, labelled, tmp_path / "tiles", 0, restored, "a")
    assert boxes() > 0
    for path in (labelled / "labels").iterdir():
        path.write_text("")
    make_tiles(TILES, labelled, tmp_path / "tiles", 0, restored, "a")
    assert boxes() == 0
    before = dataset.read_text()
    make_tiles(TILES, labelled, tmp_path / "tiles", 0, restored, "b")
    assert dataset.read_text() != before


@pytest.mark.parametrize("seed", range(6))
def test_long_recordings_are_not_held_out_whole(seed: int) -> None:
    for counts in ({"a": 1, "b": 99}, {"a": 50, "b": 50}, {"a": 1, "b": 1}):
        paths = [Path(f"{name}_{index}.png") for name, count in counts.items() for index in range(count)]
        held_out = validation_frames(paths, 0.1, seed)
        assert 0 < len(held_out) <= 0.2 * len(paths) + 1 < len(paths)
    with pytest.raises(SourceError, match="there is one frame, a_0.png: give more"):
        validation_frames([Path("a_0.png")], 0.1, seed)


def test_frames_of_16_bit_are_seen_as_a_detector_sees_them(labelled: Path, tmp_path: Path) -> None:
    for path in (labelled / "images").iterdir():
        write_image(path, 7000 + 40 * read_image(path).astype(np.uint16))
    make_tiles(replace(TILES, variants={"stored": 1}), labelled, tmp_path / "tiles", 0, restored)
    for tile in tiles(tmp_path / "tiles", "train").values():
        assert tile.dtype == np.uint8 and np.count_nonzero(np.diff(np.sort(tile.ravel()).astype(int)) > 100) <= 1
        assert np.abs(np.diff(tile.astype(int), axis=1)).mean() < 40, "counts do not wrap around"


@pytest.mark.parametrize("broken", [ImportError("No module named 'torchvision'"), RuntimeError("no torchvision::nms")])
def test_a_torchvision_that_does_not_fit_is_told_before_tiles_are_cut(
    labelled: Path, tmp_path: Path, broken: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(name: str) -> None:
        assert name == "torchvision.ops"
        raise broken

    monkeypatch.setattr(detector, "ultralytics", lambda *_: SimpleNamespace(YOLO=None))
    monkeypatch.setattr(detector, "importlib", SimpleNamespace(import_module=fails))
    with pytest.raises(OptionError, match="needs a torchvision that fits torch .*torchvision"):
        train_detector(DetectorConfig(TILES, minutes=1), labelled, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_tiles_that_cannot_be_written_are_one_line(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detector, "ultralytics", lambda *_: SimpleNamespace(YOLO=None, get_cfg=lambda overrides: None))
    monkeypatch.setattr(detector, "importlib", SimpleNamespace(import_module=lambda name: None))
    (tmp_path / "run/tiles").mkdir(parents=True)
    (tmp_path / "run/tiles/labels").touch()
    with pytest.raises(SourceError, match="cannot write .*run: .*; free some space or choose a writable output"):
        train_detector(DetectorConfig(TILES, minutes=1), labelled, tmp_path / "run")


def test_a_setting_that_ultralytics_does_not_know_is_refused_before_tiles_are_cut(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ultralytics")
    monkeypatch.setattr(detector, "importlib", SimpleNamespace(import_module=lambda name: None))
    config = DetectorConfig(TILES, minutes=1, training={"bacth": 4})
    with pytest.raises(OptionError, match="training: ultralytics refuses its settings: .*bacth"):
        train_detector(config, labelled, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_settings_that_the_package_sets_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG.read_text().replace("batch: 16", "imgsz: 640\n  seed: 3"))
    with pytest.raises(OptionError, match="training: imgsz, seed: set from tiles.side, minutes, seed"):
        read_detector_config(tmp_path / "config.yaml")


def test_the_shipped_configuration_is_read() -> None:
    config = read_detector_config(CONFIG)
    assert config.tiles.classes == ["person", "car", "bicycle", "other_vehicle"]
    restored_share = sum(count for name, count in config.tiles.variants.items() if name not in ("stored", "clean"))
    assert restored_share * 2 == sum(config.tiles.variants.values())


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  side: 320", "  side: 300", "wrong.yaml: tiles: side is 300: .* multiple of 32"),
        ("hm_tir_hard: 1", "fog: 1", "wrong.yaml: tiles: variants: degradation is 'fog'"),
        ("hm_tir_hard: 1", "hm_tir_hard: one", "tiles: variants.hm_tir_hard is 'one'"),
        ("stored: 1", "stored: -1", "tiles: variants.stored is -1"),
        (
            "{clean: 2, hm_tir_normal: 1, sensor_hard: 1}",
            "{clean: 0}",
            "tiles: validation_variants is {'clean': 0}: at least one weight",
        ),
        ("validation: 0.1", "validation: 1.0", "tiles: validation is 1.0"),
        ("anywhere: 0.2", "anywhere: 2", "tiles: anywhere is 2"),
        ("car, bicycle", "car, car", "tiles: classes: two classes have the same name"),
        ("minutes: 70", "minutes: 0", "wrong.yaml: minutes is 0: .* greater than 0"),
        ("minutes: 70", "minutes: long", "minutes is 'long'"),
        ("minutes: 70", "minutes: .inf", "minutes is inf"),
        ("seed: 0", "seed: 4294967296", "seed is 4294967296"),
        ("seed: 0", "seeds: 0", "unknown key seeds"),
        ("tiles:", "tile:", "no table `tiles`"),
    ],
)
def test_a_wrong_configuration_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = CONFIG.read_text()
    assert old in text
    (tmp_path / "wrong.yaml").write_text(text.replace(old, new))
    with pytest.raises(OptionError, match=told):
        read_detector_config(tmp_path / "wrong.yaml")


def test_no_training_is_overwritten_or_made_up(labelled: Path, tmp_path: Path) -> None:
    config = DetectorConfig(TILES, minutes=1)
    with pytest.raises(OptionError, match="no training to continue"):
        train_detector(config, labelled, tmp_path / "run", resume=True)
    (tmp_path / "run" / LAST).parent.mkdir(parents=True)
    (tmp_path / "run" / LAST).touch()
    with pytest.raises(OptionError, match="--resume"):
        train_detector(config, labelled, tmp_path / "run")


def test_it_trains_stops_where_asked_and_goes_on(labelled: Path, tmp_path: Path) -> None:
    pytest.importorskip("ultralytics")
    config = DetectorConfig(
        replace(TILES, variants={"stored": 1}), minutes=5, training={"batch": 4, "verbose": False, "workers": 0}
    )
    for epochs in (1, 2):
        best, finished = train_detector(config, labelled, tmp_path / "run", resume=epochs > 1, stop=lambda: True)
        assert not finished and best.is_file() and (tmp_path / "run" / LAST).is_file()
        rows = (tmp_path / "run" / "run" / "results.csv").read_text().splitlines()
        assert [int(row.split(",")[0]) for row in rows[1:]] == list(range(1, epochs + 1))
