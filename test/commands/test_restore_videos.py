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

"""restore_images on videos, sequences and bags."""

import shutil
import weakref
from pathlib import Path

import cv2
import numpy as np
import pytest
from restored_files import files, noisy

from infrared_ir_ros.commands.make_bag import make_bag
from infrared_ir_ros.commands.restore_images import restore_images
from infrared_ir_ros.commands.restoring import Restoring
from infrared_ir_ros.commands.two_passes import learn_patterns
from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media import Frame, Source, VideoWriter, can_write_video, open_source, read_image, write_image
from infrared_ir_ros.media.bag_writer import BagWriter
from infrared_ir_ros.media.inflate import zstd
from infrared_ir_ros.records import Restored
from infrared_ir_ros.restoration import Restorer

needs_ffv1 = pytest.mark.skipif(not can_write_video(), reason="this OpenCV writes no FFV1")


@needs_ffv1
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_video_becomes_a_lossless_video_of_the_same_depth_and_rate(
    tmp_path: Path, loaded_once: Restorer, dtype: type
) -> None:
    frames = [noisy(dtype, seed) for seed in range(4)]
    with VideoWriter(tmp_path / "in/x.avi", 12.0) as writer:
        for frame in frames:
            writer.write(frame)
    assert restore_images(tmp_path / "in", output=tmp_path / "same", restoring=Restoring(strength=0.0)) == 0
    source = open_source(tmp_path / "same/x.avi")
    assert source.frame_rate == pytest.approx(12.0)
    assert all(np.array_equal(a.image, b) for a, b in zip(source, frames, strict=True))


@needs_ffv1
def test_the_pattern_memory_works_on_videos_and_never_on_pictures(tmp_path: Path, loaded_once: Restorer) -> None:
    rng = np.random.default_rng(0)
    scene = 300 * cv2.GaussianBlur(rng.standard_normal((48, 400)), (0, 0), 4)
    raw = [8000 + scene[:, at : at + 64] + 200 * np.sin(np.arange(64))[None] for at in range(0, 240, 4)]
    for name in ("a.npz", "b.npz"):
        np.savez(tmp_path / name, first=raw[0].astype(np.uint16), delta=np.diff(np.int16(raw), axis=0))
    write_image(tmp_path / "c.png", raw[-1].astype(np.uint16))
    assert restore_images(tmp_path, output=tmp_path / "on", restoring=Restoring(pattern_memory="on")) == 0
    ends = [list(open_source(tmp_path / f"on/{name}.mkv"))[-1].image for name in "ab"]
    assert np.array_equal(*ends), "each video starts anew"
    alone = read_image(tmp_path / "on/c.png")
    loaded_once.reset()
    assert np.array_equal(alone, loaded_once.restore(raw[-1].astype(np.uint16)).image), "a single picture has no past"
    assert not np.array_equal(alone, ends[0])


def test_an_npz_sequence_becomes_pictures_where_no_video_can_be_written(
    tmp_path: Path, loaded_once: Restorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrared_ir_ros.commands.restore_plan.can_write_video", lambda: False)
    frames = np.stack([noisy(np.uint16, seed) for seed in range(3)])
    np.savez(tmp_path / "x.npz", first=frames[0], delta=np.diff(frames.astype(np.int32), axis=0).astype(np.int16))
    assert restore_images(tmp_path / "x.npz", output=tmp_path / "out", restoring=Restoring(strength=0.0)) == 0
    assert files(tmp_path / "out") == ["x/000000.png", "x/000001.png", "x/000002.png"]
    assert np.array_equal(read_image(tmp_path / "out/x/000002.png"), frames[2])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("given", "wanted"), [("in", "b"), ("in/b", "b"), ("in/b/b.mcap", "b")])
def test_a_bag_becomes_pictures_of_its_depth(
    tmp_path: Path, loaded_once: Restorer, given: str, wanted: str, packed: bool
) -> None:
    """packed: its file is compressed as a whole."""
    make_bag("scene", output=tmp_path / "in/b", frames=2, width=64, height=48, degradation="sensor_normal")
    if packed:
        file, described = tmp_path / "in/b/b.mcap", tmp_path / "in/b/metadata.yaml"
        file.with_name("b.mcap.zstd").write_bytes(zstd.compress(file.read_bytes()))
        file.unlink()
        described.write_text(described.read_text().replace("b.mcap", "b.mcap.zstd"))
        given = given.replace(".mcap", ".mcap.zstd")
    assert restore_images(tmp_path / given, output=tmp_path / "out", restoring=Restoring(strength=0.0)) == 0
    assert files(tmp_path / "out") == [f"{wanted}/000000.png", f"{wanted}/000001.png"]
    for frame, name in zip(open_source(tmp_path / "in/b"), files(tmp_path / "out"), strict=True):
        assert np.array_equal(read_image(tmp_path / "out" / name), frame.image)


def test_another_image_topic_of_a_bag_is_restored_where_it_is_named(
    tmp_path: Path, loaded_once: Restorer, capsys: pytest.CaptureFixture[str]
) -> None:
    with BagWriter(tmp_path / "bag", "mcap") as bag:
        bag.write_image("/colour", noisy(), 10**18, "cam")
        bag.write_image("/thermal", noisy(np.uint16), 10**18, "cam")
    assert restore_images(tmp_path / "bag", output=tmp_path / "first") == 0
    assert "bag: restores /colour of the image topics /colour, /thermal" in capsys.readouterr().err
    assert restore_images(tmp_path / "bag", output=tmp_path / "named", topic="/thermal") == 0
    assert capsys.readouterr().err == ""
    depths = [read_image(tmp_path / name / "bag/000000.png").dtype for name in ("first", "named")]
    assert depths == [np.uint8, np.uint16]
    assert restore_images(tmp_path / "bag", output=tmp_path / "none", topic="/x") == 1
    assert "has no image topic /x: it has /colour, /thermal" in capsys.readouterr().err


def test_bags_that_were_collected_in_a_folder_are_restored_one_by_one(tmp_path: Path, loaded_once: Restorer) -> None:
    make_bag("scene", output=tmp_path / "b", frames=1, width=64, height=48)
    (tmp_path / "in").mkdir()
    for name in ("one", "two"):
        shutil.copy(tmp_path / "b/b.mcap", tmp_path / f"in/{name}.mcap")
    (tmp_path / "in/two.mcap.zstd").write_bytes(b"half of it")  # its recorder was killed
    assert restore_images(tmp_path / "in", output=tmp_path / "out", restoring=Restoring(strength=0.0)) == 0
    assert files(tmp_path / "out") == ["one/000000.png", "two/000000.png"]


def test_pictures_of_a_bag_do_not_replace_those_of_a_folder_of_its_name(tmp_path: Path, loaded_once: Restorer) -> None:
    write_image(tmp_path / "in/drive/000000.png", noisy(np.uint16))
    make_bag("scene", output=tmp_path / "b", frames=1, width=64, height=48)
    shutil.copy(tmp_path / "b/b.mcap", tmp_path / "in/drive.mcap")
    assert restore_images(tmp_path / "in", output=tmp_path / "out", restoring=Restoring(strength=0.0)) == 0
    assert files(tmp_path / "out") == ["drive/000000.png", "drive_mcap/000000.png"]
    assert np.array_equal(read_image(tmp_path / "out/drive/000000.png"), noisy(np.uint16))


def test_a_bag_of_temperatures_becomes_tiff_and_a_cut_one_what_is_whole(
    tmp_path: Path, loaded_once: Restorer, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image(tmp_path / "in/a.tiff", noisy(np.float32))
    make_bag(str(tmp_path / "in"), output=tmp_path / "kelvin.v2", frames=1)
    assert restore_images(tmp_path / "kelvin.v2", output=tmp_path / "out") == 0
    assert files(tmp_path / "out") == ["kelvin.v2/000000.tiff"]
    make_bag("scene", output=tmp_path / "bag", frames=8, width=64, height=48)
    (bag,) = (tmp_path / "bag").glob("*.mcap")
    bag.write_bytes(bag.read_bytes()[: bag.stat().st_size // 2])
    assert restore_images(bag, output=tmp_path / "cut", restoring=Restoring(strength=0.0)) == 1
    assert "the rest is lost" in capsys.readouterr().err


@pytest.mark.parametrize("format", ["auto", "png"])
@pytest.mark.parametrize("passes", [1, 2])
def test_a_frame_that_cannot_be_restored_stays_as_it_is_and_costs_no_other(
    tmp_path: Path, loaded_once: Restorer, capsys: pytest.CaptureFixture[str], format: str, passes: int
) -> None:
    frames = [noisy(np.uint16, seed) for seed in range(6)]
    frames[0][:] = frames[3][:] = 7
    write_npz(tmp_path / "a.npz", frames)
    assert restore_images(tmp_path / "a.npz", output=tmp_path / "out", format=format, passes=passes) == 1
    said = capsys.readouterr()
    assert "1 restored, 0 failed, 1 incomplete of 1 files" in said.out
    assert "a.npz: 2 frames cannot be restored and are unchanged: every pixel of the frame is 7" in said.err
    (written,) = (tmp_path / "out").iterdir()
    back = [frame.image for frame in open_source(written)]
    same = [np.array_equal(ours, theirs) for ours, theirs in zip(back, frames, strict=True)]
    assert same == [True, False, False, True, False, False] and back[3].dtype == np.uint16


def test_a_video_of_nothing_that_can_be_restored_fails_and_leaves_nothing(
    tmp_path: Path, loaded_once: Restorer, capsys: pytest.CaptureFixture[str]
) -> None:
    write_npz(tmp_path / "a.npz", [np.full((48, 64), 7, np.uint16)] * 3)
    assert restore_images(tmp_path / "a.npz", output=tmp_path / "out", format="png") == 1
    said = capsys.readouterr()
    assert "0 restored, 1 failed of 1 files" in said.out and "no frame can be restored: every pixel" in said.err
    assert files(tmp_path / "out") == []


@pytest.mark.parametrize(("bad", "opened"), [([], 2), ([2], 2), ([0, 1], 3)])  # once to count its frames
def test_a_video_is_opened_again_only_for_frames_that_were_held_back_and_not_for_long(
    tmp_path: Path, loaded_once: Restorer, monkeypatch: pytest.MonkeyPatch, bad: list[int], opened: int
) -> None:
    frames = [noisy(np.uint16, seed) for seed in range(4)]
    for number in bad:
        frames[number][:] = 7
    write_npz(tmp_path / "a.npz", frames)
    sources: list[weakref.ref] = []
    open_at_once: list[int] = []
    restore = loaded_once.restore

    def opening(*arguments: object, **options: object) -> Source:
        source = open_source(*arguments, **options)
        sources.append(weakref.ref(source))
        return source

    def restoring(frame: np.ndarray) -> Restored:
        open_at_once.append(sum(source() is not None for source in sources))
        return restore(frame)

    monkeypatch.setattr("infrared_ir_ros.commands.restore_plan.open_source", opening)
    monkeypatch.setattr(loaded_once, "restore", restoring)
    restore_images(tmp_path / "a.npz", output=tmp_path / "out", format="png")
    assert len(files(tmp_path / "out")) == 4
    assert len(sources) == opened and open_at_once == [1] * 4


def turning(count: int) -> list[np.ndarray]:
    """What a camera sees that turns over a scene; 14 bit."""
    scene = 2000 * cv2.GaussianBlur(np.random.default_rng(0).standard_normal((48, 64 + 4 * count)), (0, 0), 2)
    return [8000 + scene[:, at : at + 64] for at in range(0, 4 * count, 4)]


def write_npz(path: Path, frames: list[np.ndarray]) -> None:
    np.savez(path, first=frames[0], delta=np.diff(np.int16(frames), axis=0))


@needs_ffv1
def test_two_passes_know_the_pattern_from_the_first_frame_and_from_the_first_after_a_shutter_event(
    tmp_path: Path, loaded_once: Restorer
) -> None:
    clean, rng = turning(40), np.random.default_rng(1)
    patterns = [200 * rng.standard_normal((48, 64)) for _ in range(2)]
    before, after = ([(frame + pattern).astype(np.uint16) for frame in clean] for pattern in patterns)
    write_npz(tmp_path / "a.npz", before + [before[-1]] * 9 + after)  # frozen for a second at 9 Hz: the shutter
    left = {}
    for passes in (1, 2):
        alike = Restoring(tone="preserve", pattern_memory="on")
        assert restore_images(tmp_path / "a.npz", output=tmp_path / str(passes), passes=passes, restoring=alike) == 0
        images = [frame.image for frame in open_source(tmp_path / f"{passes}/a.mkv")]
        left[passes] = [float(np.std(images[number] - clean[0])) for number in (0, 49)]
    assert len(images) == 89
    assert all(two < 0.9 * one for one, two in zip(left[1], left[2], strict=True)), left
    found = learn_patterns(open_source(tmp_path / "a.npz"), lambda: None)
    assert list(found) == [0, 49]
    for saved, truth in zip(found.values(), patterns, strict=True):
        assert np.corrcoef(saved.arrays["fine"].ravel(), truth.ravel())[0, 1] > 0.7


def test_a_first_pass_learns_what_the_sensor_saw_of_enlarged_frames() -> None:
    """As the second pass restores them."""
    pattern = 200 * np.random.default_rng(1).standard_normal((48, 64))
    raw = [(frame + pattern).astype(np.uint16) for frame in turning(20)]
    learned = []
    for times in (1, 2):
        frames = [Frame(np.kron(one, np.ones((times, times), one.dtype)), n, "", n) for n, one in enumerate(raw)]
        learned.append(learn_patterns(frames, lambda: None)[0].arrays["fine"])
    np.testing.assert_array_equal(*learned)


@needs_ffv1
def test_format_png_writes_pictures_and_video_never_does(
    tmp_path: Path, loaded_once: Restorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_npz(tmp_path / "a.npz", [noisy(np.uint16, seed) for seed in range(2)])
    assert restore_images(tmp_path / "a.npz", output=tmp_path / "png", format="png") == 0
    assert files(tmp_path / "png") == ["a/000000.png", "a/000001.png"]
    monkeypatch.setattr("infrared_ir_ros.commands.restore_plan.can_write_video", lambda: False)
    with pytest.raises(SourceError, match="cannot write lossless FFV1 video: use --format png"):
        restore_images(tmp_path / "a.npz", output=tmp_path / "video", format="video")
    assert not (tmp_path / "video").exists()


def test_a_sequence_of_kelvin_fails_alone_where_it_would_be_a_video_and_becomes_tiff(
    tmp_path: Path, loaded_once: Restorer, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    np.savez(tmp_path / "in/a.npz", frames=[noisy(np.uint16, seed) / 100 for seed in range(2)])
    np.save(tmp_path / "in/b.npy", noisy(np.uint16).astype(np.float32) / 100)
    if can_write_video():
        assert restore_images(tmp_path / "in", output=tmp_path / "out") == 1
        assert "a.npz: a video cannot hold float32 pixels: use --format png" in capsys.readouterr().err
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.npy"]
    assert restore_images(tmp_path / "in", output=tmp_path / "out", format="png") == 0
    assert read_image(tmp_path / "out/a/000001.tiff").dtype == read_image(tmp_path / "out/b.npy").dtype == np.float32
