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

"""What the node says of itself, from what it has counted."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from diagnostic_msgs.msg import DiagnosticStatus

from infrared_ir_ros.restoration.pattern import PatternState
from infrared_ir_ros.ros.counters import Counters, Drop
from infrared_ir_ros.ros.diagnostics import LONGEST_TEXT, Report, detector_report, frames_report, restorer_report

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


def told(status: DiagnosticStatus) -> dict[str, str]:
    return {value.key: value.value for value in status.values}


def test_the_worst_finding_comes_first_and_gives_the_level() -> None:
    report = Report("input", "frames arrive")
    assert (report.status("node", "").level, report.status("node", "").message) == (OK, "frames arrive")
    report.warn("odd stamps")
    report.error("no frame")
    status = report.status("/ir/node", "boson 12")
    assert (status.level, status.message) == (ERROR, "no frame; odd stamps")
    assert (status.name, status.hardware_id) == ("/ir/node: input", "boson 12")


def test_text_from_outside_is_cut_and_moves_no_cursor() -> None:
    report = Report("input", "", values={"frame_id": "\x1b[2Jcamera\n"})
    report.warn("\x1b[2J" + "x" * 5000)
    status = report.status("node", "\x07")
    assert status.message == "?[2J" + "x" * (LONGEST_TEXT - 4)
    assert (told(status)["frame_id"], status.hardware_id) == ("?[2Jcamera?", "?")


def test_frames_are_warned_of_while_they_are_dropped_and_counted_for_good() -> None:
    counters = Counters()
    for _ in range(3):
        counters.arrive()
    counters.drop(Drop.STALE, "600 ms old")
    before = counters.tally()
    counters.publish()
    counters.drop(Drop.REFUSED, "dtype int32")
    counters.lose(4)
    status = frames_report(counters.tally(), before, ["nobody can hear"]).status("node", "")
    dropped, lost, unheard = status.message.split("; ")
    assert (status.level, dropped, unheard) == (WARN, "1 dropped, refused: dtype int32", "nobody can hear")
    assert lost.startswith("4 lost by the middleware")
    values = told(status)
    assert [values[name] for name in ("received", "published", "pending", "dropped", "lost_before_arrival")] == list(
        "31024"
    )
    assert (values["dropped.stale"], values["dropped.failed"], values["last.stale"]) == ("1", "0", "600 ms old")
    now = counters.tally()
    assert frames_report(now, before, []).healthy == "1 published in the last second"
    assert frames_report(now, now, []).status("node", "").level == OK


def test_a_restorer_that_passes_frames_through_warns_and_one_that_failed_is_an_error() -> None:
    pattern = PatternState(0.25, 12.0, 321, (1.0, 0.0, 0.0))
    fine = restorer_report("active", {"prior": "embedded"}, "", "", pattern, "").status("node", "")
    assert (fine.level, fine.message, told(fine)["passthrough"]) == (OK, "active", "False")
    assert told(fine)["pattern.confidence"] == "0.250" and told(fine)["pattern.frames"] == "321"
    passing = restorer_report("active", {}, "", "too slow", None, "").status("node", "")
    assert passing.level == WARN and "unrestored: too slow" in passing.message
    assert told(passing) == {"state": "active", "passthrough": "True"}
    failed = restorer_report("active", {}, "no weights", "", None, "other camera").status("node", "")
    assert failed.level == ERROR and failed.message == "no weights; pattern_file is not used: other camera"


@pytest.mark.parametrize(
    ("wanted", "failure", "level", "message"),
    [
        (False, "", OK, "no subscribers"),
        (True, "", OK, "running"),
        (True, "RuntimeError: no memory", ERROR, "no detections: RuntimeError: no memory"),
    ],
)
def test_a_detector_says_whether_it_looks_and_why_it_finds_nothing(
    wanted: bool, failure: str, level: bytes, message: str
) -> None:
    tally = SimpleNamespace(looked=7, refused=1, milliseconds=12.34, found=3)
    running = SimpleNamespace(
        wanted=wanted, failure=failure, tally=tally, superseded=2, description={"detector": "yolov8n"}
    )
    status = detector_report(SimpleNamespace(running=running, problem="")).status("node", "")
    assert (status.level, status.message) == (level, message)
    numbers = {"looked": "7", "superseded": "2", "refused": "1", "last_ms": "12.3", "last_found": "3"}
    assert told(status) == {"detector": "yolov8n", "subscribed": str(wanted)} | numbers
    missing = detector_report(SimpleNamespace(running=None, problem="no detections: no such file")).status("node", "")
    assert (missing.level, missing.message) == (ERROR, "no detections: no such file")
