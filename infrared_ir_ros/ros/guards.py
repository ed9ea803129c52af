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

"""Makes services answer every request; exceptions become a refusal with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rcl_interfaces.msg import Parameter, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python
from std_srvs.srv import Trigger

from infrared_ir_ros.errors import InfraredError, one_line


def answering(act: Callable[[], str]) -> Callable[[Trigger.Request, Trigger.Response], Trigger.Response]:
    """A service callback that calls `act` and answers with its text, or with the reason for an InfraredError."""

    def answer(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            response.success, response.message = True, act()
        except InfraredError as error:
            response.success, response.message = False, str(error)
        return response

    return answer


def guard_services(node: Node) -> None:
    """Make every service of `node` answer with failure where its callback raises.

    rclpy raises out of the executor on an invalid lifecycle transition (its issue 1209) and on a parameter of an
    unknown type.
    """
    for service in node.services:
        service.callback = _guarded(node, service.srv_name, service.callback)


def _guarded(node: Node, name: str, callback: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def answer(request: Any, response: Any) -> Any:
        try:
            response = callback(request, response)
            _name_refused(node, request, response)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            node.get_logger().warning(f"{name} refused a request: {reason}", throttle_duration_sec=1.0)
            _refuse(request, response, reason)
        return response

    return answer


def _name_refused(node: Node, request: Any, response: Any) -> None:
    """Name the refused parameters of a request if rclpy's reason does not."""
    together: Iterable[tuple[list[Parameter], SetParametersResult]] = ()
    if hasattr(response, "results") and hasattr(request, "parameters"):  # SetParameters
        together = (([one], result) for one, result in zip(request.parameters, response.results, strict=True))
    elif hasattr(response, "result") and hasattr(request, "parameters"):  # SetParametersAtomically
        together = [(request.parameters, response.result)]
    for parameters, result in together:
        if not result.successful:
            result.reason = next(filter(None, (_misfit(node, one, result.reason) for one in parameters)), result.reason)


def _misfit(node: Node, parameter: Parameter, reason: str) -> str:
    """Why a parameter was refused if it is unknown or has another type, else "". reason: rclpy's."""
    if not node.has_parameter(parameter.name):
        return f"there is no parameter {one_line(repr(parameter.name))}: `ros2 param list` shows all"
    known = node.get_parameter(parameter.name)
    if not reason.startswith("Wrong parameter type") or parameter.value.type == known.type_.value:
        return ""
    value = one_line(repr(parameter_value_to_python(parameter.value)))
    return f"{parameter.name} is {value}: it must be a {type(known.value).__name__} like {known.value!r}"


def _refuse(request: Any, response: Any, reason: str) -> None:
    """Fill in the reason if the response has a field for it; `success` is false by default."""
    refusal = SetParametersResult(successful=False, reason=reason)
    if hasattr(response, "results") and hasattr(request, "parameters"):  # SetParameters
        response.results += [refusal] * (len(request.parameters) - len(response.results))
    elif hasattr(response, "result") and hasattr(request, "parameters"):  # SetParametersAtomically
        response.result = refusal
    elif hasattr(response, "message"):  # SetBool, Trigger
        response.message = reason
