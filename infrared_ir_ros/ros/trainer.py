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

"""The trainer_node: learns a task from recordings while the robot works. Contains no algorithms."""

from __future__ import annotations

import importlib.util

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter
from sensor_msgs.msg import Image
from std_msgs.msg import Float32
from std_srvs.srv import Trigger

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.ros import qos
from infrared_ir_ros.ros.activation import IN_USE, Activation, Target
from infrared_ir_ros.ros.bridge import PlainBridge
from infrared_ir_ros.ros.declaration import declare_checked
from infrared_ir_ros.ros.diagnostics import Report as Diagnosis
from infrared_ir_ros.ros.guards import answering, guard_services
from infrared_ir_ros.ros.latency import LatencyWatch
from infrared_ir_ros.ros.parameter import path_of
from infrared_ir_ros.ros.process import PATIENCE
from infrared_ir_ros.ros.trainer_parameters import TRAINER_TABLE, counts_of, output_of, sources_of
from infrared_ir_ros.ros.training_job import RUNNING, Asked, State, TrainingJob
from infrared_ir_ros.training.adapt_frames import Lesson
from infrared_ir_ros.training.adapt_plan import Outcome, Plan, Report

REPORT_PERIOD = 1.0  # seconds
TABLE = {parameter.name: parameter for parameter in TRAINER_TABLE}


class TrainerNode(Node):
    """Services ~/start, ~/pause, ~/cancel; reports on ~/progress, ~/losses, ~/comparison and /diagnostics."""

    def __init__(self) -> None:
        super().__init__("trainer_node")
        self._values = declare_checked(self, TRAINER_TABLE)
        self.add_on_set_parameters_callback(self._on_set)
        self._job: TrainingJob | None = None
        self._report: Report | None = None
        self._activation = Activation(self)
        self._latency = LatencyWatch()
        self._progress = qos.open_publisher(self, Float32, "~/progress")
        self._losses = qos.open_publisher(self, DiagnosticArray, "~/losses")
        self._comparison = qos.open_publisher(self, Image, "~/comparison", qos.latched_profile())
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_subscription(DiagnosticArray, "timing", self._latency.hear, 50)
        for name, act in (("start", self._start), ("pause", self._pause), ("cancel", self._cancel)):
            self.create_service(Trigger, f"~/{name}", answering(act))
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(REPORT_PERIOD, self._diagnose, clock=steady)
        guard_services(self)
        if self._values["autostart"]:
            self.get_logger().info(self._start())

    def stop(self) -> None:
        """Save a checkpoint, if there is time; files are complete in any case."""
        if self._job is not None:
            self._job.stop(PATIENCE)

    # ---- services --------------------------------------------------------------------------------------------------

    def _start(self) -> str:
        """Start, or continue after a pause. Raises OptionError."""
        if self._job is not None and self._running():
            task = self._current().asked.plan.task
            if not self._job.paused:
                raise OptionError(f"{task} is being trained: ~/cancel it first, or wait for its end")
            self._job.pause(False)
            return f"continues with {task}"
        asked = self._asked()
        self._report, self._activation.text = None, ""
        self._job = TrainingJob(asked, self._is_late, self._tell, self._problem, self._done)
        return f"learns {asked.plan.task} into {asked.output}"

    def _pause(self) -> str:
        self._current().pause(True)
        return "pauses after this step; ~/start continues"

    def _cancel(self) -> str:
        self._current().cancel()
        return "stops after this step and keeps nothing"

    def _current(self) -> TrainingJob:
        if self._job is None or not self._running():
            raise OptionError("nothing is being trained: call ~/start first")
        if self._job.cancelled:
            raise OptionError(f"{self._job.asked.plan.task} is being cancelled: call ~/start once it has ended")
        return self._job

    def _running(self) -> bool:
        return self._job is not None and self._job.state in RUNNING

    def _asked(self) -> Asked:
        """The parameters as a training request. Raises OptionError if they contradict each other."""
        if importlib.util.find_spec("torch") is None:
            raise OptionError("torch is not installed: pip install -r requirements/train.txt")
        values = self._values
        texts = ("supervision", "topic", "reference_topic", "label_topic")
        paths = ("reference", "detector", "degradation")
        lesson = Lesson(
            sources_of(values),
            **{name: str(values[name]) for name in texts},
            **{name: path_of(values, name) for name in paths},
            tolerance_ms=float(values["tolerance_ms"]),
            frames=int(values["frames"]),
            counts=counts_of(values),
        )
        task, start, optimise, device = (str(values[name]) for name in ("task", "start", "optimise", "device"))
        steps, seed = int(values["steps"]), int(values["seed"])
        plan = Plan(task, start, optimise, steps, float(values["minutes"]), seed, device)
        folders = (path_of(values, "prior_path"), path_of(values, "prompts"))
        return Asked(plan, lesson, output_of(values), *folders, int(values["nice"]), int(values["threads"]))

    def _on_set(self, changes: list[RosParameter]) -> SetParametersResult:
        try:
            known = {change.name: change.value for change in changes if change.name in TABLE}
            for name, value in known.items():
                TABLE[name].check(value)
        except OptionError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self._values = self._values | known
        return SetParametersResult(successful=True)

    # ---- from the training's thread --------------------------------------------------------------------------------

    def _is_late(self) -> bool:
        limit = float(self._values["latency_limit_ms"])
        return limit > 0 and self._latency.milliseconds() > limit

    def _problem(self, text: str) -> None:
        self.get_logger().warning(text)

    def _tell(self, job: TrainingJob, report: Report) -> None:
        self._report = report
        self._progress.publish(Float32(data=float(report.share)))
        values = {"step": report.step, "seconds": f"{report.seconds:.1f}", "share": f"{report.share:.4f}"}
        values |= {f"loss.{name}": f"{value:.6g}" for name, value in report.terms.items()}
        for name, verdict in (("start", report.before), ("best", report.best)):
            values |= {f"{name}.loss": f"{verdict.loss:.6g}", f"{name}.psnr": f"{verdict.psnr:.3f}"}
            values |= {f"{name}.psnr_fitted": f"{verdict.psnr_fitted:.3f}"}
            values |= {f"{name}.lost_detail": f"{verdict.lost_detail:.4f}"}
        status = DiagnosticStatus(name=f"{self.get_name()}: losses", message=job.asked.plan.task)
        status.values = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        self._losses.publish(message)
        if report.now is not None:
            sides = np.hstack([report.original, report.before.picture, report.best.picture])
            self._comparison.publish(PlainBridge().cv2_to_imgmsg(sides, "mono8", message.header))

    def _done(self, job: TrainingJob, outcome: Outcome | None) -> None:
        logger = self.get_logger()
        if job.state == State.FAILED:
            logger.error(f"training failed: {job.failure}")
            return
        logger.info(f"training: {job.state.value}" + (f", {outcome.bank}" if outcome and outcome.bank else ""))
        if job.state == State.SAVED and outcome is not None and self._values["activate"]:
            service = f"{self._values['restore_node']}/set_parameters_atomically"
            self._activation.ask(Target(service, str(outcome.bank), job.asked.plan.task))

    # ---- once a second ---------------------------------------------------------------------------------------------

    def _diagnose(self) -> None:
        self._activation.follow()
        state = self._job.state if self._job is not None else State.IDLE
        diagnosis = Diagnosis("training", state.value)
        if self._job is not None and state == State.FAILED:
            diagnosis.error(f"{state.value}: {self._job.failure}")
        elif state == State.HOLDING:
            diagnosis.warn(f"holding: restore_node takes {self._latency.milliseconds():.0f} ms")
        if self._activation.text not in ("", IN_USE):
            diagnosis.error(self._activation.text)
        report = self._report
        task = self._values["task"] if self._job is None else self._job.asked.plan.task
        diagnosis.values = {"state": state.value, "task": task, "activation": self._activation.text}
        diagnosis.values |= {"latency_ms": f"{self._latency.milliseconds():.1f}"}
        if report is not None:
            diagnosis.values |= {"step": report.step, "share": f"{report.share:.3f}"}
            diagnosis.values |= {"start.loss": f"{report.before.loss:.6g}", "best.loss": f"{report.best.loss:.6g}"}
        message = DiagnosticArray(status=[diagnosis.status(self.get_fully_qualified_name()[1:], "")])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)
