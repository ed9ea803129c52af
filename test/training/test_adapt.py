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

"""A task for one camera: learned on earlier frames, judged on later ones, and nothing else changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from tiny_tasks import prompts, write_prior  # noqa: E402

from infrared_ir_ros.errors import InfraredError, OptionError, SourceError, WeightsError  # noqa: E402
from infrared_ir_ros.records import Counts, Options  # noqa: E402
from infrared_ir_ros.restoration import load_restorer  # noqa: E402
from infrared_ir_ros.restoration.folding import ADAPTERS, WEIGHTS  # noqa: E402
from infrared_ir_ros.restoration.prompts import PromptBank, read_bank  # noqa: E402
from infrared_ir_ros.restoration.weights import PriorFiles  # noqa: E402
from infrared_ir_ros.simulation import layout  # noqa: E402
from infrared_ir_ros.training import adapt as loop  # noqa: E402
from infrared_ir_ros.training.adapt import BANK, adapt  # noqa: E402
from infrared_ir_ros.training.adapt_examples import Moment, Noise, degraded, paired, recorrupted  # noqa: E402
from infrared_ir_ros.training.adapt_frames import Material  # noqa: E402
from infrared_ir_ros.training.adapt_model import Adaptation, entry_of  # noqa: E402
from infrared_ir_ros.training.adapt_plan import RATES, Outcome, Plan, Report  # noqa: E402
from infrared_ir_ros.training.checkpoint import FILE  # noqa: E402

SHAPE = (48, 72)  # not a multiple of 32: frames are padded


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> PriorFiles:
    return write_prior(tmp_path_factory.mktemp("prior"))


@pytest.fixture(scope="module")
def material() -> Material:
    rng = np.random.default_rng(0)
    moments = [Moment(np.rint(255 * layout(rng, *SHAPE)).astype(np.uint8)) for _ in range(6)]
    return Material(moments[:4], moments[4:], degraded("sensor_hard", Counts()), True, None, "clean sensor_hard")


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates for a dozen steps of a tiny prior, and little judging."""
    for kind, rate in (("prompt", 0.3), ("operators", 0.3), ("adapters", 0.02)):
        monkeypatch.setitem(RATES, kind, rate)
    monkeypatch.setattr(loop, "JUDGED", 6)
    monkeypatch.setattr(loop, "LOOKS", 3)


def plan(optimise: str = "prompt", steps: int = 12) -> Plan:
    return Plan("my_camera", optimise=optimise, steps=steps)


def served(files: PriorFiles, task: str, bank: Path | None = None) -> np.ndarray:
    """What the restorer makes of a frame."""
    frame = np.rint(255 * layout(np.random.default_rng(9), *SHAPE)).astype(np.uint8)
    options = Options(task, tone="restore")
    restorer = load_restorer(
        prior_path=str(files.folder), engine="onnxruntime", options=options, prompts=str(bank or "")
    )
    return restorer.restore(frame).image


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("optimise", RATES)
def test_a_task_is_learned_and_nothing_else_changes(
    files: PriorFiles, material: Material, tmp_path: Path, optimise: str
) -> None:
    before, others = contents(files.folder), {task: served(files, task) for task in prompts()}
    mine = PromptBank(files.hashes[WEIGHTS], files.hashes[ADAPTERS]).with_prompt("older", 2 * prompts()["detect"])
    outcome = adapt(plan(optimise), files, mine, material, tmp_path)
    assert outcome.bank == tmp_path / BANK and outcome.finished and outcome.step == 12
    assert outcome.best.loss < outcome.before.loss - 0.03
    assert contents(files.folder) == before and sorted(contents(tmp_path)) == [BANK]
    bank = read_bank(str(tmp_path / BANK))
    assert np.array_equal(bank.prompts["older"], mine.prompts["older"]) and "older" not in bank.bases
    for task, image in others.items():
        assert np.array_equal(served(files, task, tmp_path / BANK), image)
    assert not np.array_equal(served(files, "my_camera", tmp_path / BANK), others["restore"])
    assert outcome.count == {"prompt": 512, "operators": 6 * 4 * 4}.get(optimise, outcome.count)


@pytest.mark.parametrize("optimise", RATES)
def test_what_is_trained_is_what_is_served(
    files: PriorFiles, material: Material, tmp_path: Path, optimise: str
) -> None:
    adapt(plan(optimise, 5), files, None, material, tmp_path)
    bank = read_bank(str(tmp_path / BANK))
    model = Adaptation(files, entry_of(files, bank, "my_camera"), "adapters")
    frame = np.rint(255 * layout(np.random.default_rng(9), *SHAPE)).astype(np.uint8)
    example = paired(Counts())(Moment(frame, frame), np.random.default_rng(0))
    with torch.no_grad():
        shown = 255 * model.judge(example, model.weights()).restored[0, 0].numpy()
    out = served(files, "my_camera", tmp_path / BANK).astype(np.float32)
    inside = (out > 5) & (out < 250)  # of a line: where the levels lie is read off other pixels
    gain, offset = np.polyfit(shown[inside], out[inside], 1)
    assert np.abs(gain * shown + offset - out)[inside].max() < 1


@pytest.mark.parametrize(("contrast", "shape"), [(1.0, SHAPE), (0.05, SHAPE), (1.0, (24, 40))])
def test_a_frame_is_seen_as_the_restorer_sees_it(
    files: PriorFiles, contrast: float, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of faint ones, too, which the restorer looks at through a narrower window, and small ones, which it enlarges."""
    frame = np.rint(120 + 100 * contrast * layout(np.random.default_rng(9), *shape)).astype(np.uint8)
    restorer, seen = load_restorer(prior_path=str(files.folder), engine="onnxruntime"), []
    engine = restorer._switch.current.engine
    estimate = engine.estimate
    monkeypatch.setattr(engine, "estimate", lambda padded: seen.append(padded) or estimate(padded))
    restorer.restore(frame)
    example = paired(Counts())(Moment(frame, frame), np.random.default_rng(0))
    assert np.array_equal(example.seen, seen[0][0, 0])
    enlarged = 2 if min(shape) < 33 else 1
    assert example.target.shape == tuple(enlarged * side for side in shape)


def test_a_task_goes_on_from_one_that_was_learned(files: PriorFiles, material: Material, tmp_path: Path) -> None:
    adapt(plan("operators", 6), files, None, material, tmp_path / "one")
    bank = read_bank(str(tmp_path / "one" / BANK))
    with pytest.raises(OptionError, match="has operators and no prompt"):
        adapt(replace(plan(), task="two", start="my_camera"), files, bank, material, tmp_path / "two")
    with pytest.raises(OptionError, match="'my_camera' exists"):
        adapt(plan("operators"), files, bank, material, tmp_path / "two")
    again = replace(plan("adapters", 6), start="my_camera")
    outcome = adapt(again, files, bank, material, tmp_path / "two")
    assert outcome.bank and read_bank(str(outcome.bank)).bases["my_camera"]
    assert np.array_equal(read_bank(str(outcome.bank)).prompts["my_camera"], bank.prompts["my_camera"])


@pytest.mark.parametrize("resume", [False, True])
def test_a_finished_one_is_not_resumed_and_may_be_trained_on_from(
    files: PriorFiles, material: Material, tmp_path: Path, resume: bool
) -> None:
    adapt(plan(steps=5), files, None, material, tmp_path / "one")
    bank = tmp_path / "one" / BANK
    with pytest.raises(OptionError, match=f"finished adaptation: choose another output; .* give {bank} as prompts"):
        adapt(plan(steps=6), files, None, material, tmp_path / "one", resume=resume)
    again = replace(plan(steps=2), start="my_camera")
    assert adapt(again, files, read_bank(str(bank)), material, tmp_path / "two").finished


def test_an_output_that_cannot_be_made_is_told_before_anything_is_learned(
    files: PriorFiles, material: Material, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    learned: list[Report] = []
    with pytest.raises(SourceError, match="cannot write .*file/mine.* choose a writable output"):
        adapt(plan(steps=5), files, None, material, tmp_path / "file/mine", tell=learned.append)
    assert not learned


class After:
    """Asks to stop after `steps` steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def __call__(self) -> bool:
        self.steps -= 1
        return self.steps < 0


def test_a_stopped_one_goes_on_as_if_it_had_not_been(files: PriorFiles, material: Material, tmp_path: Path) -> None:
    whole = adapt(plan(), files, None, material, tmp_path / "whole")
    part = adapt(plan(), files, None, material, tmp_path / "part", stop=After(7))
    assert not part.finished and part.step == 7 and (tmp_path / "part" / FILE).is_file()
    with pytest.raises(OptionError, match="already holds an adaptation"):
        adapt(plan(), files, None, material, tmp_path / "part")
    with pytest.raises(OptionError, match="started with task my_camera, this is other"):
        adapt(replace(plan(), task="other"), files, None, material, tmp_path / "part", resume=True)
    other = replace(material, taught="self")
    with pytest.raises(
        OptionError, match="started with supervision clean sensor_hard, this is self: choose another out"
    ):
        adapt(plan(), files, None, other, tmp_path / "part", resume=True)
    rest = adapt(plan(), files, None, material, tmp_path / "part", resume=True)
    assert rest.finished and not (tmp_path / "part" / FILE).exists() and rest.best.loss == whole.best.loss
    assert whole.bank and rest.bank and whole.bank.read_bytes() == rest.bank.read_bytes()


def test_a_stop_during_the_last_step_is_asked_for_and_finds_it_finished(
    files: PriorFiles, material: Material, tmp_path: Path
) -> None:
    stop = After(3)
    assert adapt(plan(steps=3), files, None, material, tmp_path, stop=stop).finished
    assert stop.steps == -1 and not (tmp_path / FILE).exists()


def test_what_is_not_better_is_not_saved(
    files: PriorFiles, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RATES, "prompt", 0.0)
    outcome = adapt(plan(steps=2), files, None, material, tmp_path)
    assert outcome.bank is None and outcome.best.loss == outcome.before.loss
    assert list(tmp_path.iterdir()) == []


def test_time_ends_it_and_pauses_do_not_count(files: PriorFiles, material: Material, tmp_path: Path) -> None:
    pauses = iter([True] * 5)
    reports: list[Report] = []
    short = replace(plan(steps=0), minutes=0.2 / 60)
    began = time.monotonic()
    outcome = adapt(short, files, None, material, tmp_path, pause=lambda: next(pauses, False), tell=reports.append)
    assert outcome.finished and outcome.seconds < time.monotonic() - began - 0.5
    assert [report.step for report in reports] == list(range(outcome.step + 1))
    assert reports[-1].share == 1 and reports[-1].terms and reports[-1].best.picture.shape == SHAPE


def test_what_is_learned_last_is_judged_too(
    files: PriorFiles, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step and each look takes a second of this clock; the last step ends after the budget of so many."""
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=count().__next__))
    reports: list[Report] = []
    adapt(replace(plan(steps=0), minutes=13.5 / 60), files, None, material, tmp_path, tell=reports.append)
    judged = [report.step for report in reports[1:] if report.now]
    assert judged == [5, 8, 12] and reports[-1].step == 12


def test_other_priors_banks_are_refused(files: PriorFiles, material: Material, tmp_path: Path) -> None:
    foreign = PromptBank("f" * 64, files.hashes[ADAPTERS]).with_prompt("x", prompts()["detect"])
    with pytest.raises(WeightsError, match=f"{'f' * 64}.*{files.hashes[WEIGHTS]}"):
        adapt(plan(), files, foreign, material, tmp_path)
    with pytest.raises(OptionError, match="'x' to start from: this prior and the bank have detect, restore"):
        adapt(replace(plan(), start="x"), files, None, material, tmp_path)
    with pytest.raises(OptionError, match="'detect' exists"):
        adapt(replace(plan(), task="detect"), files, None, material, tmp_path)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Plan("My camera"), "the task is named 'My camera'"),
        (lambda: Plan("x", optimise="all"), "optimise is 'all'"),
        (lambda: Plan("x", minutes=0.0), "minutes is 0.0"),
        (lambda: Plan("x", seed=-1), "seed is -1"),
        (lambda: degraded("sensor_soft", Counts()), "degradation is 'sensor_soft'"),
        (lambda: degraded("clean", Counts()), "degrades nothing"),
        (lambda: Noise(0.1, 0.0, 0.0), "too little to learn from"),
    ],
)
def test_mistakes_are_named(make: Callable[[], Outcome], says: str) -> None:
    with pytest.raises(InfraredError, match=says):
        make()


def test_recorrupted_frames_have_independent_noise() -> None:
    """Then a noisy target is as good as the clean one, on average."""
    rng = np.random.default_rng(0)
    clean = (128 + 40 * np.sin(np.mgrid[0:256, 0:320][1] / 9)).astype(np.float32)
    noise = Noise(6.0, 3.0, 2.0)
    seen, target = [], []
    for _ in range(6):
        frame = np.rint(clean + noise.draw(clean.shape, rng)).astype(np.uint8)
        example = recorrupted(noise, Counts())(Moment(frame), rng)
        assert example.noisy
        seen.append(255 * example.seen - clean)
        target.append(255 * example.target - clean)
    added, left = np.stack(seen), np.stack(target)
    assert added.std() == pytest.approx(7 * 1.25**0.5, rel=0.1)  # dead pixels are replaced: what stands out most
    assert left.std() == pytest.approx(7 * 5**0.5, rel=0.1)
    for axes in ((), (1,), (2,)):  # of pixels, of columns, of rows
        both = [one.mean(axes, keepdims=True) if axes else one for one in (added, left)]
        assert abs(np.corrcoef(both[0].ravel(), both[1].ravel())[0, 1]) < 0.08
