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

"""restore_images on files and folders, and how it ends."""

import dataclasses
import inspect
import re
import signal
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from restored_files import files, noisy
from starting import start

from infrared_ir_ros.commands.make_bag import make_bag
from infrared_ir_ros.commands.restore_images import restore_images
from infrared_ir_ros.commands.restoring import Restoring
from infrared_ir_ros.errors import InfraredError, SourceError
from infrared_ir_ros.media import read_image, write_image
from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import Restorer, load_restorer


def make_input(folder: Path) -> None:
    write_image(folder / "a.png", noisy(np.uint8))
    write_image(folder / "deep/er/b.tiff", noisy(np.uint16, 1))
    write_image(folder / "deep/k.tif", noisy(np.float32, 2))
    cv2.imwrite(str(folder / "c.jpg"), noisy(np.uint8, 3))


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
    for name in ("b.JP2", "c.gif", "d.gif", "out/e.gif", "LICENSE", ".hidden"):
        (tmp_path / "in" / name).write_bytes(b"other")
    assert restore_images(tmp_path / "in", output=tmp_path / "in/out") == 0
    assert capsys.readouterr().out.endswith("skipped 4 files of other kinds (.gif, .jp2, no suffix)\n")
    assert restore_images(tmp_path / "in/a.png", output=tmp_path / "out") == 0
    assert "skipped" not in capsys.readouterr().out


def test_jpegs_whose_counts_are_not_what_is_restored_are_told(
    tmp_path: Path, loaded_once: Restorer, capsys: pytest.CaptureFixture[str]
) -> None:
    data = cv2.imencode(".jpg", noisy())[1].tobytes()
    segment = b"FLIR\0\1\0\0FFF\0 and what the camera counted"
    flir = data[:2] + b"\xff\xe1" + (2 + len(segment)).to_bytes(2, "big") + segment + data[2:]
    for name, content in (("a.jpg", data), ("b.JPG", flir), ("c/d.jpeg", flir)):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
    for input, count in (("in", "2 files"), ("in/b.JPG", "1 file")):
        assert restore_images(tmp_path / input, output=tmp_path / "out") == 0
        assert f"{count} of FLIR: the coloured pictures were restored, not the counts" in capsys.readouterr().out
    assert restore_images(tmp_path / "in/a.jpg", output=tmp_path / "out") == 0
    assert "FLIR" not in capsys.readouterr().out


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
        with pytest.raises(SourceError, match="would overwrite the input"):
            restore_images(tmp_path / source, output=tmp_path / output)
    (tmp_path / "link").symlink_to(tmp_path / "in")
    with pytest.raises(SourceError, match="would overwrite the input"):
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
