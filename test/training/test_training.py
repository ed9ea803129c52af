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
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from infrared_ir_ros.errors import InfraredError, OptionError, SourceError, WeightsError  # noqa: E402
from infrared_ir_ros.simulation import layout  # noqa: E402
from infrared_ir_ros.training import checkpoint  # noqa: E402
from infrared_ir_ros.training.config import PriorConfig, read_config  # noqa: E402
from infrared_ir_ros.training.frames import Pairs, draw_clean  # noqa: E402
from infrared_ir_ros.training.losses import fitted, log_error  # noqa: E402
from infrared_ir_ros.training.pack import read_pack, write_pack  # noqa: E402
from infrared_ir_ros.training.train import schedule, train_prior  # noqa: E402

CONFIG = """
prior: {channels: [16, 16, 16], middle: 1, field_channels: [8, 16, 32], field_layers: 1}
workers: 0
log_every: 2
stages:
  - name: field
    minutes: 0.001
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


class After:
    """Ask the training to stop after so many steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def __call__(self) -> bool:
        self.steps -= 1
        return self.steps <= 0


def test_training_stops_resumes_and_leaves_what_to_look_at(config, frames, tmp_path: Path) -> None:  # noqa: ANN001
    run = tmp_path / "run"
    train_prior(config, frames, run, stop=After(6))
    first = checkpoint.load(run)
    assert first.stage == 1  # the field stage ran out of its time and the next began
    train_prior(config, frames, run, resume=True, stop=After(5))
    second = checkpoint.load(run)
    assert (second.stage, second.step) == (1, first.step + 5)
    assert second.seconds > first.seconds
    changed = [k for k, v in first.prior.items() if not torch.equal(v, second.prior[k])]
    assert {name.split(".")[0] for name in changed} == {"field", "lines", "snr", "denoiser"}
    rows = list(csv.DictReader((run / "log_restore.csv").open()))
    assert rows
    assert {"step", "rate", "structure", "log_snr"} <= rows[0].keys()
    assert list((run / "samples").glob("restore_*.png"))
    assert list((run / "tensorboard").iterdir())


def test_training_lowers_its_loss(config, frames, tmp_path: Path) -> None:  # noqa: ANN001
    run = tmp_path / "run"
    train_prior(config, frames, run, stop=After(80))
    rows = list(csv.DictReader((run / "log_restore.csv").open()))
    read = [float(row["log_snr"]) for row in rows]
    assert np.mean(read[-5:]) < 0.7 * np.mean(read[:5])


def test_resuming_nothing_and_damage_are_told(config, frames, tmp_path: Path) -> None:  # noqa: ANN001
    with pytest.raises(WeightsError, match="nothing to resume"):
        train_prior(config, frames, tmp_path / "run", resume=True)
    (tmp_path / checkpoint.FILE).write_bytes(b"not a checkpoint")
    with pytest.raises(WeightsError, match="can't be read"):
        checkpoint.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("rate: 0.001", "speed: 0.001"), "speed"),
        (("name: field", "name: fly"), "'fly' is unknown"),
        (("workers: 0", "wrokers: 0"), "wrokers"),
        (("stages:", "stages: []\nold:"), "no stages|unknown key"),
        (("batch: 4", "batch: [4"), "can't be read"),
    ],
)
def test_mistakes_in_a_configuration_are_named(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.replace(*change))
    with pytest.raises(OptionError, match=message):
        read_config(path)


def test_shipped_configuration_is_valid() -> None:
    config = read_config(Path(__file__).resolve().parents[2] / "config/train_prior.yaml")
    assert [stage.name for stage in config.stages] == ["field", "restore"]


def test_batches_are_aligned_pairs_of_one_size(config, frames) -> None:  # noqa: ANN001
    batches = iter(Pairs(frames, config.stages[1].mix, 0))
    shapes = set()
    for _ in range(12):
        clean, degraded = next(batches)
        assert clean.shape == degraded.shape
        assert 0 <= degraded.min() and degraded.max() <= 1
        shapes.add(tuple(clean.shape))
    assert shapes == {(4, 1, 64, 64), (2, 1, 64, 96)}


def test_clean_frames_have_the_levels_of_the_benchmark(frames) -> None:  # noqa: ANN001
    for seed in range(5):
        clean = draw_clean(frames, {"layouts": 1.0}, np.random.default_rng(seed), 96, 128)
        np.testing.assert_allclose(np.percentile(clean, (0.3, 99.7)), (14, 229), atol=1.5)


def test_losses() -> None:
    clean = torch.rand(2, 1, 16, 16)
    torch.testing.assert_close(fitted(0.5 * clean + 0.2, clean), clean, atol=1e-5, rtol=0)
    assert log_error(clean + 0.1, clean, 0.0).item() == pytest.approx(np.log(0.01), abs=1e-3)


def test_schedule_warms_up_and_ends_near_nothing() -> None:
    assert schedule(0.0, 0) < 0.02
    assert schedule(0.2, 1000) == 1
    assert schedule(0.7, 1000) == pytest.approx(0.505, abs=0.01)
    assert schedule(1.0, 1000) < 0.01


def test_a_pack_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no frames of hit_uav"):
        write_pack(tmp_path, None, tmp_path / "pack.npz", layouts=1)
    with pytest.raises(InfraredError, match="make it first"):
        read_pack(tmp_path / "pack.npz")
