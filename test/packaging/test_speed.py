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

"""What the table of benchmarks/speed.py says of a precision."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest


@pytest.mark.parametrize(("error", "verdict"), [(0.0, "yes"), (6.0, "NO")])
def test_a_precision_that_loses_on_one_preset_may_not_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: float, verdict: str
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    speed = importlib.import_module("speed")
    rng, way = np.random.default_rng(0), ("openvino", "bf16")
    truth = rng.uniform(0, 255, (48, 64))
    good = {name: truth + rng.normal(0, 5, truth.shape) for name in ("light 0", "hard 0")}
    np.savez(tmp_path / speed._file(speed.REFERENCE), **{"truth 0": truth, **good})
    worse = good["hard 0"] + error * rng.standard_normal(truth.shape)
    np.savez(tmp_path / speed._file(way), **{"truth 0": truth, **good, "hard 0": worse})
    figures = speed._quality(way, tmp_path, ("light", "hard"), 1)
    assert figures["light dB"] == 0.0
    assert (figures["hard dB"] < -0.1) == (verdict == "NO")
    assert speed._quality_cells(figures)[-1] == verdict
