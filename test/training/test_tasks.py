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

"""Training of tasks: resumable, on a prior that stays as it is; prompts alone can be trained too."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")
pytest.importorskip("onnx")

from tiny_tasks import CONSTRUCTOR, After, write_prior  # noqa: E402

from infrared_ir_ros.engines.torch_engine import load_prior  # noqa: E402
from infrared_ir_ros.errors import OptionError, WeightsError  # noqa: E402
from infrared_ir_ros.priors import EmbeddedPrior  # noqa: E402
from infrared_ir_ros.priors.adapters import AdaptedPrior, Adapters  # noqa: E402
from infrared_ir_ros.priors.export import export_prior  # noqa: E402
from infrared_ir_ros.restoration.folding import ADAPTERS, PROMPTS, WEIGHTS, Tasks, read_adapters  # noqa: E402
from infrared_ir_ros.restoration.prompts import PromptBank  # noqa: E402
from infrared_ir_ros.restoration.weights import PriorFiles, find_prior  # noqa: E402
from infrared_ir_ros.simulation import layout  # noqa: E402
from infrared_ir_ros.training import checkpoint  # noqa: E402
from infrared_ir_ros.training.frames import Pairs  # noqa: E402
from infrared_ir_ros.training.labels import Labels  # noqa: E402
from infrared_ir_ros.training.task_config import TasksConfig, read_tasks_config  # noqa: E402
from infrared_ir_ros.training.task_model import TaskFrames, TaskLoss, Trained, digest  # noqa: E402
from infrared_ir_ros.training.tasks import train_tasks  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
rank: 4
rate: 0.1
prompt_rate: 1.0
workers: 0
log_every: 1
mix: {sets: {layouts: 1}, presets: {sensor_hard: 1}, sizes: [[64, 64, 2, 1]]}
tasks:
  - {name: restore, minutes: 100, spectral: 0.5}
  - {name: detect, minutes: 100, semantic: detection, semantic_weight: 2.0}
  - {name: segment, minutes: 100, spectral: 0.5, spectral_kind: detail}
  - {name: small_target, minutes: 50, mix: {presets: {hm_tir_hard: 1}}}
"""


class Dark(torch.nn.Module):
    """Stands for a semantic loss, and pulls elsewhere than the others do."""

    classes = 1

    def forward(self, restored: torch.Tensor, target: dict[str, torch.Tensor]) -> torch.Tensor:
        return restored.mean()


SEMANTIC = {"detection": Dark()}
LABELS = Labels({"layouts": [np.zeros((0, 5), np.float32)] * 4}, {})


@pytest.fixture
def config(tmp_path: Path) -> TasksConfig:
    (tmp_path / "config.yaml").write_text(CONFIG)
    return read_tasks_config(tmp_path / "config.yaml")


@pytest.fixture(scope="module")
def frames() -> dict[str, list[np.ndarray]]:
    return {"layouts": [(255 * layout(np.random.default_rng(s), 128, 160)).astype(np.uint8) for s in range(4)]}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> PriorFiles:
    return write_prior(tmp_path_factory.mktemp("prior"))


def train(config, frames, files, run: Path, steps: int, resume: bool = False) -> PriorFiles:  # noqa: ANN001
    train_tasks(config, frames, files, run, resume, After(steps), SEMANTIC, labels=LABELS)
    return find_prior("embedded", str(run / "prior"))


def losses(run: Path, config: TasksConfig) -> dict[int, str]:
    """The base's term by step, of all tasks."""
    rows = [row for task in config.tasks for row in csv.DictReader((run / f"log_{task.name}.csv").open())]
    return {int(row["step"]): row["frame"] for row in rows}


def bank(files: PriorFiles) -> dict[str, np.ndarray]:
    return dict(PromptBank.from_bytes(files.read(PROMPTS), "prompts").prompts)


def adapted(files: PriorFiles) -> AdaptedPrior:
    prior = load_prior(files)
    return AdaptedPrior(prior, Adapters.from_file(prior.denoiser, read_adapters(files)))


def test_a_stopped_training_goes_on_as_if_it_had_not_been(config, frames, files, tmp_path: Path) -> None:  # noqa: ANN001
    whole = train(config, frames, files, tmp_path / "whole", 9)
    train(config, frames, files, tmp_path / "parts", 5)
    parts = train(config, frames, files, tmp_path / "parts", 4, resume=True)
    assert losses(tmp_path / "whole", config) == losses(tmp_path / "parts", config)
    assert set(losses(tmp_path / "whole", config)) == set(range(1, 10))
    assert list((tmp_path / "parts/samples").glob("*.png")) and list((tmp_path / "parts/tensorboard").iterdir())
    assert whole.hashes == parts.hashes and whole.hashes[WEIGHTS] == files.hashes[WEIGHTS]
    # and what it gives are four tasks with outputs of their own, on a robot too
    assert Tasks(whole).names == ("restore", "detect", "segment", "small_target")
    frame, prior = torch.rand(1, 1, 64, 64), adapted(whole)
    with torch.no_grad():
        outputs = [prior(frame, torch.from_numpy(prompt)) for prompt in bank(whole).values()]
    for index, output in enumerate(outputs):
        assert all((output - other).abs().max() > 1e-5 for other in outputs[:index])


def test_a_resumed_log_has_the_rows_of_one_that_was_never_stopped(config, frames, files, tmp_path: Path) -> None:  # noqa: ANN001
    config = replace(config, log_every=2, tasks=config.tasks[:2])
    train(config, frames, files, tmp_path / "whole", 8)
    train(config, frames, files, tmp_path / "parts", 5)
    train(config, frames, files, tmp_path / "parts", 3, resume=True)
    assert losses(tmp_path / "whole", config) == losses(tmp_path / "parts", config)


def test_a_training_is_gone_on_with_as_it_was_begun(config, frames, files, tmp_path: Path) -> None:  # noqa: ANN001
    train(config, frames, files, tmp_path / "run", 1)
    tasks = [replace(task, semantic=None, semantic_weight=0.0) for task in config.tasks]
    with pytest.raises(WeightsError, match="task detect had a semantic loss, the configuration gives it none"):
        train(replace(config, tasks=tasks), frames, files, tmp_path / "run", 1, resume=True)
    more = [*config.tasks, replace(config.tasks[0], name="another")]
    with pytest.raises(WeightsError, match="trained other parts than this configuration"):
        train(replace(config, tasks=more), frames, files, tmp_path / "run", 1, resume=True)


def test_prompts_are_gone_on_with_beside_the_adapters_that_they_began_with(config, frames, files, tmp_path) -> None:  # noqa: ANN001
    alone = replace(config, optimise="prompt", tasks=config.tasks[:1])
    train(alone, frames, files, tmp_path / "run", 1)
    other = train(replace(config, tasks=config.tasks[:1]), frames, files, tmp_path / "other", 1)
    assert other.hashes[WEIGHTS] == files.hashes[WEIGHTS]
    with pytest.raises(WeightsError, match="were trained beside other adapters than those of this prior"):
        train(alone, frames, other, tmp_path / "run", 1, resume=True)


def test_every_process_has_the_same_terms_also_without_labels(config, frames, files) -> None:  # noqa: ANN001
    """Else processes that average their terms wait for each other, or abort."""
    task = config.tasks[1]
    loss = TaskLoss(Trained(adapted(files), {task.name: torch.ones(512)}, "prompt", ""), [task], SEMANTIC)
    _, terms = loss(torch.rand(2, 1, 64, 64), torch.rand(2, 1, 64, 64), None, task, 0)
    assert terms["semantic"] == 0


def test_a_training_that_is_over_is_not_gone_on_with(config, frames, files, tmp_path: Path) -> None:  # noqa: ANN001
    config = replace(config, tasks=[replace(task, minutes=1e-6) for task in config.tasks])
    over = [train(config, frames, files, tmp_path, 9, resume=resume).hashes for resume in (False, True)]
    assert checkpoint.load(tmp_path).step == 1 and over[0] == over[1]


def test_training_prompts_alone_lowers_the_loss_and_changes_nothing_else(config, frames, files, tmp_path) -> None:  # noqa: ANN001
    task = replace(config.tasks[0], name="my_camera", spectral=0.0)
    alone = replace(config, optimise="prompt", prompt_rate=0.5, tasks=[task])
    before, ones = adapted(files), torch.ones(512, requires_grad=True)
    pairs = Pairs(TaskFrames(alone, frames))
    few = [pairs[step] for step in range(3)]

    def loss(prompt: torch.Tensor) -> torch.Tensor:
        of = TaskLoss(Trained(before, {"my_camera": prompt}, "prompt", ""), alone.tasks, {})
        return sum(of(*pair, None, task, 0)[0] for pair in few)

    of_ones = loss(ones)
    hashes = digest(before.prior), digest(before.adapters)
    after = train(alone, frames, files, tmp_path / "run", 12)
    assert loss(torch.from_numpy(bank(after)["my_camera"])) < of_ones - 0.03
    trained = adapted(after)
    assert (digest(trained.prior), digest(trained.adapters)) == hashes
    assert {name: after.hashes[name] for name in after.hashes if name != PROMPTS} == {
        name: files.hashes[name] for name in files.hashes if name != PROMPTS
    }
    assert all(np.array_equal(bank(after)[task], prompt) for task, prompt in bank(files).items())
    prompt = torch.ones(512, requires_grad=True)
    before(few[0][1], prompt).sum().backward()
    assert prompt.grad.abs().min() > 0


def test_tasks_of_an_earlier_state_of_the_prior_are_the_start(config, frames, files, tmp_path: Path) -> None:  # noqa: ANN001
    plain = find_prior("embedded", str(files.folder.parent / "plain"))
    still = replace(config, rate=0.0, prompt_rate=0.0)
    train_tasks(still, frames, plain, tmp_path / "run", False, After(1), SEMANTIC, files, LABELS)
    after = find_prior("embedded", str(tmp_path / "run" / "prior"))
    assert all(np.array_equal(bank(after)[task], prompt) for task, prompt in bank(files).items())
    ours, theirs = adapted(after).adapters, adapted(files).adapters
    assert all(torch.equal(*bases) for bases in zip([*ours.down, *ours.up], [*theirs.down, *theirs.up], strict=True))
    for prompt in map(torch.from_numpy, bank(files).values()):
        torch.testing.assert_close(ours.operators(prompt), theirs.operators(prompt), atol=1e-3, rtol=0)
    with pytest.raises(OptionError, match="not with --resume"):
        train_tasks(still, frames, plain, tmp_path / "run", True, semantic=SEMANTIC, init=files)


def test_tasks_of_another_prior_and_with_losses_that_are_not_there_are_refused(config, frames, files, tmp_path) -> None:  # noqa: ANN001
    with pytest.raises(OptionError, match="the detection loss, which is not available: give --detector"):
        train_tasks(config, frames, files, tmp_path / "run")
    train(config, frames, files, tmp_path / "run", 1)
    with pytest.raises(OptionError, match="already holds a training"):
        train(config, frames, files, tmp_path / "run", 1)
    other = replace(files, hashes=files.hashes | {WEIGHTS: "f" * 64}, contents={WEIGHTS: files.read(WEIGHTS)})
    with pytest.raises(WeightsError, match=f"{files.hashes[WEIGHTS]}, but this one is {'f' * 64}"):
        train(config, frames, other, tmp_path / "run", 1, resume=True)
    with pytest.raises(WeightsError, match="is not of these tasks and this rank"):
        train(replace(config, rank=5), frames, files, tmp_path / "run", 1, resume=True)
    plain = find_prior("embedded", str(files.folder.parent / "plain"))
    with pytest.raises(WeightsError, match=ADAPTERS):
        train(replace(config, optimise="prompt"), frames, plain, tmp_path / "none", 1)


def test_tasks_of_a_prior_that_cannot_carry_them_are_refused_before_they_are_trained(config, frames, tmp_path) -> None:  # noqa: ANN001
    export_prior(EmbeddedPrior(**CONSTRUCTOR), CONSTRUCTOR, tmp_path / "prior", "0")  # not trained: layers of zeros
    files = find_prior("embedded", str(tmp_path / "prior"))
    with pytest.raises(WeightsError, match="are more than once in .*: export the prior, once trained, again"):
        train(config, frames, files, tmp_path / "run", 1)
    assert not (tmp_path / "run").exists()


def test_tasks_take_turns_as_their_minutes_say(config: TasksConfig) -> None:
    names = [config.task_at(step).name for step in range(700)]
    counts = {task.name: names.count(task.name) for task in config.tasks}
    assert all(abs(counts[task.name] - 2 * task.minutes) <= 3 for task in config.tasks)
    assert {config.task_at(step).name for step in range(300, 312)} == set(counts)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("rank: 4", "rnak: 4"), "rnak"),
        (("minutes: 50", "minutes: long"), "config.yaml: task small_target: minutes is 'long': .* valid number"),
        (("rank: 4", "rank: four"), "config.yaml: rank is 'four': .* valid integer"),
        (("64, 2, 1]", "64, two, 1]"), "task restore: mix: sizes.0.2 is 'two'"),
        (("minutes: 50", "minutes: 0"), "task small_target: minutes is 0: .* greater than 0"),
        (("64, 2, 1]", "50, 2, 1]"), "task restore: mix: sizes.0.1 is 50: .* multiple of 32"),
        (("semantic_weight: 2.0", "semantic_weight: 0"), "semantic 'detection' and semantic_weight 0: give both"),
        (("spectral_kind: detail", "semantic_weight: 1"), "semantic None and semantic_weight 1: give both"),
        (("[[64, 64, 2, 1]]", "[]"), r"task restore: mix: sizes is \[\]: at least one"),
        (("minutes: 50", "minutes: .inf"), "task small_target: minutes is inf: .* finite"),
        (("rate: 0.1", "rate: true"), "config.yaml: rate is True: .* not numbers"),
        (("workers: 0", f"seed: {10**23}"), f"seed is {10**23}: .* less than {2**63}"),
        (("hm_tir_hard", "fog"), "config.yaml: task small_target: mix: presets: degradation is 'fog'"),
        (("spectral_kind: detail", "spectral_kind: loud"), "spectral_kind 'loud'"),
        (("name: segment", "name: detect"), "or one twice"),
        (("name: segment", "name: my/task"), "config.yaml: the task is named 'my/task': use a lower-case letter"),
        ((CONFIG, "- 1"), "list, not a table"),
        (("workers: 0", "optimise: nothing"), "optimise is 'nothing'"),
    ],
)
def test_mistakes_in_a_configuration_are_named(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG.replace(*change))
    with pytest.raises(OptionError, match=message):
        read_tasks_config(tmp_path / "config.yaml")


def test_the_shipped_configurations_are_valid() -> None:
    config = read_tasks_config(ROOT / "config/train_tasks.yaml")
    assert [task.name for task in config.tasks] == ["restore", "detect", "segment", "small_target"]
    taught = read_tasks_config(ROOT / "config/train_semantic.yaml")
    assert [task.semantic for task in taught.tasks] == [None, "detection", "segmentation", "small_target"]
    assert [task.name for task in taught.tasks] == [task.name for task in config.tasks]
