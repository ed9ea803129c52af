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

"""Hostile and damaged weights (21-24 of the list), given to a node over DDS by `prior_path`."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from harness import stamp_ns
from hostile_priors import GOOD, GRAPHS, MANIFEST, Hostile, copy_of_good
from inject_lifecycle import CLEANUP, CONFIGURE, lead
from injection import Rig, good_frame
from outcome import Outcome

MEMORY_LIMIT = 300.0  # megabytes that a node may grow by, over all refusals


def refuse_all(rig: Rig, cases: Iterable[Hostile], folder: Path, limit: float, between: int = 20) -> Outcome:
    """Configure with each: refused within `limit` seconds by a line that names the folder; then good ones work."""
    outcome = Outcome()
    lead(rig.peer, "unconfigured")
    _configure_well(rig)
    with rig.checked(outcome, all_arrive=False):
        for number, case in enumerate(cases):
            path = copy_of_good(folder / f"prior_{number}")
            case.make(path)
            with outcome.fault(case.name):
                _refused(rig, outcome, str(path), case.engine, case.says, limit)
            if number % between == between - 1:
                _configure_well(rig)
        with outcome.fault("good weights afterwards"):
            outcome.recoveries.append(_configure_well(rig))
    growth = outcome.figures["memory growth MB"]
    outcome.require(growth < MEMORY_LIMIT, f"memory grew by {growth} MB")
    return outcome


def refuse_folders(rig: Rig, paths: dict[str, str], limit: float) -> Outcome:
    """Configure with each prior_path that is no folder of a prior: refused."""
    outcome = Outcome()
    lead(rig.peer, "unconfigured")
    with rig.checked(outcome, all_arrive=False):
        for name, path in paths.items():
            with outcome.fault(name):
                _refused(rig, outcome, path, "onnxruntime", "", limit)
    outcome.recoveries = [_configure_well(rig)]
    return outcome


def _refused(rig: Rig, outcome: Outcome, path: str, engine: str, says: str, limit: float) -> None:
    for result in rig.peer.set_parameters(prior_path=path, engine=engine):
        assert result.successful, result.reason
    before, started = len(rig.node.output()), time.monotonic()
    configured = rig.peer.change_state(CONFIGURE)
    seconds = time.monotonic() - started
    if configured:
        rig.peer.change_state(CLEANUP)
    assert not configured, "it was accepted"
    said = [line for line in rig.node.output()[before:].splitlines() if "configure failed: " in line]
    assert len(said) == 1, rig.node.output()[before:][-1000:]
    assert says in said[0] and "Error('" not in said[0], said[0]
    assert path[:200] in said[0] or "task is" in said[0], said[0]
    assert seconds < limit, f"refused only after {seconds:.1f} s"
    outcome.said.append(said[0].partition("configure failed: ")[2])
    outcome.figures["slowest refusal s"] = round(max(seconds, outcome.figures.get("slowest refusal s", 0.0)), 2)
    rig.alive()


def _configure_well(rig: Rig) -> float:
    """Configure with the shipped weights, and clean up; seconds."""
    rig.peer.set_parameters(prior_path="", engine="onnxruntime")
    started = time.monotonic()
    assert rig.peer.change_state(CONFIGURE), f"good weights are refused: {rig.node.output()[-500:]}"
    seconds = time.monotonic() - started
    assert rig.peer.change_state(CLEANUP)
    return seconds


def replaced_while_loading(rig: Rig, count: int, folder: Path, limit: float) -> Outcome:
    """Fault 24: a file that turns into a FIFO and back while it is loaded: loaded whole or refused, never a hang."""
    outcome = Outcome()
    lead(rig.peer, "unconfigured")
    path = copy_of_good(folder / "swapped")
    name = path / GRAPHS[0]
    stop = threading.Event()

    def swap() -> None:
        os.mkfifo(path / "fifo")
        for turn in range(10**9):
            if stop.is_set():
                return
            spare = path / f"spare_{turn % 2}"
            spare.unlink(missing_ok=True)
            os.link(path / "fifo", spare) if turn % 2 else spare.symlink_to(GOOD / GRAPHS[0])
            os.replace(spare, name)

    thread = threading.Thread(target=swap, daemon=True)
    thread.start()
    rig.peer.set_parameters(prior_path=str(path), engine="onnxruntime")
    loaded = 0
    with rig.checked(outcome, all_arrive=False):
        for number in range(count):
            with outcome.fault(f"swap {number}"):
                started = time.monotonic()
                if rig.peer.change_state(CONFIGURE):
                    loaded += 1
                    rig.peer.change_state(CLEANUP)
                assert time.monotonic() - started < limit, f"{time.monotonic() - started:.1f} s"
    stop.set()
    thread.join()
    outcome.figures["loaded"] = loaded
    outcome.recoveries = [_configure_well(rig)]
    return outcome


def replaced_while_running(rig: Rig, count: int, folder: Path) -> Outcome:
    """Fault 24: the folder goes away or becomes another one under a node at work, which goes on as before."""
    outcome = Outcome()
    lead(rig.peer, "unconfigured")
    path = copy_of_good(folder / "running")
    rig.peer.set_parameters(prior_path=str(path), engine="onnxruntime", smoothing=0.0)
    lead(rig.peer, "active")
    rig.leave()
    with rig.checked(outcome):
        before = _restored(rig)
        for number in range(count):
            with outcome.fault(f"replacement {number}"):
                os.replace(path, folder / f"old_{number}")
                if number % 2 == 0:
                    path.mkdir()
                    os.mkfifo(path / MANIFEST)
                started = time.monotonic()
                assert _restored(rig) == before, "the same frame is restored otherwise"
                outcome.recoveries.append(time.monotonic() - started)
                if path.exists():
                    os.replace(path, folder / f"new_{number}")
                os.replace(folder / f"old_{number}", path)
    lead(rig.peer, "unconfigured")
    rig.leave()
    rig.peer.set_parameters(smoothing=0.8)
    _configure_well(rig)
    return outcome


def _restored(rig: Rig) -> bytes:
    message = good_frame(1)
    rig.send(message)
    rig.peer.wait(lambda: rig.heard and rig.heard[-1] == stamp_ns(message), "the restored frame")
    return bytes(rig.newest.data)
