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

import csv
import dataclasses
import importlib.util
import inspect
import json
import os
import re
import resource
import signal
from pathlib import Path

import numpy as np
import pytest
from evaluating import FEW, KELVINS, ONNX
from rosbags.highlevel import AnyReader
from starting import start

from infrared_ir_ros.commands.evaluate_bag import evaluate_bag
from infrared_ir_ros.commands.make_bag import make_bag
from infrared_ir_ros.commands.restoring import Restoring
from infrared_ir_ros.errors import InfraredError
from infrared_ir_ros.evaluation.metrics import fit_tone, psnr
from infrared_ir_ros.evaluation.recordings import Wanted, instants, recordings
from infrared_ir_ros.media import open_source, write_image
from infrared_ir_ros.media.hashing import fingerprint
from infrared_ir_ros.simulation import layout
from infrared_ir_ros.simulation.camera import GreyScale


@pytest.fixture(scope="module")
def report(bag: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("reports") / "report"
    options = {"reference_topic": "/ir/truth/clean", "classical": ("wavelet+none",), "restoring": KELVINS}
    assert evaluate_bag(bag, output=output, **options, **FEW) == 0
    return output


def test_figures_are_those_of_the_frames_in_the_result_bag(bag: Path, report: Path) -> None:
    truth = [frame.image for frame in open_source(bag, "/ir/truth/clean")]
    grey = GreyScale(truth[0])
    clean = [np.clip(grey.levels(one), 0, 255) for one in truth]
    with open(report / "frames.csv") as file:
        rows = list(csv.DictReader(file))
    for method in ("input", "restore", "wavelet+none"):
        mine = [row for row in rows if row["method"] == method]
        frames = list(open_source(report / "bags/000_scene", "/evaluation/" + method.replace("+", "_")))
        assert len(mine) == len(frames) == 6
        for row, frame, levels, counts in zip(mine, frames, clean, truth, strict=True):
            seen = np.clip(grey.levels(frame.image), 0, 255)
            fitted = np.clip(fit_tone(seen, levels), 0, 255)
            assert float(row["psnr"]) == pytest.approx(psnr(seen, levels), abs=1e-3)
            assert float(row["psnr_fitted"]) == pytest.approx(psnr(fitted, levels), abs=1e-3)
            error = 0.01 * (frame.image.astype(float) - counts.astype(float))
            assert float(row["bias_k"]) == pytest.approx(error.mean(), abs=1e-4)
            assert float(row["noise_k"]) == pytest.approx(error.std(), rel=1e-3)


def test_results_are_on_the_original_stamps_for_another_reader(bag: Path, report: Path) -> None:
    def stamps(path: Path, topic: str) -> list[int]:
        with AnyReader([path]) as reader:
            return [stamp for connection, stamp, _ in reader.messages() if connection.topic == topic]

    assert stamps(report / "bags/000_scene", "/evaluation/restore") == stamps(bag, "/ir/image") != []


def test_the_report_is_one_file_that_names_nothing_outside(report: Path) -> None:
    page = (report / "report.html").read_text()
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:)|url\(|@import|https?://|\bimport\b""", page)
    assert page.count("data:image/png") == 3 * 4 and all(word in page for word in ("Best", "Median", "Worst"))
    found = json.loads((report / "report.json").read_text())
    assert found["figures"]["psnr_fitted"]["restore"]["gain"] > 3
    assert "weights" in found["configuration"]["method restore"] and len(found["recordings"][0]["sha256"]) == 64
    assert (
        0.1 < found["figures"]["milliseconds"]["restore"]["mean"] < 60_000 and "restore" in found["figures"]["log_snr"]
    )


def test_a_topic_of_the_user_and_a_paired_recording(bag: Path, tmp_path: Path) -> None:
    options = {"task": (), "method_topic": ("/ir/truth/clean",), "reference": str(bag), "frames": 3}
    assert evaluate_bag(bag, output=tmp_path / "r", **options, **FEW) == 0
    rows = list(csv.DictReader((tmp_path / "r/frames.csv").open()))
    assert {row["psnr"] for row in rows if row["method"] == "input"} == {"inf"}, "the bag is its own reference"
    assert all(float(row["psnr"]) < 40 for row in rows if row["method"] != "input") and len(rows) == 6


def test_degradation_is_seeded(tmp_path: Path, bag: Path) -> None:
    def run(name: str, seed: int) -> list[str]:
        options = {"task": (), "topic": "/ir/truth/clean", "degradation": "sensor_hard", "seed": seed, "frames": 2}
        evaluate_bag(bag, output=tmp_path / name, **options, **FEW)
        return [row["psnr"] for row in csv.DictReader((tmp_path / name / "frames.csv").open())]

    first = run("a", 1)
    assert first == run("b", 1) != run("c", 2)


def test_a_bad_recording_is_told_and_the_rest_goes_on(
    bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    whole = next(bag.glob("*.mcap")).read_bytes()
    (tmp_path / "in/cut.mcap").write_bytes(whole[: int(0.6 * len(whole))])
    (tmp_path / "in2").mkdir()
    (tmp_path / "in2/empty.mcap").write_bytes(b"")
    for number, size in enumerate((64, 64, 48)):
        image = np.random.default_rng(number).integers(0, 255, (size, size), np.uint8)
        write_image(tmp_path / f"sizes/{number}.png", image)
    paths = [tmp_path / name for name in ("in", "in2", "sizes")]
    assert evaluate_bag(*paths, output=tmp_path / "r", task=(), **FEW) == 1
    err = capsys.readouterr().err
    assert "in2: " in err and "in: bag in: cut.mcap: it ends" in err and "1 frames are of another size" in err
    assert len(err.splitlines()) <= 5 and "Traceback" not in err
    found = json.loads((tmp_path / "r/report.json").read_text())
    frames = {one["name"]: one["frames"] for one in found["recordings"]}
    assert 0 < frames["in"] < 6 and frames["sizes"] == 2 and list(found["failed"]) == ["in2"]


def test_a_recording_that_cannot_be_read_does_not_stop_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(4):
        image = np.random.default_rng(number).integers(0, 255, (64, 64), np.uint8)
        write_image(tmp_path / ("bad" if number % 2 else "good") / f"{number}.png", image)
    (tmp_path / "bad/torn.png").symlink_to("/proc/self/mem")  # opens, and gives an input/output error
    paths = [tmp_path / name for name in ("bad", "good")]
    assert evaluate_bag(*paths, output=tmp_path / "r", task=(), **FEW) == 1
    assert f"bad: cannot read {tmp_path / 'bad/torn.png'}: Input/output error" in capsys.readouterr().err
    found = json.loads((tmp_path / "r/report.json").read_text())
    assert [one["name"] for one in found["recordings"]] == ["good"] and list(found["failed"]) == ["bad"]


def test_pictures_beside_other_recordings_are_recordings_too(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", frames=np.zeros((2, 8, 8), np.uint8))
    make_bag("scene", output=tmp_path / "drive/bag", frames=1, width=64, height=48)
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed/0.db3.zstd").touch()
    for name in ("drive/bag/cover.png", "still/x/1.png", "still/2.png", "other/3.png"):
        write_image(tmp_path / name, np.zeros((8, 8), np.uint8))
    names = [path.relative_to(tmp_path).as_posix() for path in recordings([tmp_path])]
    assert names == ["a.npz", "drive/bag", "packed", "other", "still"]
    assert recordings([tmp_path / "still"]) == [tmp_path / "still"]


def test_a_recording_is_known_by_its_visible_files(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").write_bytes(b"1")
    first = fingerprint(tmp_path / "in")
    (tmp_path / "in/.thumbnails").mkdir()
    (tmp_path / "in/.thumbnails/a").write_bytes(b"2")
    assert fingerprint(tmp_path / "in") == first
    (tmp_path / "in/b").write_bytes(b"3")
    assert fingerprint(tmp_path / "in") != first


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"topic": "/nope"}, "no recording could be evaluated"),
        ({"degradation": "fog"}, "degradation is 'fog': use one of"),
        ({"reference_topic": "/ir/camera_info"}, "no recording could be evaluated"),
        ({"classical": ("magic",)}, "--classical is 'magic'"),
        ({"task": ("nope",)}, "task is 'nope'"),
        ({"method_topic": ("/clean",)}, "would be /evaluation/clean in the results: leave one out"),
        ({"classical": ("nlm+none",), "method_topic": ("/nlm_none",)}, "would be /evaluation/nlm_none in the results"),
        ({"method_topic": ("/a/b", "/a_b")}, "two of clean, labels, input, /a/b, /a_b would be /evaluation/a_b"),
        ({"mode": "fast"}, "--mode is 'fast'"),
        ({"degradation": "sensor_hard", "seed": -1}, "--seed and --distance-every must not be below 0"),
        ({"tolerance_ms": float("nan")}, "tolerance_ms is nan: use 0 or more milliseconds"),
        ({"tolerance_ms": float("inf")}, "tolerance_ms is inf"),
        ({"degradation": "sensor_hard", "reference_topic": "/x"}, "use one of --reference-topic"),
        ({"output": Path("/proc/report")}, "cannot write /proc/report"),
        ({"output": Path(".")}, ". already exists: choose another name"),
        ({"output": Path("/")}, "/ already exists: choose another name"),
    ],
)
def test_what_cannot_work_is_told_and_leaves_nothing(bag: Path, tmp_path: Path, options: dict, words: str) -> None:
    arguments = {"output": tmp_path / "r"} | ({} if "task" in options else {"task": ()}) | options | FEW
    with pytest.raises(InfraredError, match=re.escape(words)):
        evaluate_bag(bag, **arguments)
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_one_line_and_leaves_nothing(bag: Path, tmp_path: Path) -> None:
    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    process = start("evaluate_bag", str(bag), "--output", str(tmp_path / "r"), "--empty-task", preexec_fn=small_files)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1 and "cannot write" in err and "free some space" in err, err
    assert "Traceback" not in err and os.listdir(tmp_path) == []


def test_the_help_explains_every_option() -> None:
    process = start("evaluate_bag", "--help")
    out, _ = process.communicate(timeout=60)
    names = [name for name in inspect.signature(evaluate_bag).parameters if name not in ("inputs", "restoring")]
    names += [field.name for field in dataclasses.fields(Restoring)]
    assert process.returncode == 0 and all(f"--{name.replace('_', '-')}" in out for name in names)


@pytest.mark.skipif(importlib.util.find_spec("rclpy") is None, reason="no ROS 2")
def test_a_replay_goes_through_the_live_node(bag: Path, tmp_path: Path, domain: int) -> None:
    options = {"mode": "replay", "reference_topic": "/ir/truth/clean", "restoring": KELVINS}
    assert evaluate_bag(bag, output=tmp_path / "r", **options, **FEW) == 0
    (recording,) = json.loads((tmp_path / "r/report.json").read_text())["recordings"]
    live = list(csv.DictReader((tmp_path / "r/frames.csv").open()))
    live = [row for row in live if row["method"] == "restore live"]
    assert recording["frames"] == int(recording["facts"]["received"]) == 6
    assert 0 < len(live) == int(recording["facts"]["restored"]), "dropped frames have no row"
    assert all(float(row["psnr_fitted"]) > 20 and float(row["milliseconds"]) > 0 and row["log_snr"] for row in live)


def test_what_is_left_out_shifts_no_pair_and_no_label(tmp_path: Path) -> None:
    """Pictures that cannot be read or have another size, in the input or among the clean ones, cost their pair only."""
    rng = np.random.default_rng(0)
    for number in range(8):
        image = rng.integers(0, 255, (80, 96), np.uint8)
        write_image(tmp_path / f"in/a{number}.png", image)
        write_image(tmp_path / f"clean/b{number}.png", image)
        (tmp_path / "labels").mkdir(exist_ok=True)
        (tmp_path / f"labels/{number:06d}.txt").write_text(f"{number} 0.5 0.5 0.2 0.2\n")
    (tmp_path / "in/a1.png").write_bytes(b"no picture")
    write_image(tmp_path / "in/a3.png", rng.integers(0, 255, (48, 48), np.uint8))
    (tmp_path / "clean/b5.png").write_bytes(b"no picture")
    wanted, told = Wanted(reference=str(tmp_path / "clean"), labels=str(tmp_path / "labels")), []
    expected: list[int | None] = []
    found = list(instants(tmp_path / "in", wanted, told.append, expected.append))
    assert expected == [8], "for the bar that says how long it will take"
    assert [one.frame.name for one in found] == [f"a{number}.png" for number in (0, 2, 4, 5, 6, 7)]
    paired = [one for one in found if one.clean is not None]
    assert [one.labels[0].label for one in paired] == ["0", "2", "4", "6", "7"]
    assert all(np.array_equal(one.frame.image, one.clean) for one in paired) and any("b5.png" in one for one in told)


def test_clean_frames_that_are_fewer_or_of_another_depth_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    for number in range(3):
        image = rng.integers(0, 255, (80, 96), np.uint8)
        write_image(tmp_path / f"in/{number}.png", image)
        write_image(tmp_path / f"deep/{number}.png", 256 * image.astype(np.uint16))
        if number != 1:
            write_image(tmp_path / f"clean/{number}.png", image)
    arguments = {"reference": str(tmp_path / "clean"), "restoring": ONNX, "task": ()} | FEW
    assert evaluate_bag(tmp_path / "in", output=tmp_path / "r", **arguments) == 1
    words = "in: 3 frames and 2 clean ones, matched by number: frames after a missing one are compared with wrong ones"
    assert words in capsys.readouterr().err
    with pytest.raises(InfraredError, match="no recording could be evaluated"):
        evaluate_bag(tmp_path / "deep", output=tmp_path / "deeper", **arguments)
    words = "frames are uint16 and their clean ones uint8: use clean frames of the same depth"
    assert words in capsys.readouterr().err


def test_perceptual_figures_are_of_every_so_many_frames(tmp_path: Path) -> None:
    for package in ("torch", "torchmetrics", "stlpips_pytorch"):
        pytest.importorskip(package)
    for number in range(3):
        image = 255 * layout(np.random.default_rng(number), 176, 184)
        write_image(tmp_path / f"in/{number}.png", image.astype(np.uint8))
    options = {"task": (), "degradation": "sensor_hard", "distance_every": 2}
    assert evaluate_bag(tmp_path / "in", output=tmp_path / "r", **options) == 0
    rows = list(csv.DictReader((tmp_path / "r/frames.csv").open()))
    assert [bool(row["ms_ssim"] and row["st_lpips"]) for row in rows] == [True, False, True]
    assert all(0.05 < float(row[name]) < 0.98 for row in rows[::2] for name in ("ms_ssim", "st_lpips"))
