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

import dataclasses
import inspect
import re
import shutil
import signal
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from starting import start

from infrared_ir_ros.commands import restore_run
from infrared_ir_ros.commands.make_bag import make_bag
from infrared_ir_ros.commands.restore_images import restore_images
from infrared_ir_ros.commands.restoring import Restoring
from infrared_ir_ros.commands.two_passes import learn_patterns
from infrared_ir_ros.errors import InfraredError, SourceError
from infrared_ir_ros.media import VideoWriter, can_write_video, open_source, read_image, write_image
from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import Restorer, load_restorer

ROOT = Path(__file__).parents[2]
needs_ffv1 = pytest.mark.skipif(not can_write_video(), reason="this OpenCV writes no FFV1")


@pytest.fixture(scope="module")
def restorer() -> Restorer:
    return load_restorer(engine="onnxruntime")


@pytest.fixture
def loaded_once(restorer: Restorer, monkeypatch: pytest.MonkeyPatch) -> Restorer:
    """The real restorer, loaded once for all tests of this module."""

    def load(options: Options, **network: str) -> Restorer:
        restorer.options = options
        return restorer

    monkeypatch.setattr(restore_run, "load_restorer", load)
    return restorer


def noisy(dtype: type = np.uint8, seed: int = 0, shape: tuple[int, int] = (48, 64)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    unit = 0.5 + 0.3 * np.sin(np.arange(shape[1]) / 9)[None] * np.ones(shape) + rng.normal(0, 0.05, shape)
    if dtype == np.float32:
        return (290 + 10 * unit).astype(np.float32)
    return (unit.clip(0, 1) * (255 if dtype == np.uint8 else 3000)).astype(dtype)


def make_input(folder: Path) -> None:
    write_image(folder / "a.png", noisy(np.uint8))
    write_image(folder / "deep/er/b.tiff", noisy(np.uint16, 1))
    write_image(folder / "deep/k.tif", noisy(np.float32, 2))
    cv2.imwrite(str(folder / "c.jpg"), noisy(np.uint8, 3))


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_folder_comes_back_with_its_names_folders_and_depths(
    tmp_path: Path, loaded_once: Restorer, capsys: pytest.CaptureFixture[str]
) -> None:
    make_input(tmp_path / "in")
    before = {name: (tmp_path / "in" / name).read_bytes() for name in files(tmp_path / "in")}
    assert restore_images(tmp_path / "in", output=tmp_path / "out", restoring=Restoring(strength=0.9)) == 0
    assert "4 restored, 0 failed of 4 files" in capsys.readouterr().out
    assert files(tmp_path / "out") == ["a.png", "c.png", "deep/er/b.tiff", "deep/k.tif"]
    for name, source in (("a.png", "a.png"), ("c.png", "c.jpg"), ("deep/er/b.tiff", "deep/er/b.tiff")):
        frame, restored = read_image(tmp_path / "in" / source), read_image(tmp_path / "out" / name)
        assert restored.dtype == frame.dtype and not np.array_equal(restored, frame)
        loaded_once.reset()
        assert np.array_equal(restored, loaded_once.restore(frame).image), "the same as the node's restorer makes"
    assert {name: (tmp_path / "in" / name).read_bytes() for name in before} == before


def test_files_of_other_kinds_are_counted(
    tmp_path: Path, loaded_once: Restorer, capsys: pytest.CaptureFixture[str]
) -> None:
    make_bag("scene", output=tmp_path / "in/bag", frames=1, width=64, height=48)  # with a metadata.yaml
    write_image(tmp_path / "in/a.png", noisy())
    for output in ("out", "in/out"):
        assert restore_images(tmp_path / "in", output=tmp_path / output) == 0
        assert "skipped" not in capsys.readouterr().out
    for name in ("b.NPY", "c.gif", "d.gif", "out/e.gif", "LICENSE", ".hidden"):
        (tmp_path / "in" / name).write_bytes(b"other")
    assert restore_images(tmp_path / "in", output=tmp_path / "in/out") == 0
    assert capsys.readouterr().out.endswith("skipped 4 files of other kinds (.gif, .npy, no suffix)\n")
    assert restore_images(tmp_path / "in/a.png", output=tmp_path / "out") == 0
    assert "skipped" not in capsys.readouterr().out


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


@pytest.mark.parametrize(("given", "wanted"), [("in", "b"), ("in/b", "b"), ("in/b/b.mcap", "b")])
def test_a_bag_becomes_pictures_of_its_depth(tmp_path: Path, loaded_once: Restorer, given: str, wanted: str) -> None:
    make_bag("scene", output=tmp_path / "in/b", frames=2, width=64, height=48, degradation="sensor_normal")
    assert restore_images(tmp_path / given, output=tmp_path / "out", restoring=Restoring(strength=0.0)) == 0
    assert files(tmp_path / "out") == [f"{wanted}/000000.png", f"{wanted}/000001.png"]
    for frame, name in zip(open_source(tmp_path / "in/b"), files(tmp_path / "out"), strict=True):
        assert np.array_equal(read_image(tmp_path / "out" / name), frame.image)


def test_bags_that_were_collected_in_a_folder_are_restored_one_by_one(tmp_path: Path, loaded_once: Restorer) -> None:
    make_bag("scene", output=tmp_path / "b", frames=1, width=64, height=48)
    (tmp_path / "in").mkdir()
    for name in ("one", "two"):
        shutil.copy(tmp_path / "b/b.mcap", tmp_path / f"in/{name}.mcap")
    assert restore_images(tmp_path / "in", output=tmp_path / "out", restoring=Restoring(strength=0.0)) == 0
    assert files(tmp_path / "out") == ["one/000000.png", "two/000000.png"]


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


def test_one_bad_file_does_not_stop_the_rest(
    tmp_path: Path, loaded_once: Restorer, capsys: pytest.CaptureFixture[str]
) -> None:
    make_input(tmp_path / "in")
    (tmp_path / "in/b\x1b[31m.png").write_bytes((tmp_path / "in/a.png").read_bytes()[:100])
    write_image(tmp_path / "in/flat.png", np.full((48, 64), 7, np.uint8))
    (tmp_path / "in/v.mp4").write_bytes(b"no video")
    assert restore_images(tmp_path / "in", output=tmp_path / "out") == 1
    said = capsys.readouterr()
    assert "4 restored, 3 failed of 7 files" in said.out
    lines = [line for line in said.err.splitlines() if line.startswith("restore_images:")]
    assert len(lines) == 3 and "\x1b" not in said.err
    assert all(any(name in line for line in lines) for name in ("[31m.png", "flat.png", "v.mp4"))
    assert files(tmp_path / "out") == ["a.png", "c.png", "deep/er/b.tiff", "deep/k.tif"]


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
    assert "a.npz: 2 frames cannot be restored and stay as they are: every pixel of the frame is 7" in said.err
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


def test_two_files_that_would_go_to_one_place_both_come_back(tmp_path: Path, loaded_once: Restorer) -> None:
    write_image(tmp_path / "in/a.png", noisy(np.uint16))
    cv2.imwrite(str(tmp_path / "in/a.jpg"), noisy(np.uint8, 1))
    cv2.imwrite(str(tmp_path / "in/a.jpeg"), noisy(np.uint8, 2))
    assert restore_images(tmp_path / "in", output=tmp_path / "out", restoring=Restoring(strength=0.0)) == 0
    assert files(tmp_path / "out") == ["a.png", "a_jpeg.png", "a_jpg.png"]
    assert np.array_equal(read_image(tmp_path / "out/a.png"), noisy(np.uint16))


def test_inputs_are_never_written_over_and_outputs_are_no_input(
    tmp_path: Path, loaded_once: Restorer, capsys: pytest.CaptureFixture[str]
) -> None:
    make_input(tmp_path / "in")
    before = (tmp_path / "in/a.png").read_bytes()
    for source, output in (("in", "in"), ("in/a.png", "in"), ("in/deep", "in/deep")):
        with pytest.raises(SourceError, match="would write over the input"):
            restore_images(tmp_path / source, output=tmp_path / output)
    (tmp_path / "link").symlink_to(tmp_path / "in")
    with pytest.raises(SourceError, match="would write over the input"):
        restore_images(tmp_path / "in", output=tmp_path / "link")
    assert (tmp_path / "in/a.png").read_bytes() == before
    for _ in range(2):
        assert restore_images(tmp_path / "in", output=tmp_path / "in/restored") == 0
        assert "4 restored" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"task": "dance"}, "task is 'dance': this prior knows"),
        ({"restoring": Restoring(strength=3.0)}, "strength is 3.0: use a number from 0.0 to 1.0"),
        ({"restoring": Restoring(tone="loud")}, "tone is 'loud'"),
        ({"restoring": Restoring(counts_mapping="odd")}, "counts.mapping is 'odd'"),
        ({"output": Path("/proc/nowhere")}, "cannot write /proc/nowhere"),
        ({"input": Path("/nope")}, "/nope is missing"),
    ],
)
def test_what_cannot_work_is_told_before_anything_is_restored(
    tmp_path: Path, loaded_once: Restorer, settings: dict, words: str
) -> None:
    write_image(tmp_path / "a.png", noisy())
    arguments = {"input": tmp_path / "a.png", "output": tmp_path / "out"} | settings
    with pytest.raises(InfraredError, match=re.escape(words)):
        restore_images(arguments.pop("input"), **arguments)
    assert not list(tmp_path.glob("out/*"))


def test_an_unknown_engine_or_prior_is_answered_by_the_loader(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", noisy())
    with pytest.raises(InfraredError, match="steam"):
        restore_images(tmp_path / "a.png", output=tmp_path / "out", restoring=Restoring(engine="steam"))
    with pytest.raises(InfraredError, match=re.escape(str(tmp_path))):
        restore_images(tmp_path / "a.png", output=tmp_path / "out", restoring=Restoring(prior_path=str(tmp_path)))


def test_a_full_disk_stops_the_run_in_one_line_and_leaves_no_half_file(
    tmp_path: Path, loaded_once: Restorer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import resource

    for seed in range(3):
        write_image(tmp_path / f"in/{seed}.png", noisy(np.uint16, seed))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        code = restore_images(tmp_path / "in", output=tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    said = capsys.readouterr()
    assert code == 1 and "0 restored, 1 failed of 3 files" in said.out
    assert "0.png: File too large" in said.err and said.err.count("restore_images:") == 1
    assert files(tmp_path / "out") == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_with_130_a_summary_and_no_half_file(tmp_path: Path, number: int) -> None:
    for seed in range(40):
        write_image(tmp_path / f"in/{seed}.png", noisy(np.uint16, seed, (240, 320)))
    process = start(
        "restore_images", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--engine", "onnxruntime"
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out/[0-9]*.png")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "restore_images: interrupted (" in err and "of 40 files" in err and "Traceback" not in err
    done = files(tmp_path / "out")
    assert 0 < len(done) < 40 and all(name.endswith(".png") and not name.startswith(".") for name in done)
    assert all(read_image(tmp_path / "out" / name).shape == (240, 320) for name in done)


def test_the_help_explains_every_option_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    process = start("restore_images", "--help")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    options = {*inspect.signature(restore_images).parameters} - {"input", "restoring"}
    for name in options | {field.name for field in dataclasses.fields(Restoring)}:
        assert f"--{name.replace('_', '-')}" in out
    process = start("restore_images", str(tmp_path), "--output", str(tmp_path / "out"), "--strenght", "1")
    out, err = process.communicate(timeout=60)
    assert process.returncode != 0 and "--strength" in out + err and "Traceback" not in out + err


def test_the_defaults_are_those_of_the_node() -> None:
    parameters = inspect.signature(restore_images).parameters
    assert Restoring().options(parameters["task"].default, parameters["smoothing"].default) == Options(
        pattern_memory="auto"  # of a stream; a single frame has no past
    )
    loader = {name: parameter.default for name, parameter in inspect.signature(load_restorer).parameters.items()}
    assert Restoring().network() == {name: value for name, value in loader.items() if name != "options"}


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
