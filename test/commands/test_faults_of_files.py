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

"""A few faults of files (13, 26-29 of the list); benchmarks/faults.py injects many."""

from pathlib import Path

import inject_bags
import inject_files
import pytest
from outcome import assert_survived

pytest.importorskip("jinja2")


def test_killed_while_writing(tmp_path: Path) -> None:
    assert_survived(inject_files.killed_writers(tmp_path, 2, 0))


def test_damaged_bags(tmp_path: Path) -> None:
    outcome = inject_bags.damaged_bags(tmp_path, 8, 0)
    assert_survived(outcome)
    assert outcome.figures["frames read"] > 40


def test_files_outside_of_a_bag(tmp_path: Path) -> None:
    assert_survived(inject_bags.foreign_files(tmp_path, 9, 0))


def test_hostile_names(tmp_path: Path) -> None:
    assert_survived(inject_bags.hostile_names(tmp_path, 10, 0))


def test_full_disks(tmp_path: Path) -> None:
    assert_survived(inject_files.full_disks(tmp_path, 6, 0))
