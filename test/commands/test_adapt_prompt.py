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

"""adapt_prompt: what it learns from, and how it ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from tiny_tasks import write_prior  # noqa: E402

from infrared_ir_ros.commands.adapt_prompt import adapt_prompt  # noqa: E402
from infrared_ir_ros.commands.make_bag import make_bag  # noqa: E402
from infrared_ir_ros.errors import InfraredError, OptionError, SourceError  # noqa: E402
from infrared_ir_ros.media import open_source, write_image  # noqa: E402
from infrared_ir_ros.records import Detection  # noqa: E402
from infrared_ir_ros.restoration.prompts import read_bank  # noqa: E402
from infrared_ir_ros.simulation import layout  # noqa: E402
from infrared_ir_ros.training import adapt_plan, semantic  # noqa: E402
from infrared_ir_ros.training.adapt_examples import Moment  # noqa: E402
from infrared_ir_ros.training.adapt_frames import Lesson, find_sources, prepared, read_material  # noqa: E402


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_prior(tmp_path_factory.mktemp("prior")).folder)


@pytest.fixture(scope="module")
def bags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drives of a degraded camera, with the truth beside its frames; one in each storage."""
    folder = tmp_path_factory.mktemp("bags")
    for seed, storage in ((1, "mcap"), (2, "sqlite3")):
        make_bag(
            "scene", output=folder / storage, width=64, height=48, frames=12, seed=seed, storage=storage,
            degradation="sensor_hard", encoding="mono16",
        )  # fmt: skip
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for number in range(8):
        write_image(tmp_path / f"in/{number}.png", np.rint(255 * layout(rng, 48, 64)).astype(np.uint8))
    return tmp_path / "in"


def fail(problem: str) -> None:
    pytest.fail(problem)


def test_pairs_of_bags_are_matched_and_split_by_time(bags: Path) -> None:
    lesson = Lesson((str(bags / "m*"), str(bags / "sqlite3")), "pairs", "/ir/image", "/ir/truth/clean")
    material = read_material(lesson, fail)
    assert len(material.training) == 2 * 9 and len(material.judging) == 2 * 3 and not material.varies
    for name, moments in (("mcap", material.judging[:3]), ("sqlite3", material.judging[3:])):
        frames, clean = (list(open_source(bags / name, f"/ir/{topic}"))[-3:] for topic in ("image", "truth/clean"))
        for moment, frame, truth in zip(moments, frames, clean, strict=True):
            assert np.array_equal(moment.frame, frame.image) and np.array_equal(moment.clean, truth.image)
    few = read_material(Lesson((str(bags),), "pairs", "/ir/image", "/ir/truth/clean", frames=6), fail)
    assert len(few.training) + len(few.judging) == 6


def test_sources_are_files_folders_and_patterns(bags: Path, pictures: Path) -> None:
    assert find_sources([str(bags)]) == [bags / "mcap", bags / "sqlite3"]
    assert find_sources([str(bags / "*/*.mcap"), str(pictures)]) == [*(bags / "mcap").glob("*.mcap"), pictures]
    one_by_one = read_material(Lesson((str(pictures / "*.png"),), degradation="sensor_hard"), fail)
    assert len(one_by_one.training) == 6 and len(one_by_one.judging) == 2
    with pytest.raises(InfraredError, match=r"none\*.mcap is missing"):
        find_sources([str(bags / "none*.mcap")])


def test_bars_are_no_part_of_the_scene(tmp_path: Path) -> None:
    """As in the restorer. They would squeeze the rest of the clean frame into a few levels."""
    rng = np.random.default_rng(0)
    for number in range(4):
        clean = 7000 + 700 * layout(rng, 96, 128)
        for folder, noise in (("frames", 20), ("clean", 0)):
            frame = (clean + rng.normal(0, noise, clean.shape)).astype(np.uint16)
            frame[:12] = frame[-12:] = 0
            write_image(tmp_path / f"{folder}/{number}.png", frame)
    material = read_material(Lesson((str(tmp_path / "frames"),), "pairs", reference=str(tmp_path / "clean")), fail)
    example = material.draw(material.training[0], rng)
    assert np.abs(example.seen - example.target).max() < 0.3


def test_repeated_pixels_are_taken_once_as_in_the_restorer() -> None:
    scene = np.rint(255 * layout(np.random.default_rng(0), 48, 64)).astype(np.uint8)
    twice = scene.repeat(2, 0).repeat(2, 1)
    moment = prepared(Moment(twice, twice + np.float32(0.5), (Detection((20.0, 10.0, 60.0, 30.0), 1.0, "person"),)))
    assert np.array_equal(moment.frame, scene) and np.array_equal(moment.clean, scene + 0.5)
    assert moment.labels[0].box == (10.0, 5.0, 30.0, 15.0)


def test_noise_alone_is_measured_on_the_frames(bags: Path) -> None:
    material = read_material(Lesson((str(bags / "mcap"),), "self"), fail)
    example = material.draw(material.training[0], np.random.default_rng(0))
    assert example.noisy and example.seen.shape == (64, 64) and example.target.shape == (48, 64)
    assert example.target.std() > example.seen[:48].std()


def noisy_pictures(folder: Path, count: int = 12) -> Iterator[np.ndarray]:
    """The pictures, to be changed; written when the next one is asked for."""
    rng = np.random.default_rng(0)
    for number in range(count):
        picture = (255 * layout(rng, 48, 64) + rng.normal(0, 9, (48, 64))).clip(0, 255).astype(np.uint8)
        yield picture
        write_image(folder / f"{number:02d}.png", picture)


@pytest.mark.parametrize("hot", [0, 1])
@pytest.mark.parametrize("supervision", ["clean", "self", "pairs"])
def test_a_closed_shutter_costs_its_frames_only(tmp_path: Path, supervision: str, hot: int) -> None:
    """With a hot pixel or without, and in the clean frame too."""
    for folder in ("in", "reference"):
        for number, picture in enumerate(noisy_pictures(tmp_path / folder)):
            if number in (2, 5) and (folder == "reference") == (supervision == "pairs"):
                picture[:] = 0
                picture[9, :hot] = 255
    how = {"clean": {"degradation": "sensor_hard"}, "pairs": {"reference": str(tmp_path / "reference")}}
    told: list[str] = []
    material = read_material(Lesson((str(tmp_path / "in"),), supervision, **how.get(supervision, {})), told.append)
    moments = material.training + material.judging
    assert len(moments) == 10 and len(told) == 1
    assert told[0].startswith("in: 2 frames cannot be restored and are left out: ")
    for moment in moments:
        material.draw(moment, np.random.default_rng(0))


@pytest.mark.parametrize("supervision", ["clean", "self"])
def test_a_recording_that_cannot_be_read_costs_itself_only(tmp_path: Path, supervision: str) -> None:
    (tmp_path / "cut.mkv").write_bytes(b"nothing")
    for _ in noisy_pictures(tmp_path / "in"):
        pass
    degradation = "sensor_hard" if supervision == "clean" else ""
    told: list[str] = []
    sources = (str(tmp_path / "cut.mkv"), str(tmp_path / "in"))
    material = read_material(Lesson(sources, supervision, degradation=degradation), told.append)
    assert len(material.training) + len(material.judging) == 12
    assert len(told) == 1 and told[0].startswith("cut.mkv: video")
    with pytest.raises(SourceError, match=r"cut\.mkv cannot be opened: it is damaged"):
        read_material(Lesson(sources[:1], supervision, degradation=degradation), told.append)


class Bright:
    """Stands for a frozen detector: what is in its boxes should be bright."""

    model = SimpleNamespace(names={0: "car", 1: "person"})

    def __call__(self, restored: torch.Tensor, target: dict[str, torch.Tensor]) -> torch.Tensor:
        height, width = restored.shape[2:]
        loss = restored.mean()
        for x, y, wide, high in target["boxes"].tolist():
            rows = slice(int((y - high / 2) * height), int((y + high / 2) * height) + 1)
            loss = loss - restored[:, :, rows, int((x - wide / 2) * width) : int((x + wide / 2) * width) + 1].mean()
        return loss


def test_labels_and_a_detector_teach_too(
    bags: Path, tmp_path: Path, prior: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(semantic, "load_detection", lambda detector: Bright())
    lesson = Lesson((str(bags / "mcap"),), "labels", "/ir/image", label_topic="/ir/truth/boxes", detector="x.pt")
    material = read_material(lesson, fail)
    moment = next(one for one in material.training if any(box.label in ("car", "person") for box in one.labels))
    example = material.draw(moment, np.random.default_rng(0))
    known = [box for box in moment.labels if box.label in ("car", "person")]
    (left, top, right, bottom), label = known[0].box, known[0].label
    assert example.boxes is not None and example.boxes.shape == (len(known), 5)
    middle = (("car", "person").index(label), (left + right) / 2 / 64, (top + bottom) / 2 / 48)
    assert example.boxes[0] == pytest.approx([*middle, (right - left) / 64, (bottom - top) / 48], abs=1e-4)
    asked = {"topic": "/ir/image", "label_topic": "/ir/truth/boxes", "detector": "x.pt", "supervision": "labels"}
    monkeypatch.setitem(adapt_plan.RATES, "adapters", 0.02)
    ended = adapt_prompt(
        str(bags / "mcap"),
        task="mine",
        output=tmp_path / "out",
        optimise="adapters",
        steps=8,
        prior_path=prior,
        **asked,
    )
    assert ended == 0 and "PSNR" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"supervision": "labels"}, "needs a label topic and a detector"),
        ({"detector": "x.pt", "label_topic": "/t"}, "the others take neither"),
        ({"supervision": "hope"}, "use one of clean, pairs, labels, self"),
        ({"supervision": "pairs"}, "needs a reference"),
        ({"degradation": ""}, "name a degradation"),
        ({"supervision": "self", "degradation": "sensor_hard"}, "not a preset"),
        ({"sources": ()}, "no source"),
        ({"frames": 1}, "frames is 1"),
    ],
)
def test_contradictions_are_named(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        Lesson(**({"sources": ("x",), "degradation": "sensor_hard"} | wrong))


def test_a_task_is_learned_from_a_folder(
    pictures: Path, tmp_path: Path, prior: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(adapt_plan.RATES, "adapters", 0.02)
    (pictures / "torn.png").write_bytes(b"\x89PNG")
    ended = adapt_prompt(
        str(pictures), task="mine", output=tmp_path / "out", optimise="adapters", degradation="sensor_hard", steps=8,
        prior_path=prior,
    )  # fmt: skip
    told = capsys.readouterr()
    assert ended == 1 and "torn.png" in told.err  # done, but not all could be read
    assert list(read_bank(str(tmp_path / "out/prompts.safetensors")).prompts) == ["mine"]
    assert f"prompts:={tmp_path / 'out/prompts.safetensors'} task:=mine" in told.out and "PSNR" in told.out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["before_after.png", "prompts.safetensors"]


def test_what_cannot_be_done_is_one_line(pictures: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "infrared_ir_ros.commands.adapt_prompt", str(pictures / "none")]
    command += ["--task", "x", "--output", str(tmp_path / "out"), "--degradation", "sensor_hard"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.splitlines() == [
        f"adapt_prompt: {pictures / 'none'} is missing: give a file or folder that exists"
    ]
