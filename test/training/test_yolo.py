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

"""The one door to ultralytics: it may not install anything by itself, and what is missing or bad is one line."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from infrared_ir_ros.errors import OptionError, WeightsError
from infrared_ir_ros.training.yolo import load_yolo, ultralytics

SWITCHES = ("YOLO_AUTOINSTALL", "YOLO_OFFLINE")


def test_it_may_neither_install_nor_ask_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SWITCHES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setitem(sys.modules, "ultralytics", ModuleType("ultralytics"))
    assert ultralytics() is sys.modules["ultralytics"]
    assert [os.environ[name] for name in SWITCHES] == ["false", "true"]


def test_where_it_is_missing_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    with pytest.raises(OptionError, match="pip install -r requirements/semantic.txt"):
        load_yolo("yolov8n.yaml")


def test_a_file_that_is_missing_or_no_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="none.pt is not a file"):
        load_yolo(tmp_path / "none.pt")
    pytest.importorskip("ultralytics")
    (tmp_path / "bad.pt").write_bytes(b"no zip")
    with pytest.raises(WeightsError, match="bad.pt can't be loaded as a YOLOv8") as caught:
        load_yolo(tmp_path / "bad.pt")
    assert "\n" not in str(caught.value)
