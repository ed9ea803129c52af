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

"""The node's diagnostics: one status each for frames, restorer, detector and input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from infrared_ir_ros.restoration.pattern import PatternState
from infrared_ir_ros.ros.camera_inputs import CameraInputs
from infrared_ir_ros.ros.counters import Drop, Tally
from infrared_ir_ros.ros.detector_slot import DetectorSlot
from infrared_ir_ros.ros.messages import byte_order_misfit, calibration_misfit
from infrared_ir_ros.ros.parameter import Value
from infrared_ir_ros.ros.parameters import options_from
from infrared_ir_ros.ros.pipeline import Pipeline
from infrared_ir_ros.ros.stamps import StampFault

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
LONGEST_TEXT = 1000


@dataclass(frozen=True)
class Health:
    """A finding and its severity. Several are joined to one status, the worst first."""

    level: bytes
    text: str


@dataclass
class Report:
    """Findings and values of one status."""

    name: str
    healthy: str
    findings: list[Health] = field(default_factory=list)
    values: dict[str, object] = field(default_factory=dict)

    def warn(self, text: str) -> None:
        self.findings.append(Health(WARN, text))

    def error(self, text: str) -> None:
        self.findings.append(Health(ERROR, text))

    @property
    def errors(self) -> list[str]:
        """The errors, for the log."""
        return [_inert(finding.text) for finding in self.findings if finding.level == ERROR]

    def status(self, node: str, hardware_id: str) -> DiagnosticStatus:
        """The message; text from outside is cut and stripped of control characters."""
        findings = sorted(self.findings, key=lambda finding: finding.level, reverse=True)
        return DiagnosticStatus(
            level=findings[0].level if findings else OK,
            name=f"{node}: {self.name}",
            message=_inert("; ".join(finding.text for finding in findings) or self.healthy),
            hardware_id=_inert(hardware_id or "none"),
            values=[KeyValue(key=key, value=_inert(str(value))) for key, value in self.values.items()],
        )


def frames_report(tally: Tally, before: Tally, problems: Sequence[str]) -> Report:
    """Frames published, dropped and lost, with a warning for each reason that dropped or lost some since `before`.

    problems: why subscribers do not receive our frames.
    """
    report = Report("frames", f"{tally.published - before.published} published in the last second")
    for reason, count in tally.drops.items():
        new = count - before.drops.get(reason, 0)
        if new:
            report.warn(f"{new} dropped, {reason.value}: {tally.messages[reason]}")
    if lost := tally.lost - before.lost:
        report.warn(
            f"{lost} lost by the middleware: use config/fastdds.xml for camera and node, and check the network's "
            "bandwidth"
        )
    for problem in problems:
        report.warn(problem)
    report.values = {
        "received": tally.received,
        "published": tally.published,
        "passed_through": tally.passed_through,
        "pending": tally.pending,
        "dropped": tally.dropped,
        **{f"dropped.{reason.value}": tally.drops.get(reason, 0) for reason in Drop},
        **{f"last.{reason.value}": message for reason, message in tally.messages.items()},
        "lost_before_arrival": tally.lost,
    }
    return report


def restorer_report(
    state: str,
    description: Mapping[str, str],
    failure: str,
    passing: str,
    pattern: PatternState | None,
    refused: str,
) -> Report:
    """The restorer, its lifecycle state, whether frames pass through unrestored, the state of the pattern memory
    (strength in counts; None: it is off), and why the pattern file was refused."""
    report = Report("restorer", state)
    if failure:
        report.error(failure)
    if passing:
        report.warn(f"frames pass through unrestored: {passing}")
    if refused:
        report.warn(f"pattern_file is not used: {refused}")
    report.values = {"state": state, **description, "passthrough": bool(passing)}
    if pattern is not None:
        report.values["pattern.confidence"] = f"{pattern.confidence:.3f}"
        report.values["pattern.strength"] = f"{pattern.strength:.4g}"
        report.values["pattern.frames"] = pattern.frames
    return report


def detector_report(slot: DetectorSlot) -> Report:
    """The detector and its counters, or why there is none."""
    detecting = slot.running
    report = Report("detector", "none requested" if detecting is None else "no subscribers")
    if slot.problem:
        report.error(slot.problem)
    if detecting is None:
        return report
    if detecting.wanted:
        report.healthy = "running"
    if detecting.failure:
        report.error(f"no detections: {detecting.failure}")
    tally = detecting.tally
    report.values = {
        **detecting.description,
        "subscribed": detecting.wanted,
        "looked": tally.looked,
        "superseded": detecting.superseded,
        "refused": tally.refused,
        "last_ms": f"{tally.milliseconds:.1f}",
        "last_found": tally.found,
    }
    return report


def input_report(pipeline: Pipeline, inputs: CameraInputs, values: Mapping[str, Value], now: float) -> Report:
    """The state of the input, with findings: silent, stuck, wrong stamps, incompatible publishers, or frames that do
    not fit the parameters or the calibration. now: steady clock, seconds."""
    doing = "frames arrive" if inputs.arrivals else "waiting for the first frame"
    report = Report("input", f"{doing} on {inputs.frames.topic}")
    silent, still = now - inputs.last_arrival, pipeline.stillness.still_for
    for problem in inputs.problems():
        report.error(problem)
    if silent > float(values["input_timeout_s"]):
        publishers = inputs.frame_publishers
        hint = "" if publishers else ": does the camera run, and is image remapped to its topic?"
        report.error(
            f"no frame for {silent:.1f} s on {inputs.image.topic} or {inputs.compressed_topic} ({publishers} "
            f"publishers{hint})"
        )
    elif still > float(values["stuck_timeout_s"]):
        report.error(f"stuck: the same pixels for {still:.1f} s; is the shutter closed or the camera frozen?")
    if inputs.frame_publishers > 1:
        report.warn(f"{inputs.frame_publishers} publishers on {inputs.frames.topic}: start a node for each camera")
    if pipeline.stamps.clock_silent:
        report.warn("use_sim_time is set, but /clock is silent: the age of frames is unknown")
    for fault, count in pipeline.stamps.new_faults().items():
        report.warn(f"{count} {fault.value} stamps")
    for misfit in _misfits(pipeline, values):
        report.warn(misfit)
    if inputs.damaged:
        report.warn(inputs.damaged)
        inputs.damaged = ""
    report.values = {
        "topic": inputs.frames.topic,
        "publishers": inputs.frame_publishers,
        "reliable": inputs.frames.reliable,
        "frame_id": pipeline.frame_id,
        "seconds_since_last_frame": f"{silent:.2f}",
        "seconds_without_change": f"{still:.2f}",
        "stamps_trusted": pipeline.stamps.trusted,
        **{f"stamps.{fault.value}": pipeline.stamps.faults[fault] for fault in StampFault},
        "camera_info": pipeline.camera_info is not None,
    }
    return report


def _misfits(pipeline: Pipeline, values: Mapping[str, Value]) -> list[str]:
    """What does not fit the newest frame: byte order, the bounds of its counts, the calibration."""
    frame, info = pipeline.frame, pipeline.camera_info
    if frame is None:
        return []
    found = [byte_order_misfit(frame), options_from(values).counts.misfit(frame)]
    found.append("" if info is None else calibration_misfit(info, frame.shape))
    return [text for text in found if text]


def _inert(text: str) -> str:
    """The text without control characters, cut to LONGEST_TEXT."""
    return "".join(char if char.isprintable() else "?" for char in text)[:LONGEST_TEXT]
