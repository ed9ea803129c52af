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

"""Faults of the field injected into nodes and commands: real processes over DDS, and real files.

python benchmarks/faults.py            the full counts; more than an hour
python benchmarks/faults.py --quick    a few of each
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _common import markdown_table, measured_before, write_result

from infrared_ir_ros.commands.running import run_command

TEST = Path(__file__).resolve().parents[1] / "test"
sys.path[:0] = [str(TEST), str(TEST / "ros")]
import hostile_priors  # noqa: E402 - shared with the tests
import inject_bags  # noqa: E402
import inject_files  # noqa: E402
import inject_lifecycle  # noqa: E402
import inject_messages  # noqa: E402
import inject_streams  # noqa: E402
import inject_weights  # noqa: E402
from domains import free_domain  # noqa: E402
from injection import Rig  # noqa: E402
from outcome import Outcome  # noqa: E402

REFUSAL = 10.0  # seconds within which bad weights must be refused


@dataclass(frozen=True)
class Fault:
    """kind: what `inject` works on: an active or idle (not activated) node, a domain (it starts processes itself), or
    files (a folder). inject: called with that, a count and a seed."""

    number: int
    name: str
    kind: str
    full: int
    quick: int
    inject: Callable[..., Outcome]


def _weights(cases: Callable[[Path, int], object]) -> Callable[[Rig, int, int], Outcome]:
    """Give a node every prior that `cases(folder, count)` yields."""

    def inject(rig: Rig, count: int, seed: int) -> Outcome:
        with _folder() as folder:
            path = Path(folder)
            return inject_weights.refuse_all(rig, cases(path, count), path / "priors", REFUSAL)

    return inject


def _pickles(rig: Rig, count: int, seed: int) -> Outcome:
    with _folder() as folder:
        marker, outcome = Path(folder, "marker"), Outcome()
        for turn in range(count):
            one = inject_weights.refuse_all(rig, hostile_priors.pickles(marker), Path(folder, str(turn)), REFUSAL)
            _add(outcome, one)
        outcome.require(not marker.exists(), "a payload has run")
        return outcome


def _bombs(path: Path, count: int) -> object:
    outside = path / "outside"
    outside.write_bytes(bytes(10**7))
    yield from hostile_priors.bombs()
    yield from hostile_priors.external_data(outside)


def _damaged(path: Path, count: int) -> object:
    yield from hostile_priors.unfitting()
    yield from hostile_priors.nan_graphs()
    yield from hostile_priors.damaged(random.Random(0), count)


def _paths(path: Path, count: int) -> object:
    outside = path / "outside"
    outside.write_bytes(bytes(10**7))
    return hostile_priors.odd_paths(outside)


def _replaced(rig: Rig, count: int, seed: int) -> Outcome:
    with _folder() as folder:
        path = Path(folder)
        outcome = inject_weights.refuse_folders(rig, hostile_priors.odd_folders(path), REFUSAL)
        _add(outcome, inject_weights.replaced_while_loading(rig, count, path, 2 * REFUSAL))
        _add(outcome, inject_weights.replaced_while_running(rig, count, path))
        return outcome


def _failing(rig: Rig, count: int, seed: int) -> Outcome:
    with _folder() as folder:
        return inject_lifecycle.failing_transitions(rig, count, Path(folder), seed)


FAULTS = (
    Fault(1, "lying geometry, encoding, lengths", "active", 1000, 20, inject_messages.lying_messages),
    Fault(2, "text that is not UTF-8", "active", 200, 6, inject_messages.text_that_is_not_utf8),
    Fault(3, "NaN, constant, size changes", "active", 200, 10, inject_messages.odd_pixels),
    Fault(4, "odd stamps", "active", 200, 8, inject_messages.odd_stamps),
    Fault(5, "frozen camera", "active", 10, 1, inject_streams.frozen_cameras),
    Fault(6, "silence", "active", 10, 1, inject_streams.silent_cameras),
    Fault(7, "other type on the topic", "active", 10, 1, inject_streams.other_types),
    Fault(8, "QoS that does not match", "active", 10, 1, inject_streams.mismatched_qos),
    Fault(9, "flood of 500 Hz", "active", 30, 2, inject_streams.floods),
    Fault(20, "decompression bombs", "active", 200, 14, inject_messages.decompression_bombs),
    Fault(12, "camera killed", "active", 50, 1, inject_streams.killed_cameras),
    Fault(12, "node killed", "domain", 50, 1, inject_streams.killed_nodes),
    Fault(14, "SIGINT or SIGTERM in any state", "domain", 200, 6, inject_lifecycle.signals),
    Fault(15, "invalid transitions", "idle", 500, 20, inject_lifecycle.invalid_transitions),
    Fault(16, "missing weights, then a retry", "idle", 20, 1, _failing),
    Fault(18, "parameter sets of 8 clients", "idle", 2000, 64, inject_lifecycle.parameter_sets),
    Fault(21, "pickle payload", "idle", 3, 1, _pickles),
    Fault(22, "bombs and external data", "idle", 1, 1, _weights(_bombs)),
    Fault(23, "damaged or unfitting weights", "idle", 64, 2, _weights(_damaged)),
    Fault(24, "FIFO, folder, link as a file", "idle", 1, 1, _weights(_paths)),
    Fault(24, "odd and replaced folders", "idle", 20, 2, _replaced),
    Fault(17, "lifecycle cycles under load", "idle", 1000, 4, inject_lifecycle.cycles),
    Fault(13, "killed while writing", "files", 40, 2, inject_files.killed_writers),
    Fault(26, "damaged bags", "files", 400, 12, inject_bags.damaged_bags),
    Fault(27, "bags that name other files", "files", 27, 9, inject_bags.foreign_files),
    Fault(28, "hostile names", "files", 100, 10, inject_bags.hostile_names),
    Fault(29, "full disk", "files", 200, 6, inject_files.full_disks),
)


def faults(*, quick: bool = False, scale: float = 1.0, only: tuple[int, ...] = (), seed: int = 0) -> int:
    """Inject faults, print how many were survived and how long recovery took, and write results/faults.json.

    A node survives if it keeps running (or ends with 0 when told to), then answers a good frame, and received =
    published + drops by reason, exactly. A command survives if it ends with a whole result or an error of one line, and
    older files stay whole. Ends with 1 if a fault was not survived.

    Parameters
    ----------
    quick
        Inject a few of each; writes faults_quick.json.
    scale
        Share of the full counts.
    only
        Numbers of the faults to inject; default all. The others keep the figures of their last run.
    seed
        Random seed.
    """
    chosen = [fault for fault in FAULTS if not only or fault.number in only]
    figures: dict[str, float] = {}
    notes: dict[str, str] = {}
    rows = []
    for kind in ("active", "idle", "domain", "files"):
        faults_of_kind = [fault for fault in chosen if fault.kind == kind]
        with _rig(kind) if faults_of_kind else nullcontext() as rig:
            for fault in faults_of_kind:
                count = fault.quick if quick else max(1, round(fault.full * scale))
                outcome, seconds = _inject(fault, rig, count, seed)
                rows.append(_row(fault, outcome))
                figures |= _figures(fault, outcome, seconds)
                if outcome.complaints:
                    notes[f"{fault.number} {fault.name}: complaints"] = " | ".join(outcome.complaints)
                print(f"{fault.number:3} {fault.name}: {outcome.survived} of {outcome.injected}", flush=True)
                print("".join(f"      {complaint}\n" for complaint in outcome.complaints), end="", flush=True)
    header = ("fault", "survived", "recovery median s", "max s", "memory MB")
    print("\n" + markdown_table(header, sorted(rows, key=lambda row: int(row[0].split()[0]))))
    name = "faults_quick" if quick else "faults"
    write_result(name, (measured_before(name) if only else {}) | figures, seeds=[seed], notes=notes)
    return int(bool(notes))


class _Domain(int):
    """A ROS domain, for faults that start their processes themselves."""

    def __enter__(self) -> int:
        return int(self)

    def __exit__(self, *error: object) -> None: ...


def _rig(kind: str) -> AbstractContextManager[Rig | int | None]:
    if kind == "files":
        return nullcontext()
    if kind == "domain":
        return _Domain(free_domain())
    return Rig(free_domain(), autostart=kind == "active")


def _folder() -> AbstractContextManager[str]:
    return tempfile.TemporaryDirectory(prefix="faults_")


def _inject(fault: Fault, rig: Rig | int | None, count: int, seed: int) -> tuple[Outcome, float]:
    started = time.monotonic()
    try:
        if fault.kind == "files":
            with _folder() as folder:
                outcome = fault.inject(Path(folder), count, seed)
        else:
            outcome = fault.inject(rig, count, seed)
    except Exception as error:  # the other faults still run
        outcome = Outcome(injected=count)
        outcome.complain(f"{type(error).__name__}: {error}")
    return outcome, time.monotonic() - started


def _add(whole: Outcome, part: Outcome) -> None:
    whole.injected += part.injected
    whole.survived += part.survived
    whole.recoveries += part.recoveries
    whole.said += part.said
    whole.complaints += part.complaints
    whole.figures |= part.figures


def _row(fault: Fault, outcome: Outcome) -> tuple[str, ...]:
    times = outcome.recoveries or [float("nan")]
    recovery = (f"{np.median(times):.2f}", f"{max(times):.2f}")
    memory = f"{outcome.figures.get('memory growth MB', float('nan')):.1f}"
    return (f"{fault.number} {fault.name}", f"{outcome.survived} / {outcome.injected}", *recovery, memory)


def _figures(fault: Fault, outcome: Outcome, seconds: float) -> dict[str, float]:
    values: dict[str, float] = {"injected": outcome.injected, "survived": outcome.survived}
    if outcome.recoveries:
        values |= {
            "recovery median s": round(float(np.median(outcome.recoveries)), 3),
            "recovery max s": round(max(outcome.recoveries), 3),
        }
    values |= outcome.figures | {"seconds": round(seconds, 1)}
    return {f"{fault.number} {fault.name}: {name}": value for name, value in values.items()}


if __name__ == "__main__":
    run_command(faults)
