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
import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

safetensors = pytest.importorskip("safetensors")
torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

import safetensors.torch  # noqa: E402, F811
from tiny_tasks import After  # noqa: E402

from infrared_ir_ros.commands.export_prior import export_prior  # noqa: E402
from infrared_ir_ros.errors import OptionError, SourceError, WeightsError  # noqa: E402
from infrared_ir_ros.media.atomic import temporary_name  # noqa: E402
from infrared_ir_ros.priors import EmbeddedPrior  # noqa: E402
from infrared_ir_ros.restoration.weights import find_prior  # noqa: E402
from infrared_ir_ros.simulation import layout  # noqa: E402
from infrared_ir_ros.training import checkpoint, train  # noqa: E402
from infrared_ir_ros.training.config import PriorConfig, read_config  # noqa: E402
from infrared_ir_ros.training.frames import Thumbnails  # noqa: E402
from infrared_ir_ros.training.log import TrainingLog  # noqa: E402
from infrared_ir_ros.training.losses import detail, fitted, log_error, lost_detail, painted_grid, stretched  # noqa: E402
from infrared_ir_ros.training.stages import FLOOR, base_terms  # noqa: E402
from infrared_ir_ros.training.train import schedule, train_prior  # noqa: E402

CONFIG = """
prior: {channels: [16, 16, 16], middle: 1, field_channels: [8, 16, 32], field_layers: 1}
workers: 0
log_every: 2
stages:
  - name: field
    steps: 3
    rate: 0.001
    batch: 4
    pool: 8
    mix: {sets: {layouts: 1}, presets: {hm_tir_hard: 1}}
  - name: restore
    minutes: 60
    rate: 0.003
    mix: {sets: {layouts: 1}, presets: {sensor_hard: 1}, sizes: [[64, 64, 4, 0.5], [64, 96, 2, 0.5]]}
"""


@pytest.fixture
def config(tmp_path: Path) -> PriorConfig:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return read_config(path)


@pytest.fixture(scope="module")
def frames() -> dict[str, list[np.ndarray]]:
    return {"layouts": [(255 * layout(np.random.default_rng(s), 128, 160)).astype(np.uint8) for s in range(6)]}


def run(config: PriorConfig, frames: dict, folder: Path, steps: int, **how: object) -> checkpoint.Progress:
    train_prior(config, frames, folder, stop=After(steps), **how)
    return checkpoint.load(folder)


def rows(folder: Path, stage: str = "restore") -> list[dict[str, str]]:
    return list(csv.DictReader((folder / f"log_{stage}.csv").open()))


def losses(folder: Path, stage: str = "restore") -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows(folder, stage)]


def assert_same(first: object, second: object) -> None:
    """Bit for bit, however deep."""
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_same(first[key], second[key])
    elif isinstance(first, list):
        assert len(first) == len(second)
        for pair in zip(first, second, strict=True):
            assert_same(*pair)
    else:
        assert first == second


def test_training_stops_resumes_and_leaves_what_to_look_at(config, frames, tmp_path: Path) -> None:  # noqa: ANN001
    folder = tmp_path / "run"
    first = run(config, frames, folder, 6)
    assert (first.stage, first.step) == (1, 3)  # the field stage ran out of its steps and the next began
    second = run(config, frames, folder, 5, resume=True)
    assert (second.stage, second.step) == (1, 8)
    assert second.seconds > first.seconds
    changed = [k for k, v in first.prior.items() if not torch.equal(v, second.prior[k])]
    assert {name.split(".")[0] for name in changed} == {"lines", "snr", "denoiser"}  # a few thumbnails teach no field
    assert {"step", "rate", "structure", "log_snr"} <= rows(folder)[0].keys()
    assert list((folder / "samples").glob("restore_*.png"))
    assert list((folder / "tensorboard").iterdir())


def test_a_training_is_gone_on_with_as_it_was_begun(config, frames, tmp_path: Path) -> None:  # noqa: ANN001
    run(config, frames, tmp_path, 1)
    restore = replace(config.stages[1], steps=40, minutes=0)
    with pytest.raises(WeightsError, match="trained other parts than this configuration .*: resume with the config"):
        train_prior(replace(config, stages=[restore]), frames, tmp_path, resume=True)


def test_drawing_thumbnails_in_advance_is_no_training(config, frames, tmp_path, monkeypatch) -> None:  # noqa: ANN001
    """Their number may take minutes, at each start."""
    monkeypatch.setattr(train, "Thumbnails", lambda *given: time.sleep(1.5) or Thumbnails(*given))
    assert run(config, frames, tmp_path, 1).seconds < 1.4


def test_looking_is_learned_without_touching_the_denoiser(config, frames, tmp_path: Path) -> None:  # noqa: ANN001
    look = replace(config.stages[1], name="look")
    first = run(replace(config, stages=[look]), frames, tmp_path, 2)
    second = run(replace(config, stages=[look]), frames, tmp_path, 3, resume=True)
    changed = [k for k, v in first.prior.items() if not torch.equal(v, second.prior[k])]
    assert {name.split(".")[0] for name in changed} == {"lines", "snr"}
    assert list((tmp_path / "samples").glob("look_*.png"))


@pytest.mark.parametrize("degrade_on", ["loader", "device"])
def test_resumed_trainings_go_on_as_if_never_stopped(config, frames, tmp_path: Path, degrade_on: str) -> None:  # noqa: ANN001
    config = replace(config, stages=[config.stages[0], replace(config.stages[1], minutes=0, steps=40)])
    config = replace(config, degrade_on=degrade_on)
    whole = run(config, frames, tmp_path / "whole", 9)
    for steps, resume in ((2, False), (3, True), (4, True)):  # in the first stage, between two rows of the log, on
        parts = run(config, frames, tmp_path / "parts", steps, resume=resume)
    assert (whole.stage, whole.step) == (1, 6)
    assert_same(vars(replace(whole, seconds=0.0)), vars(replace(parts, seconds=0.0)))
    for stage in ("field", "restore"):
        assert losses(tmp_path / "whole", stage) == losses(tmp_path / "parts", stage)


def test_rows_after_the_last_checkpoint_are_replaced(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path)
    for step in (2, 4, 6):
        log.add({"loss": torch.tensor(float(step))})
        log.write("restore", step, 0.0, 0.1)
    again = TrainingLog(tmp_path)
    again.add({"loss": torch.tensor(40.0), "new": torch.tensor(1.0)})
    again.write("restore", 4, 0.0, 0.1)
    assert [(row["step"], row["loss"], row["new"]) for row in rows(tmp_path)] == [("2", "2", ""), ("4", "40", "1")]


def test_stages_of_the_same_name_keep_a_log_each(config, frames, tmp_path: Path) -> None:  # noqa: ANN001
    restore = replace(config.stages[1], minutes=0, steps=4)
    config = replace(config, stages=[restore, replace(restore, steps=2)])
    assert train_prior(config, frames, tmp_path)
    assert [row["step"] for row in rows(tmp_path)] == ["2", "4"]
    assert [row["step"] for row in rows(tmp_path, "restore_2")] == ["2"]
    assert {picture.name for picture in (tmp_path / "samples").iterdir()} == {
        "restore_000004.png",
        "restore_2_000002.png",
    }


def test_a_log_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match="cannot write .*file/run: Not a directory; free some space"):
        TrainingLog(tmp_path / "file/run")
    log = TrainingLog(tmp_path)
    log.add({"loss": torch.tensor(1.0)})
    log.write("restore", 1, 0.0, 0.1)
    (tmp_path / "log_restore.csv").unlink()
    (tmp_path / "log_restore.csv").symlink_to("/dev/full")
    log.add({"loss": torch.tensor(1.0)})
    with pytest.raises(SourceError, match="cannot write .*: No space left on device; free some space"):
        log.write("restore", 2, 0.0, 0.1)


def exported(folder: Path, constructor: dict) -> Path:
    """A prior's folder without graphs, its weights random."""
    prior = EmbeddedPrior(**constructor)
    for tensor in prior.state_dict().values():
        tensor.copy_(torch.rand(tensor.shape).half().float())
    content = safetensors.torch.save({name: tensor.half() for name, tensor in prior.state_dict().items()})
    folder.mkdir()
    (folder / "weights.safetensors").write_bytes(content)
    manifest = {"name": "embedded", "version": "1", "tasks": ["restore"], "constructor": constructor,
                "files": {"weights.safetensors": hashlib.sha256(content).hexdigest()}}  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_a_training_starts_from_exported_weights(config, frames, tmp_path: Path) -> None:  # noqa: ANN001
    files = find_prior("embedded", str(exported(tmp_path / "prior", config.prior)))
    progress = run(config, frames, tmp_path / "run", 1, init=files)
    weights = safetensors.torch.load(files.read("weights.safetensors"))
    kept = [name for name, tensor in weights.items() if torch.equal(progress.prior[name], tensor.float())]
    assert {"latent_scale", "denoiser.head.weight"} <= set(kept)  # the first stage trains the field alone
    assert 0 < len(weights) - len(kept) < len(weights)


def test_a_larger_denoiser_starts_behind_the_heads_of_a_smaller_prior(config, frames, tmp_path: Path, capsys) -> None:  # noqa: ANN001
    files = find_prior("embedded", str(exported(tmp_path / "prior", config.prior)))
    larger = replace(config, prior=config.prior | {"middle": 2, "blocks": [2, 2]})
    progress = run(larger, frames, tmp_path / "run", 1, init=files)
    weights = safetensors.torch.load(files.read("weights.safetensors"))
    assert "another size: starting from its heads alone" in capsys.readouterr().err
    kept = {name.partition(".")[0] for name, value in weights.items() if progress.prior[name].equal(value.float())}
    assert {"lines", "snr", "latent_scale"} <= kept  # the first stage trains the field alone
    assert progress.prior["denoiser.fine_up.1.second.weight"].abs().sum() == 0


def test_weights_with_another_field_head_are_refused(config, frames, tmp_path: Path) -> None:  # noqa: ANN001
    files = find_prior("embedded", str(exported(tmp_path / "prior", config.prior | {"field_layers": 2})))
    with pytest.raises(WeightsError, match="'field_layers': 2.*'field_layers': 1"):
        train_prior(config, frames, tmp_path / "run", init=files)
    with pytest.raises(OptionError, match="--resume.*--init"):
        train_prior(config, frames, tmp_path / "run", resume=True, init=files)
    with pytest.raises(OptionError, match="middel"):
        train_prior(replace(config, prior={"middel": 1}), frames, tmp_path / "run")
    for channels in (["a", 16, 16], 3, [16, 16], [-16, 16, 16]):
        with pytest.raises(OptionError, match="prior: cannot build a network with {'channels'"):
            train_prior(replace(config, prior=config.prior | {"channels": channels}), frames, tmp_path / "run")


def test_a_training_is_not_overwritten_and_does_not_change_its_network(config, frames, tmp_path: Path) -> None:  # noqa: ANN001
    run(config, frames, tmp_path, 1)
    with pytest.raises(OptionError, match="already holds a training"):
        train_prior(config, frames, tmp_path)
    with pytest.raises(WeightsError, match="not of a prior with"):
        train_prior(replace(config, prior=config.prior | {"middle": 2}), frames, tmp_path, resume=True)
    (tmp_path / "other.yaml").write_text(CONFIG.replace("middle: 1", "middle: 2"))
    with pytest.raises(WeightsError, match="not of a prior with"):
        export_prior(tmp_path, tmp_path / "other.yaml", output=tmp_path / "prior", version="mine")
    (tmp_path / "other.yaml").write_text(CONFIG.replace("middle: 1", "middel: 1"))
    with pytest.raises(OptionError, match="prior: cannot build a network with {.*middel"):
        export_prior(tmp_path, tmp_path / "other.yaml", output=tmp_path / "prior", version="mine")


@pytest.mark.filterwarnings("error")
def test_an_export_says_where_it_is_and_of_what(config, frames, tmp_path: Path, capsys) -> None:  # noqa: ANN001
    run(config, frames, tmp_path / "run", 1)
    (tmp_path / "config.yaml").write_text(CONFIG)
    export_prior(tmp_path / "run", tmp_path / "config.yaml", output=tmp_path / "prior", version="mine")
    stopped, done = capsys.readouterr().out.splitlines()
    assert stopped.startswith(f"not finished: {tmp_path / 'run'} stopped in stage 1 of 2 (field)")
    assert done == f"exported mine: {tmp_path / 'prior'}, for prior_path"
    assert find_prior("embedded", str(tmp_path / "prior")).version == "mine"


def test_what_a_killed_training_left_half_written_is_taken_away(tmp_path: Path) -> None:
    temporary_name(tmp_path / checkpoint.FILE).write_bytes(b"half a checkpoint")
    for name in (checkpoint.FILE, "mine.partial.pt", ".mine.partial.pt"):
        (tmp_path / name).touch()
    checkpoint.check_output(tmp_path, resume=True)
    assert {path.name for path in tmp_path.iterdir()} == {checkpoint.FILE, "mine.partial.pt", ".mine.partial.pt"}


def test_sets_that_the_pack_lacks_are_named(config, tmp_path: Path) -> None:  # noqa: ANN001
    with pytest.raises(OptionError, match="layouts: the pack has photographs"):
        train_prior(config, {"photographs": []}, tmp_path)
    towns = replace(config.stages[0], mix=replace(config.stages[0].mix, sets={"photographs": 1.0}))
    with pytest.raises(OptionError, match="stage field draws from photographs.*pack_frames --photographs FOLDER"):
        train_prior(replace(config, stages=[towns]), {"layouts": []}, tmp_path)


def test_training_lowers_its_loss(config, frames, tmp_path: Path) -> None:  # noqa: ANN001
    run(config, frames, tmp_path / "run", 80)
    read = [float(row["log_snr"]) for row in rows(tmp_path / "run")]
    assert np.mean(read[-5:]) < 0.7 * np.mean(read[:5])


def test_resuming_nothing_and_damage_are_told(config, frames, tmp_path: Path) -> None:  # noqa: ANN001
    with pytest.raises(WeightsError, match="no training was started in this folder"):
        train_prior(config, frames, tmp_path / "run", resume=True)
    (tmp_path / checkpoint.FILE).write_bytes(b"not a checkpoint")
    with pytest.raises(WeightsError, match="can't be read") as caught:
        checkpoint.load(tmp_path)
    assert "\n" not in str(caught.value) and "weights_only" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("rate: 0.001", "speed: 0.001"), "speed"),
        (("name: field", "name: fly"), "'fly' is unknown"),
        (("workers: 0", "wrokers: 0"), "wrokers"),
        (("stages:", "stages: []\nold:"), "no stages|unknown key"),
        (("batch: 4", "batch: [4"), "can't be read"),
        ((CONFIG, ""), "NoneType, not a table"),
        (("stages:", "stages: fast\nold:"), "stages is 'fast'"),
        (("mix:", "mix: loud\n    old:"), "stage field: mix: Mix is 'loud'"),
        (("rate: 0.001", "rate: abc"), "config.yaml: stage field: rate is 'abc': .* valid number"),
        (("rate: 0.001", ""), "config.yaml: stage field: rate is missing"),
        (("log_every: 2", "log_every: [2]"), r"config.yaml: log_every is \[2\]: .* integer"),
        (
            ("layouts: 1}, presets: {hm", "layouts: x}, presets: {hm"),
            "stage field: mix: sets.layouts is 'x': .* number",
        ),
        (("layouts: 1}, presets: {hm", "layouts: -1}, presets: {hm"), "mix: sets.layouts is -1: .* or equal to 0"),
        (("rate: 0.001", "rate: .nan"), "stage field: rate is nan: .* finite"),
        (("batch: 4", "batch: 0"), "stage field: batch is 0: .* greater than 0"),
        (("workers: 0", "seed: -1"), "seed is -1"),
        (
            ("sets: {layouts: 1}, presets: {sen", "sets: {}, presets: {sen"),
            "stage restore: mix: sets is {}: at least one weight",
        ),
        (("[64, 64, 4, 0.5]", "[64, 64, 4]"), "stage restore: mix: sizes.0.3 is missing"),
        (("64, 4, 0.5]", "72, 4, 0.5]"), "stage restore: mix: sizes.0.1 is 72: .* multiple of 32"),
        (("{hm_tir_hard: 1}", "{hm_tir_hard: 1}, plain: 0.1"), "stage field: mix: plain: thumbnails have none"),
        (("hm_tir_hard", "none.yaml"), "config.yaml: stage field: mix: presets: .*none.yaml"),
        (("hm_tir_hard", "fog"), "config.yaml: stage field: mix: presets: degradation is 'fog': use one of"),
        (("[[64, 64, 4, 0.5], [64, 96, 2, 0.5]]", "[]"), r"stage restore: mix: sizes is \[\]: at least one"),
        (("0.5], [64, 96, 2, 0.5]", "0], [64, 96, 2, 0]"), r"stage restore: mix: sizes is \[\(64, .* above 0"),
        (("rate: 0.001", "rate: .inf"), "stage field: rate is inf: .* finite"),
        (("minutes: 60", "minutes: .inf"), "stage restore: minutes is inf: .* finite"),
        (("layouts: 1}, presets: {hm", "layouts: .inf}, presets: {hm"), "mix: sets.layouts is inf: .* finite"),
        (("workers: 0", "average: 1.5"), "average is 1.5: .* less than 1"),
        (("workers: 0", f"seed: {10**23}"), f"seed is {10**23}: .* less than {2**63}"),
        (("rate: 0.001", "rate: true"), "stage field: rate is True: .* not numbers"),
        (("steps: 3", "steps: true"), "stage field: steps is True: .* not numbers"),
        (("64, 4, 0.5], [64, 96, 2, 0.5", "64, 4, 1e308], [64, 96, 2, 1e308"), r"mix: sizes is \[.* none huge"),
        (("name: field", "name: [field]"), r"\['field'\] is unknown"),
        (("steps: 3", "steps: 3\n    minutes: 1"), "minutes: 1 and steps: 3: give one"),
        (("steps: 3", ""), "minutes: 0 and steps: 0: give one"),
        (("workers: 0", "precision: fp8"), "'fp8': use one of fp32, bf16"),
        (("workers: 0", "degrade_on: gpu"), "'gpu': use one of auto, loader, device"),
    ],
)
def test_mistakes_in_a_configuration_are_named(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.replace(*change))
    with pytest.raises(OptionError, match=message):
        read_config(path)


@pytest.mark.parametrize("key", ["stages", "prior", "workers"])
def test_aliases_that_would_fill_the_memory_are_refused(tmp_path: Path, key: str) -> None:
    bomb = "&a0 [1, 1]"
    for level in range(40):
        bomb = f"&a{level + 1} [{bomb}, *a{level}]"
    path = tmp_path / "config.yaml"
    for value in (bomb, "&a [*a]"):
        path.write_text(f"{key}: {value}\n")
        with pytest.raises(OptionError, match="holds more than 10000 values once its aliases"):
            read_config(path)


def test_a_stage_may_be_named_by_an_alias(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        CONFIG.replace("  - name: restore", "  - &again\n    name: restore") + "  - *again\n"
    )
    config = read_config(tmp_path / "config.yaml")
    assert [config.title(index) for index in range(3)] == ["field", "restore", "restore_2"]


def test_a_rate_may_have_an_exponent_and_no_point(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG.replace("rate: 0.001", "rate: 1e-3"))  # a text to YAML
    assert read_config(tmp_path / "config.yaml").stages[0].rate == 0.001


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("train_prior", ["field", "restore", "restore"]),
        ("continue_prior", ["joint", "restore"]),
        ("train_large", ["joint"]),
    ],
)
def test_shipped_configurations_are_valid(name: str, stages: list[str]) -> None:
    config = read_config(Path(__file__).resolve().parents[2] / f"config/{name}.yaml")
    assert [stage.name for stage in config.stages] == stages
    assert all((stage.mix.resampled > 0) == (stage.name != "field") for stage in config.stages)


def test_a_joint_stage_trains_every_part(config, frames, tmp_path: Path) -> None:  # noqa: ANN001
    together = replace(config, stages=[replace(config.stages[1], name="joint")])
    before = run(together, frames, tmp_path / "one", 1).prior
    after = run(together, frames, tmp_path / "more", 4).prior
    changed = {name.partition(".")[0] for name, value in after.items() if not value.equal(before[name])}
    assert changed == {"field", "lines", "snr", "denoiser"}


def test_bf16_trains(config, frames, tmp_path: Path) -> None:  # noqa: ANN001
    from accelerate.state import AcceleratorState

    stage = config.stages[1]
    progresses = {}
    for precision in ("fp32", "bf16"):
        AcceleratorState._reset_state(reset_partial_state=True)  # a process has one precision, tests need two
        one = replace(config, precision=precision, stages=[stage], log_every=1)
        progresses[precision] = run(one, frames, tmp_path / precision, 2)
    AcceleratorState._reset_state(reset_partial_state=True)
    full, half = (rows(tmp_path / precision) for precision in progresses)
    assert all(
        abs(float(one["structure"]) - float(other["structure"])) < 0.1 for one, other in zip(full, half, strict=True)
    )
    assert all(
        full[0][term] == half[0][term] for term in ("log_snr", "tone_left", "lines")
    )  # heads and codec are exact
    full, half = (progress.prior for progress in progresses.values())
    assert not full["denoiser.head.weight"].equal(half["denoiser.head.weight"])
    assert all(value.dtype == torch.float32 for value in half.values())


def test_losses() -> None:
    clean = torch.rand(2, 1, 16, 16)
    torch.testing.assert_close(fitted(0.5 * clean + 0.2, clean), clean, atol=1e-5, rtol=0)
    assert log_error(clean + 0.1, clean, 0.0).item() == pytest.approx(np.log(0.01), abs=1e-3)


def test_nothing_costs_less_than_the_clean_frame_itself_also_in_front_of_a_plain_sky() -> None:
    clean = 0.4 + 0.02 * torch.linspace(0, 1, 64).repeat(1, 1, 48, 1)
    clean[..., 20:23, 30:33] = 0.7
    least = sum(base_terms(clean, clean).values())
    assert least == pytest.approx((0.5 + 0.35) * np.log(FLOOR), abs=1e-3)
    for other in (stretched(clean), 1.2 * clean, torch.full_like(clean, 0.41)):
        assert sum(base_terms(other, clean).values()) > least + 0.01


def test_lost_detail_is_blind_to_tone_and_shading_and_sees_a_grid() -> None:
    clean = torch.rand(2, 1, 128, 160, generator=torch.Generator().manual_seed(0))
    shading = torch.linspace(-1, 1, 160)[None, None, None] ** 2
    assert lost_detail(detail(0.4 * clean + 0.3 + 0.2 * shading), detail(clean)).max() < 0.1
    grid = 0.5 * (torch.arange(160) % 8 < 4)
    assert lost_detail(detail(clean + grid), detail(clean)).min() > 0.3
    torch.testing.assert_close(lost_detail(detail(-clean), detail(clean)), torch.ones(2))


def test_a_painted_grid_is_seen_where_scene_tone_and_noise_are_not() -> None:
    random = torch.Generator().manual_seed(0)
    clean = torch.rand(2, 1, 512, 320, generator=random)
    grid = 0.02 * (torch.arange(320) % 8 < 4)

    def painted(frame: torch.Tensor) -> torch.Tensor:
        return painted_grid(detail(frame), detail(clean))

    assert painted(clean).max() < 1e-3
    assert painted(0.4 * clean + 0.3).max() < 1e-3
    noise = 0.1 * torch.randn(clean.shape, generator=random)
    assert painted(clean + noise).max() < painted(clean + grid).min() / 1.3
    half = grid * (torch.arange(512) < 256)[:, None]  # only where something glows
    assert painted(clean + half).min() > 0.6 * painted(clean + grid).min()


def test_weights_that_are_not_finite_are_not_saved(config, frames, tmp_path: Path) -> None:  # noqa: ANN001
    good = run(config, frames, tmp_path, 1)
    wild = replace(config, save_minutes=0.0, stages=[replace(config.stages[0], rate=1e30, steps=9)])
    with pytest.raises(WeightsError, match=r"no longer finite \(stage 1, step [23]\) and were not saved: .*lower rate"):
        train_prior(wild, frames, tmp_path, resume=True)
    assert checkpoint.load(tmp_path).step < 3
    assert all(tensor.isfinite().all() for tensor in good.average.values())


def test_schedule_warms_up_and_ends_near_nothing() -> None:
    assert schedule(0.0, 0) < 0.02
    assert schedule(0.2, 1000) == 1
    assert schedule(0.7, 1000) == pytest.approx(0.505, abs=0.01)
    assert schedule(1.0, 1000) < 0.01
