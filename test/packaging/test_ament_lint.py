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

"""The linters of ROS 2, where a ROS 2 (or colcon test) brings them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATHS = [str(ROOT / name) for name in ("infrared_ir_ros", "launch", "setup.py", "test", "benchmarks")]
# ruff is the linter of this project; ament's own style (99 columns, single quotes, summary on the second line) is not.
DOCSTRINGS = ["D205", "D209", "D400", "D401", "D402", "D403"]


@pytest.mark.linter
@pytest.mark.copyright
def test_copyright() -> None:
    main = pytest.importorskip("ament_copyright.main", reason="ament_copyright is not installed")
    assert main.main(argv=PATHS) == 0


@pytest.mark.linter
@pytest.mark.flake8
def test_flake8() -> None:
    main = pytest.importorskip("ament_flake8.main", reason="ament_flake8 is not installed")
    code, errors = main.main_with_errors(argv=["--config", str(ROOT / "setup.cfg"), *PATHS])
    assert code == 0, "\n".join(errors)


@pytest.mark.linter
@pytest.mark.pep257
def test_pep257() -> None:
    main = pytest.importorskip("ament_pep257.main", reason="ament_pep257 is not installed")
    undocumented = [f"D10{number}" for number in range(8)]
    options = ["--convention", "pep257", "--add-ignore", *DOCSTRINGS, *undocumented, "--"]
    assert main.main(argv=[*options, *PATHS]) == 0


@pytest.mark.linter
@pytest.mark.xmllint
def test_xmllint() -> None:
    main = pytest.importorskip("ament_xmllint.main", reason="ament_xmllint is not installed")
    try:
        socket.create_connection(("download.ros.org", 80), timeout=3).close()
        manifest = [str(ROOT / "package.xml")]
    except OSError:  # its schema cannot be had
        manifest = []
    assert main.main(argv=[*manifest, str(ROOT / "config")]) == 0
