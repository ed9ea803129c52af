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

"""An evaluation that is interrupted or spread: nothing is lost, and the figures are those of one process."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from evaluating import FEW, ONNX, at_once, figures, wait_for
from starting import start

from infrared_ir_ros.commands.evaluate_bag import evaluate_bag
from infrared_ir_ros.commands.evaluate_cluster import spread
from infrared_ir_ros.commands.evaluate_job import Job
from infrared_ir_ros.commands.evaluate_store import Store
from infrared_ir_ros.errors import InfraredError
from infrared_ir_ros.evaluation.report import Recording


def test_an_interruption_leaves_nothing(bag: Path, tmp_path: Path) -> None:
    process = start("evaluate_bag", str(bag), "--output", str(tmp_path / "r"), "--distance-every", "0")
    wait_for(process, lambda: list(tmp_path.rglob("*.mcap")))
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and err.endswith("evaluate_bag: interrupted\n"), err
    assert os.listdir(tmp_path) == []


def test_an_interrupted_evaluation_goes_on_where_it_was(
    bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed after its first recording; the second call does the others, and all figures are as if done at once."""
    for name in ("a", "b", "c"):
        shutil.copytree(bag, tmp_path / "in" / name)
    words = [str(tmp_path / "in"), "--topic", "/ir/image", "--distance-every", "0", "--engine", "onnxruntime"]
    process = start("evaluate_bag", *words, "--output", str(tmp_path / "r"))
    kept = tmp_path / ".r.unfinished"
    wait_for(process, lambda: list(kept.glob("done/0*.json")))
    process.kill()
    process.communicate(timeout=60)
    assert not (tmp_path / "r").exists()
    (kept / "bags/.002_c.partial").mkdir(exist_ok=True)  # as a killed writer leaves it
    before = {path.name: path.stat().st_mtime_ns for path in kept.glob("bags/0*")}
    assert evaluate_bag(tmp_path / "in", output=tmp_path / "r", topic="/ir/image", restoring=ONNX, **FEW) == 0
    assert re.search(r"[12] of 3 recordings were done before", capsys.readouterr().err)
    assert before and all((tmp_path / "r/bags" / name).stat().st_mtime_ns == was for name, was in before.items())
    assert sorted(os.listdir(tmp_path)) == ["in", "r"]
    assert sorted(os.listdir(tmp_path / "r")) == ["bags", "frames.csv", "report.html", "report.json"]
    assert sorted(os.listdir(tmp_path / "r/bags")) == ["000_a", "001_b", "002_c"]
    assert figures(tmp_path / "r") == at_once(tmp_path)


def test_what_is_kept_is_not_mixed_with_other_options(bag: Path, tmp_path: Path) -> None:
    kept = Store(tmp_path / "r")
    with pytest.raises(KeyboardInterrupt), kept.open("asked for this"):
        kept.save(Job(0, bag, "scene"), Recording("scene", str(bag), ""))
        raise KeyboardInterrupt
    assert kept.done() == 1
    with kept.open("asked for that"):
        assert kept.done() == 0
        with pytest.raises(InfraredError, match="is being made by another process"), Store(tmp_path / "r").open("x"):
            pass
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="no Ray")
def test_a_cluster_that_loses_a_worker_gives_the_same_figures(bag: Path, tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    for name in ("a", "b"):
        shutil.copytree(bag, tmp_path / "in" / name)
    (tmp_path / "in/cut").mkdir()
    (tmp_path / "in/cut/cut.mcap").write_bytes(b"")
    words = [str(tmp_path / "in"), "--topic", "/ir/image", "--distance-every", "0", "--engine", "onnxruntime"]
    process = start("evaluate_bag", *words, "--output", str(tmp_path / "r"), "--ray", "local")

    killed: list[int] = []

    def kill_a_worker() -> list[int]:
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):  # it ended just now
                if not killed and "ray::_in_a_worker" in " ".join(child.cmdline()):
                    child.kill()
                    killed.append(child.pid)
        return killed

    wait_for(process, kill_a_worker)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1 and "cut: " in err and "Traceback" not in err, err
    assert list(json.loads((tmp_path / "r/report.json").read_text())["failed"]) == ["cut"]
    assert figures(tmp_path / "r") == at_once(tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="no Ray")
@pytest.mark.parametrize("address", ["127.0.0.1:9", "nowhere", "127.0.0.1:99999"])
def test_a_cluster_that_is_not_there_is_told(bag: Path, tmp_path: Path, address: str) -> None:
    with pytest.raises(InfraredError, match=f"--ray is '{address}', but no cluster answers"):
        evaluate_bag(bag, output=tmp_path / "r", task=(), ray=address, **FEW)
    assert os.listdir(tmp_path) == []


def test_signals_are_answered_in_our_way_while_a_cluster_works(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ray's own answer to SIGTERM is a page of addresses."""
    before = signal.getsignal(signal.SIGTERM)
    fake = SimpleNamespace(
        init=lambda *_, **__: signal.signal(signal.SIGTERM, signal.SIG_DFL),
        remote=lambda **_: lambda task: task,
        shutdown=lambda: None,
    )
    monkeypatch.setitem(sys.modules, "ray", fake)
    signal.signal(signal.SIGTERM, mine := lambda *_: None)
    try:
        assert list(spread([], SimpleNamespace(ray="auto"), tmp_path)) == []
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)
