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

"""The restore_node: a lifecycle around a pipeline, without algorithms."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Collection, Mapping

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from std_srvs.srv import SetBool, Trigger

from infrared_ir_ros.errors import InfraredError, OptionError
from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import Restorer, load_restorer
from infrared_ir_ros.restoration.library import Library, open_library
from infrared_ir_ros.ros.camera_inputs import CameraInputs
from infrared_ir_ros.ros.counters import Counters
from infrared_ir_ros.ros.declaration import NodeParameters
from infrared_ir_ros.ros.detector_slot import DetectorSlot
from infrared_ir_ros.ros.diagnostics import Report, detector_report, frames_report, input_report, restorer_report
from infrared_ir_ros.ros.guards import answering, guard_services
from infrared_ir_ros.ros.output import Output
from infrared_ir_ros.ros.parameter import Value, path_of
from infrared_ir_ros.ros.parameters import detection_options_from
from infrared_ir_ros.ros.pattern_keeper import PatternKeeper
from infrared_ir_ros.ros.pipeline import Pipeline, Settings
from infrared_ir_ros.ros.process import PATIENCE

SUCCESS, FAILURE, ERROR = (
    TransitionCallbackReturn.SUCCESS,
    TransitionCallbackReturn.FAILURE,
    TransitionCallbackReturn.ERROR,
)
FOLLOW_PERIOD, REPORT_PERIOD = 0.2, 1.0  # seconds
WARM_UP = (512, 640)  # height and width of a typical frame


class RestoreNode(LifecycleNode):
    """unconfigured: parameters and diagnostics. inactive: restorer loaded and warm. active: frames in, frames out."""

    def __init__(self) -> None:
        super().__init__("restore_node")
        self._restorer: Restorer | None = None
        self._output: Output | None = None
        self._pipeline: Pipeline | None = None
        self._inputs: CameraInputs | None = None
        self._keeper: PatternKeeper | None = None
        self._detector = DetectorSlot(self)
        self._library: Library | None = None  # for the value of `prompts` that is being set
        self._enabled = True
        self._failure = ""
        self._input_failed = False  # as logged last
        self._counters = Counters()
        self._parameters_in_use = NodeParameters(self, lambda: self._restorer is not None, self._check, self._apply)
        self._reported = self._counters.tally()
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_service(SetBool, "~/enable", self._on_enable)
        self.create_service(Trigger, "~/save_pattern", answering(lambda: self._kept().save()))
        self.create_service(Trigger, "~/reset_pattern", answering(lambda: self._kept().reset()))
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still or jump
        self.create_timer(REPORT_PERIOD, self._report, clock=steady)
        self.create_timer(FOLLOW_PERIOD, self._follow, clock=steady)
        guard_services(self)
        if self._parameters_in_use.values["autostart"]:
            self._autostart = self.create_timer(0.0, self._start, clock=steady)

    # ---- lifecycle -------------------------------------------------------------------------------------------------

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition("configure", self._configure, self._release, FAILURE)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition("activate", self._activate, self._deactivate, FAILURE)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition("deactivate", self._deactivate, self._release, ERROR)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition("cleanup", self._release, self._release, ERROR)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition("shutdown", self._release, self._release, SUCCESS)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition("error", self._release, self._release, FAILURE)

    def stop(self) -> None:
        """Shut down from any state; the last diagnostics account for every frame."""
        self._release(PATIENCE)
        self._report()
        tally = self._counters.tally()
        drops = ", ".join(f"{count} {reason.value}" for reason, count in tally.drops.items() if count) or "none"
        self.get_logger().info(
            f"received {tally.received} = published {tally.published} + dropped {tally.dropped} ({drops})"
        )

    def _transition(
        self, name: str, act: Callable[[], None], undo: Callable[[], None], otherwise: TransitionCallbackReturn
    ) -> TransitionCallbackReturn:
        """Run a transition and log exceptions, which rclpy would swallow. undo: called after one, then `otherwise`."""
        try:
            act()
        except Exception as error:
            self._failure = f"{name} failed: {error if isinstance(error, InfraredError) else repr(error)}"
            self.get_logger().error(self._failure)
            if not isinstance(error, (InfraredError, MemoryError)):
                self.get_logger().error(traceback.format_exc())
            try:
                undo()
            except Exception as second:
                self.get_logger().error(f"cleaning up after it failed, too: {second!r}")
            return otherwise
        self._failure = ""
        self.get_logger().info(f"{name} done")
        return SUCCESS

    def _configure(self) -> None:
        restorer = load_restorer(**self._loading(), options=self._parameters_in_use.options)
        restorer.patterns.live = True
        restorer.warm_up(*WARM_UP)
        self._detector.load(self._parameters_in_use.values, WARM_UP)
        self._output = Output(self)
        self._restorer = restorer

    def _loading(self) -> dict[str, str]:
        """The parameters that `load_restorer` and `open_library` take."""
        values = self._parameters_in_use.values
        names = {name: str(values[name]) for name in ("prior", "engine", "device", "precision")}
        return names | {name: path_of(values, name) for name in ("prior_path", "prompts")}

    def _activate(self) -> None:
        assert self._restorer is not None and self._output is not None  # the state machine guarantees it
        self._restorer.reset()
        values, logger = self._parameters_in_use.values, self.get_logger()
        keeper = PatternKeeper(self._restorer, path_of(values, "pattern_file"), str(values["camera_name"]), logger)
        self._keeper = keeper
        self._detector.start(values, self._restorer.prompt)
        self._pipeline = Pipeline(
            self._restorer,
            keeper,
            self._detector,
            self._output,
            self._counters,
            self.get_clock(),
            logger,
            self._settings(),
        )
        self._inputs = CameraInputs(self, self._pipeline, str(values["qos"]))

    def _deactivate(self, patience: float | None = None) -> None:
        inputs, self._inputs = self._inputs, None
        pipeline, self._pipeline = self._pipeline, None
        self._keeper = None
        if inputs is not None:
            inputs.destroy()
        if pipeline is not None:
            pipeline.close(patience)
        self._detector.stop(patience)

    def _release(self, patience: float | None = None) -> None:
        self._deactivate(patience)
        output, self._output = self._output, None
        self._restorer = None
        self._detector.unload()
        if output is not None:
            output.destroy()

    def _start(self) -> None:
        """Autostart, from within the executor."""
        self.destroy_timer(self._autostart)
        if self.trigger_configure() == SUCCESS:
            self.trigger_activate()

    # ---- parameters and services -----------------------------------------------------------------------------------

    def _settings(self) -> Settings:
        values = self._parameters_in_use.values
        return Settings(
            max_age=float(values["max_age_ms"]) / 1000.0,
            passthrough=values["on_failure"] == "passthrough",
            palette=str(values["palette"]),
            enabled=self._enabled,
        )

    def _check(self, options: Options, changed: Mapping[str, Value]) -> None:
        """Raises InfraredError for an unknown task or class, and for an unreadable or foreign bank of prompts."""
        self._library = None  # one that was refused earlier must not be applied now
        if "detector.classes" in changed:
            self._detector.check(detection_options_from(self._parameters_in_use.values | changed))
        if self._restorer is None:
            return
        if changed.get("prompts") or ("prompts" in changed and self._parameters_in_use.values["prompts"]):
            library = open_library(**self._loading() | {"prompts": path_of(changed, "prompts")})
            library.check(options.task)
            self._library = library
        else:
            self._restorer.check(options)

    def _apply(self, changed: Collection[str]) -> None:
        library, self._library = self._library, None
        if self._restorer is not None and library is not None and "prompts" in changed:
            self._restorer.take(library, self._parameters_in_use.options)
        elif self._restorer is not None:
            self._restorer.options = self._parameters_in_use.options
        if self._pipeline is not None:
            self._pipeline.settings = self._settings()
        prompt = None if self._restorer is None or self._pipeline is None else self._restorer.prompt
        self._detector.apply(self._parameters_in_use.values, prompt)

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._enabled = request.data
        if self._pipeline is not None:
            self._pipeline.settings = self._settings()
        response.success = True
        response.message = "frames are restored" if self._enabled else "frames pass through unrestored"
        return response

    def _kept(self) -> PatternKeeper:
        if self._keeper is None:
            raise OptionError("the node is not active: activate it first")
        return self._keeper

    # ---- timers ----------------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        if self._inputs is not None:
            self._inputs.follow(str(self._parameters_in_use.values["qos"]))

    def _report(self) -> None:
        """Publish /diagnostics."""
        tally, before = self._counters.tally(), self._reported
        self._reported = tally
        pipeline, inputs, output = self._pipeline, self._inputs, self._output
        state = self._state_machine.current_state[1]
        description = {} if self._restorer is None else self._restorer.description
        passing = "" if pipeline is None else pipeline.passing
        failure = self._failure or ("" if self._restorer is None else self._restorer.failure)
        unheard = [] if output is None else output.problems()
        patterns = None if self._restorer is None else self._restorer.patterns
        refused = "" if self._keeper is None else self._keeper.problem
        reports = [
            frames_report(tally, before, unheard),
            restorer_report(state, description, failure, passing, patterns and patterns.state, refused),
            detector_report(self._detector),
        ]
        if patterns is not None and output is not None and pipeline is not None:
            output.publish_pattern(patterns, pipeline.frame_id)
        if pipeline is not None and inputs is not None:
            reports.append(input_report(pipeline, inputs, self._parameters_in_use.values, time.monotonic()))
            self._log_input(reports[-1])
        message = DiagnosticArray()
        message.header.stamp = self.get_clock().now().to_msg()
        name, hardware_id = self.get_fully_qualified_name()[1:], "" if pipeline is None else pipeline.frame_id
        message.status = [report.status(name, hardware_id) for report in reports]
        self._diagnostics.publish(message)

    def _log_input(self, report: Report) -> None:
        """Log where an error of the input begins and ends: users see the log before /diagnostics."""
        if report.errors and not self._input_failed:
            self.get_logger().error("; ".join(report.errors))
        elif self._input_failed and not report.errors:
            self.get_logger().info(report.healthy)
        self._input_failed = bool(report.errors)
