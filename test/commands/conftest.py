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

from pathlib import Path

import pytest

from infrared_ir_ros.commands import restore_run
from infrared_ir_ros.commands.make_bag import make_bag
from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import Restorer, load_restorer


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bags") / "scene"
    make_bag("scene", output=path, frames=6, rate=10.0, width=96, height=80, degradation="sensor_normal", seed=5)
    return path


@pytest.fixture(scope="module")
def restorer() -> Restorer:
    return load_restorer(engine="onnxruntime")


@pytest.fixture
def loaded_once(restorer: Restorer, monkeypatch: pytest.MonkeyPatch) -> Restorer:
    """The real restorer, loaded once for all tests of this module."""

    def load(options: Options, **network: str) -> Restorer:
        restorer.options = options
        return restorer

    monkeypatch.setattr(restore_run, "load_restorer", load)
    return restorer
