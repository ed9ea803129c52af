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

import io
import os
import resource
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media import VideoWriter, can_write_video, open_source, video
from infrared_ir_ros.restoration.stillness import StillnessWatch

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("INFRARED_DATA", "../shared/data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs the recordings that INFRARED_DATA names")
needs_ffv1 = pytest.mark.skipif(not can_write_video(), reason="this OpenCV writes no FFV1")


def sequence(dtype: type, count: int = 6, shape: tuple[int, int] = (24, 32)) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, np.iinfo(dtype).max, shape).astype(dtype) for _ in range(count)]


def write_video(path: Path, frames: list[np.ndarray], rate: float = 25.0) -> None:
    with VideoWriter(path, rate) as writer:
        for frame in frames:
            writer.write(frame)


@needs_ffv1
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".mkv", ".avi"])
def test_a_video_that_we_write_comes_back_bit_for_bit(tmp_path: Path, dtype: type, suffix: str) -> None:
    frames = sequence(dtype)
    write_video(tmp_path / f"x{suffix}", frames)
    source = open_source(tmp_path / f"x{suffix}")
    back = list(source)
    assert source.frame_rate == pytest.approx(25.0)
    assert source.frame_count == len(back) == len(frames)
    assert all(np.array_equal(a.image, b) and a.image.dtype == dtype for a, b in zip(back, frames, strict=True))
    assert [frame.stamp_ns for frame in back] == [40_000_000 * k for k in range(len(frames))]
    assert os.listdir(tmp_path) == [f"x{suffix}"]


@needs_ffv1
def test_a_name_that_is_not_utf8_is_a_name_or_one_line_and_no_crash(tmp_path: Path) -> None:
    script = """if True:
        import os, sys, numpy as np
        from pathlib import Path
        from infrared_ir_ros.errors import SourceError
        from infrared_ir_ros.media import VideoWriter, open_source
        path = Path(os.fsdecode(os.fsencode(sys.argv[1]) + b"/x\\xff.mkv"))
        try:
            with VideoWriter(path, 25.0) as writer:
                writer.write(np.full((24, 32), 7, np.uint8))
            print(next(iter(open_source(path))).image.max())
        except SourceError as error:  # older versions of OpenCV
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": ROOT}
    )
    assert done.returncode == 0 and (done.stdout == "7\n" or "not UTF-8" in done.stdout), done


@needs_ffv1
def test_a_video_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "x.mkv", 25.0) as writer:
        writer.write(sequence(np.uint8)[0])
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


@needs_ffv1
def test_frames_that_do_not_fit_a_video_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not fit"), VideoWriter(tmp_path / "x.mkv", 25.0) as writer:
        writer.write(np.zeros((24, 32), np.uint8))
        writer.write(np.zeros((24, 34), np.uint8))
    with pytest.raises(SourceError, match="float32"), VideoWriter(tmp_path / "y.mkv", 25.0) as writer:
        writer.write(np.zeros((24, 32), np.float32))
    with pytest.raises(SourceError, match="cannot write /proc/x.mkv"), VideoWriter(Path("/proc/x.mkv"), 25.0) as writer:
        writer.write(np.zeros((24, 32), np.uint8))
    assert os.listdir(tmp_path) == []


@needs_ffv1
def test_a_video_cut_short_gives_its_readable_part_and_says_so(tmp_path: Path) -> None:
    frames = sequence(np.uint8, 40, (64, 96))
    write_video(tmp_path / "x.avi", frames)
    data = (tmp_path / "x.avi").read_bytes()
    (tmp_path / "x.avi").write_bytes(data[: len(data) // 2])
    told: list[str] = []
    back = list(open_source(tmp_path / "x.avi", report=told.append))
    assert 10 <= len(back) < 40
    assert all(np.array_equal(frame.image, frames[k]) for k, frame in enumerate(back[:10]))
    assert len(told) == 1 and "40 frames" in told[0]


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(b"no video" * 100)
    with pytest.raises(SourceError, match="cannot be opened"):
        open_source(tmp_path / "x.mp4")


def save_cptv(path: Path, frames: np.ndarray, **replaced: object) -> None:
    content = {"first": frames[0], "delta": np.diff(frames.astype(np.int32), axis=0).astype(np.int16)}
    np.savez_compressed(path, **(content | replaced))


@needs_ffv1
def test_a_video_of_which_opencv_reads_other_pixels_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with VideoWriter(tmp_path / "x.mkv", 25.0) as writer:
        writer.write(np.full((48, 64), 1000, np.uint16))
    told: list[str] = []
    assert len(list(open_source(tmp_path / "x.mkv", report=told.append))) == 1 and not told
    monkeypatch.setattr(video, "_FEWER_BITS", {b"Y1\0\x10": 12})  # as if it were of that kind
    assert len(list(open_source(tmp_path / "x.mkv", report=told.append))) == 1
    assert told == ["video x.mkv has 12 bits, of which 8 are read: convert it to gray16le FFV1"]
    monkeypatch.setattr(video, "_RAW_COUNTS", (b"Y1\0\x10",))
    with pytest.raises(SourceError, match="16-bit colour, which may be raw counts"):
        open_source(tmp_path / "x.mkv")


def test_an_npz_sequence_comes_back_bit_for_bit(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(28000, 32000, (5, 12, 16)).astype(np.uint16)
    save_cptv(tmp_path / "x.npz", frames)
    source = open_source(tmp_path / "x.npz")
    assert source.frame_count == 5
    assert source.frame_rate == pytest.approx(8.77, abs=0.01)
    assert np.array_equal(np.stack([frame.image for frame in source]), frames)


@pytest.mark.parametrize(
    ("stored", "read"),
    [(np.uint8, np.uint8), (np.uint16, np.uint16), (np.int64, np.uint16), (np.float64, np.float32)],
)
def test_an_npz_with_one_array_of_frames_is_a_sequence_whatever_its_name(
    tmp_path: Path, stored: type, read: type
) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (5, 12, 16)).astype(stored)
    np.savez(tmp_path / "x.npz", anything=frames, times=np.arange(5) / 30)
    source = open_source(tmp_path / "x.npz")
    back = list(source)
    assert source.frame_count == 5 and back[3].stamp_ns == 100_000_000 and back[3].name == "x.npz#000003"
    assert all(frame.image.dtype == read for frame in back)
    assert np.array_equal(np.stack([frame.image for frame in back]), frames)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_npz_that_was_saved_column_by_column_gives_frames_like_any_other(tmp_path: Path, dtype: type) -> None:
    frames, watch = sequence(dtype), StillnessWatch()
    np.savez(tmp_path / "x.npz", frames=np.asfortranarray(frames))
    back = [frame.image for frame in open_source(tmp_path / "x.npz")]
    assert all(np.array_equal(a, b) for a, b in zip(back, frames, strict=True))
    assert not any(watch.shutter(image, 0.1 * number) for number, image in enumerate(back))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"a": np.zeros((2, 4, 5), int), "b": np.zeros((3, 4, 5), int)}, r"a \(2, 4, 5\), b \(3, 4, 5\): .* needs one"),
        ({"a": np.zeros((4, 5), int)}, r"a \(4, 5\): an npz source needs one array"),
        ({}, "holds no arrays"),
        ({"a": np.zeros((2, 4, 5), complex)}, "a.npy is complex128 .*: store uint8 or uint16 counts"),
        ({"a": np.zeros((0, 4, 5), int)}, "no frames"),
        ({"a": np.zeros((1, 1, 5000), int)}, "5000 x 1 pixels"),
        ({"a": np.full((1, 4, 5), -1)}, "frame 0 holds -1 to -1"),
    ],
)
def test_an_npz_of_something_else_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(SourceError, match=words):
        list(open_source(tmp_path / "x.npz"))


class Payload:
    def __reduce__(self) -> tuple:
        return os.system, ("touch /tmp/infrared_unpickled",)


def test_a_hostile_npz_is_refused_and_nothing_is_unpickled(tmp_path: Path) -> None:
    frames = np.full((3, 12, 16), 3000, np.uint16)
    save_cptv(tmp_path / "pickle.npz", frames, first=np.array([Payload()], object))
    save_cptv(tmp_path / "shapes.npz", frames, first=np.zeros((5, 5), np.uint16))
    np.savez(tmp_path / "keys.npz", delta=frames, other=frames)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "keys.npz").read_bytes()[:400])
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<u2", "fortran_order": False, "shape": (1 << 40, 16)})
    with zipfile.ZipFile(tmp_path / "giant.npz", "w") as archive:
        archive.writestr("first.npy", header.getvalue())
        archive.writestr("delta.npy", header.getvalue())
    reasons = {"pickle": "is object", "shapes": "do not fit", "keys": "needs one array", "cut": "is damaged",
               "giant": r"has \d+ bytes, uint16 .* takes"}  # fmt: skip
    for name, reason in reasons.items():
        with pytest.raises(SourceError, match=reason) as caught:
            open_source(tmp_path / f"{name}.npz")
        assert name in str(caught.value) and "\n" not in str(caught.value)
    assert not Path("/tmp/infrared_unpickled").exists()


@needs_data
def test_real_recordings_open() -> None:
    trap = open_source(DATA / "raw16/cptv-lepton3/noise_01.npz")
    frames = [frame.image for frame in trap]
    assert len(frames) == 177 and frames[0].dtype == np.uint16 and frames[0].shape == (120, 160)
    assert 2890 <= min(frame.min() for frame in frames) and max(frame.max() for frame in frames) <= 3070
    assert next(iter(open_source(DATA / "raw16/flir-rjpeg"))).image.dtype == np.uint16
    clip = open_source(DATA / "video/svanstrom_ir/IR_BIRD_009.mp4")
    assert clip.frame_rate == 30.0 and next(iter(clip)).image.shape == (256, 320)


def test_colour_video_becomes_luma(tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "x.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (32, 24))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no MJPG")
    green = np.zeros((24, 32, 3), np.uint8)
    green[..., 1] = 200
    writer.write(green)
    writer.release()
    image = next(iter(open_source(tmp_path / "x.avi"))).image
    assert image.ndim == 2 and abs(int(image[12, 16]) - 117) <= 3


@needs_ffv1
def test_a_video_on_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(SourceError, match="frames reached the disk: free some space"):
            write_video(tmp_path / "x.mkv", sequence(np.uint16, 80, (96, 128)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert os.listdir(tmp_path) == []
