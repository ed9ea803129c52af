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

"""A few faults of life (14-18 of the list) and of weights (21-24), injected over DDS and with real files.

benchmarks/faults.py injects many.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import hostile_priors
import inject_lifecycle
import inject_weights
import pytest
from domains import free_domain
from harness import PATIENCE
from injection import Rig
from outcome import assert_survived


@pytest.fixture(scope="module")
def rig(domain: int) -> Iterator[Rig]:
    with Rig(domain, autostart=False) as rig:
        yield rig
        rig.alive()
        assert rig.node.stop() == 0


def test_signals_in_any_state() -> None:
    assert_survived(inject_lifecycle.signals(free_domain(), 3))


def test_invalid_transitions(rig: Rig) -> None:
    assert_survived(inject_lifecycle.invalid_transitions(rig, 20))


def test_missing_weights_and_a_retry(rig: Rig, tmp_path: Path) -> None:
    assert_survived(inject_lifecycle.failing_transitions(rig, 1, tmp_path), "manifest.json can't be read")


def test_cycles_under_load(rig: Rig) -> None:
    assert_survived(inject_lifecycle.cycles(rig, 6))


def test_parameter_sets_of_eight_clients(rig: Rig) -> None:
    assert_survived(inject_lifecycle.parameter_sets(rig, 64), "out of range", "it must be a", "use one of")


def test_pickles_are_refused_and_not_run(rig: Rig, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    marker = tmp_path / "marker"
    cases = hostile_priors.pickles(marker)
    assert_survived(inject_weights.refuse_all(rig, cases, tmp_path / "priors", PATIENCE), "is not valid JSON")
    assert not marker.exists()


def test_bombs_and_external_data_are_refused(rig: Rig, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    outside = tmp_path / "outside"
    outside.write_bytes(bytes(10**7))
    cases = chain(hostile_priors.bombs(), hostile_priors.external_data(outside))
    said = ("bytes: at most", "keeps tensors in other files", "does not fit its manifest")
    assert_survived(inject_weights.refuse_all(rig, cases, tmp_path / "priors", PATIENCE), *said)


def test_damaged_weights_are_refused(rig: Rig, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    damaged = hostile_priors.damaged(random.Random(0), 2)
    cases = chain(damaged, hostile_priors.unfitting(), hostile_priors.nan_graphs())
    said = ("is damaged or not the file", "give NaN or a wrong shape", "does not fit its manifest", "holds the prior")
    assert_survived(inject_weights.refuse_all(rig, cases, tmp_path / "priors", PATIENCE), *said)


def test_odd_files_are_refused(rig: Rig, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(bytes(10**7))
    cases = hostile_priors.odd_paths(outside)
    said = ("not a regular file", "can't be read", "names the file")
    assert_survived(inject_weights.refuse_all(rig, cases, tmp_path / "priors", PATIENCE), *said)


def test_odd_folders_are_refused(rig: Rig, tmp_path: Path) -> None:
    assert_survived(inject_weights.refuse_folders(rig, hostile_priors.odd_folders(tmp_path), PATIENCE), "can't be read")


def test_a_file_that_turns_into_a_fifo_while_it_is_loaded(rig: Rig, tmp_path: Path) -> None:
    assert_survived(inject_weights.replaced_while_loading(rig, 3, tmp_path, PATIENCE))


def test_weights_that_are_replaced_while_they_run(rig: Rig, tmp_path: Path) -> None:
    """Last of this module: a camera comes."""
    assert_survived(inject_weights.replaced_while_running(rig, 2, tmp_path))
