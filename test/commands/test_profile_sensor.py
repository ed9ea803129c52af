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

import re
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from infrared_ir_ros.commands import profile_run
from infrared_ir_ros.commands.make_bag import make_bag
from infrared_ir_ros.commands.profile_sensor import profile_sensor
from infrared_ir_ros.commands.two_passes import learn_patterns
from infrared_ir_ros.errors import InfraredError
from infrared_ir_ros.evaluation.profiling import measure
from infrared_ir_ros.media import Frame, open_source, write_image
from infrared_ir_ros.restoration.pattern import Camera, read_pattern
from infrared_ir_ros.simulation import VideoDegradation
from infrared_ir_ros.simulation.camera import GreyScale
from infrared_ir_ros.simulation.scene import ThermalScene

SHAPE = (192, 256)
# name: relative and absolute tolerance
TOLERANCE = {
    "noise": (0.08, 0.1),
    "noise_correlation": (0, 0.07),
    "pixel_offset": (0.12, 0.15),
    "columns": (0.15, 0.3),
    "rows": (0.15, 0.5),
    "dead": (0.15, 2e-4),
    "dead_level": (0, 1),
    "drift": (0.35, 0.08),
}
TRUTHS = [
    {"noise": 4.0, "noise_correlation": 0.9, "columns": 3.0, "rows": 1.5, "pixel_offset": 2.0, "dead": 0.002,
     "dead_level": 0.0, "drift": 0.3, "blur": 1.0},
    {"noise": 8.0, "noise_correlation": 0.5, "columns": 1.0, "rows": 4.0, "pixel_offset": 4.0, "dead": 0.001,
     "dead_level": 255.0, "drift": 0.1, "blur": 1.5},
    {"noise": 2.0, "noise_correlation": 0.0, "columns": 5.0, "rows": 0.0, "pixel_offset": 0.5, "dead": 0.0,
     "dead_level": 0.0, "drift": 0.0, "blur": 2.0},
]  # fmt: skip


def film(sensor: dict[str, float], folder: Path, pan: float, count: int = 64) -> np.ndarray:
    """Levels of the scene as a sensor of known figures sees it."""
    path = folder / "truth.yaml"
    path.write_text(yaml.safe_dump({"sensor": sensor}))
    camera = VideoDegradation(str(path), np.random.default_rng(1), SHAPE, step=1 / 256)
    scene = ThermalScene(4, *SHAPE, pan)
    grey = GreyScale(scene.frame(0.0).temperature)
    moments = (scene.frame(number / 10 if pan else 0.0).temperature for number in range(count))
    return np.stack([camera(np.clip(grey.levels(one), 0, 255)) for one in moments])


@pytest.mark.parametrize("truth", TRUTHS, ids=["lasting", "strong", "white"])
@pytest.mark.parametrize("pan", [0.0, 60.0], ids=["still", "turning"])
def test_known_figures_are_found_again(truth: dict[str, float], pan: float, tmp_path: Path) -> None:
    found = measure(film(truth, tmp_path, pan))
    for name, (relative, absolute) in TOLERANCE.items():
        assert getattr(found, name) == pytest.approx(truth[name], rel=relative, abs=absolute), name
    assert found.shutter == () and (found.static == 0) == bool(pan)


def test_a_shutter_event_is_found_and_what_is_measured_lies_between_two(tmp_path: Path) -> None:
    frames = film(TRUTHS[0], tmp_path, 0.0, 68)
    pattern = np.random.default_rng(3).normal(0, 12, SHAPE).astype(np.float32)
    frames[48:] += pattern + 6
    found = measure(frames)
    assert found.shutter == (48,) and found.frames == 48
    assert found.pixel_offset == pytest.approx(2.0, rel=0.12)


def test_what_is_written_imitates_the_sensor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = TRUTHS[0]
    for number, frame in enumerate(film(truth, tmp_path, 0.0, 48)):
        write_image(tmp_path / f"in/{number:03d}.png", np.rint(20 * frame + 3000).astype(np.uint16))
    assert profile_sensor(tmp_path / "in", output=tmp_path / "out") == 0
    assert "noise over time" in capsys.readouterr().out and (tmp_path / "out/profile.png").stat().st_size > 1000
    preset = tmp_path / "out/profile.yaml"
    again = measure(film(yaml.safe_load(preset.read_text())["sensor"], tmp_path, 0.0))
    written = yaml.safe_load(preset.read_text())
    assert again.noise == pytest.approx(written["sensor"]["noise"], rel=0.1)
    counts = written["measured"]["counts_of_a_level"]
    assert written["sensor"]["noise"] * counts == pytest.approx(20 * truth["noise"], rel=0.1)
    make_bag("scene", output=tmp_path / "bag", degradation=str(preset), frames=2, width=96, height=80)
    frames = [list(open_source(tmp_path / "bag", topic)) for topic in ("/ir/image", "/ir/truth/clean")]
    assert not np.array_equal(frames[0][0].image, frames[1][0].image)


def test_a_profile_that_is_written_anew_is_read_anew(tmp_path: Path) -> None:
    path, frame = tmp_path / "profile.yaml", np.full(SHAPE, 100, np.float32)
    for noise in (8.0, 2.0):
        path.write_text(f"sensor: {{noise: {noise}}}")
        seen = VideoDegradation(str(path), np.random.default_rng(0), SHAPE)(frame)
        assert seen.std() == pytest.approx(noise, rel=0.05)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sensor: {magic: 1}", "sensor.magic is unknown"),
        ("sensor: {noise: -1}", "sensor.noise is -1.0: use 0 to"),
        ("sensor: {noise: .nan}", "sensor.noise is nan"),
        (f"sensor: {{noise: 1{'0' * 400}}}", "is not a sensor's profile (OverflowError)"),
        ("sensor: [", "is not a sensor's profile"),
        ("noise: 1", "is not a sensor's profile"),
    ],
)
def test_a_bad_profile_is_refused(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(InfraredError, match=re.escape(words)):
        VideoDegradation(str(path), np.random.default_rng(0), SHAPE)


def test_too_few_frames_are_told(tmp_path: Path) -> None:
    make_bag("scene", output=tmp_path / "bag", frames=3, width=64, height=48)
    with pytest.raises(InfraredError, match="holds 3 usable frames: 8 or more are needed"):
        profile_sensor(tmp_path / "bag", output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_why_frames_are_not_usable_is_told_and_depths_are_not_mixed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(12):
        image = rng.normal(100, 3, (48, 64)).astype(np.uint8)
        write_image(tmp_path / f"in/{number:02d}.png", image if number < 4 else 200 * image.astype(np.uint16))
    with pytest.raises(InfraredError, match="4 usable frames: 8 or more are needed; 8 frames have another .*depth"):
        profile_sensor(tmp_path / "in", output=tmp_path / "out")


def test_a_closed_shutter_costs_its_frames_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(12):
        image = np.random.default_rng(number).normal(100, 3, (48, 64)).astype(np.uint8)
        write_image(tmp_path / f"in/{number:02d}.png", image * (number != 3))
    assert profile_sensor(tmp_path / "in", output=tmp_path / "out") == 1
    assert "1 frames cannot be measured and are left out: every pixel of the frame is 0" in capsys.readouterr().err
    assert yaml.safe_load((tmp_path / "out/profile.yaml").read_text())["measured"]["frames"] == 11


def test_a_recording_that_begins_behind_a_closed_shutter_is_measured_on_the_scale_of_the_scene(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what begins when the shutter opens is told by its time; a frame that cannot be read shifts none."""
    rng = np.random.default_rng(0)
    scene = 8000 + 500 * cv2.GaussianBlur(rng.standard_normal((48, 64)), (0, 0), 2) / 0.14
    for number in range(30):
        seen = scene if number > 5 else np.full(scene.shape, 8000)
        image = np.rint(seen + rng.normal(0, 20, seen.shape)).astype(np.uint16)
        write_image(tmp_path / f"in/{number:02d}.png", image)
        if number > 5:
            write_image(tmp_path / f"open/{number:02d}.png", image)
    (tmp_path / "in/02.png").write_bytes(b"no picture")
    found = {}
    for name in ("in", "open"):
        assert profile_sensor(tmp_path / name, output=tmp_path / f"{name}.out") == (name == "in")
        found[name] = yaml.safe_load((tmp_path / f"{name}.out/profile.yaml").read_text())
        if name == "in":
            assert re.search(r"shutter events +0\.2 s\n", capsys.readouterr().out)
    assert found["in"]["sensor"] == pytest.approx(found["open"]["sensor"], rel=0.1, abs=0.05)
    assert found["in"]["measured"]["frames"] == 24 and found["open"]["sensor"]["noise"] < 5


def test_the_pattern_of_a_camera_that_moved_becomes_the_file_that_the_node_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[weakref.ref] = []
    held: list[int] = []

    def watched(frames: Iterable[Frame]) -> Iterator[Frame]:
        for frame in frames:
            seen.append(weakref.ref(frame))
            held.append(sum(one() is not None for one in seen))
            yield frame

    rng = np.random.default_rng(0)
    scene = 60 * cv2.GaussianBlur(rng.standard_normal((96, 900)), (0, 0), 2).astype(np.float32)
    pattern = rng.normal(0, 10, (96, 128))
    for number in range(60):
        frame = 100 + scene[:, 10 * number : 10 * number + 128] + pattern
        write_image(tmp_path / f"moving/{number:03d}.png", np.clip(frame, 0, 255).astype(np.uint8))
        write_image(tmp_path / f"still/{number:03d}.png", rng.normal(100, 3, (96, 128)).astype(np.uint8))
    monkeypatch.setattr(profile_run, "learn_patterns", lambda frames, done: learn_patterns(watched(frames), done))
    assert profile_sensor(tmp_path / "moving", output=tmp_path / "out", camera="boson 12") == 0
    assert len(held) == 60 and max(held) < 5, "frames are not kept"
    assert "pattern of 'boson 12' (128x96, uint8)" in capsys.readouterr().out
    saved = read_pattern(tmp_path / "out/camera.pattern")
    saved.check(Camera("boson 12", 96, 128, "uint8"))
    assert np.corrcoef(saved.memory().pattern.ravel(), pattern.ravel())[0, 1] > 0.7
    with pytest.raises(InfraredError, match="'boson 12' was written: the camera must move"):
        profile_sensor(tmp_path / "still", output=tmp_path / "none", camera="boson 12")
    assert not (tmp_path / "none/camera.pattern").exists()


def test_of_large_frames_fewer_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infrared_ir_ros.commands.profile_run.MOST_BYTES", 4 * 48 * 64 * 10)
    frames = np.random.default_rng(0).normal(100, 3, (20, 48, 64)).astype(np.uint8)
    np.savez(tmp_path / "film.npz", frames=frames)
    assert profile_sensor(tmp_path / "film.npz", output=tmp_path / "out") == 0
    assert yaml.safe_load((tmp_path / "out/profile.yaml").read_text())["measured"]["frames"] == 10
