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

"""A parameter table in a node: declared with descriptors, checked before a change, applied after it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from infrared_ir_ros.errors import InfraredError, OptionError
from infrared_ir_ros.records import Options
from infrared_ir_ros.ros.parameter import START, UNCONFIGURED, Parameter, Value
from infrared_ir_ros.ros.parameter_files import useless_files
from infrared_ir_ros.ros.parameters import BY_NAME, TABLE, check_all
from infrared_ir_ros.ros.qos import check_override


class NodeParameters:
    """The values of TABLE in a node; `values` is replaced as a whole, so that any thread reads a consistent set.

    configured: whether the parameters that configure reads are in use and must not change now.
    check: further checks of the new options and of the values being set; raises InfraredError.
    apply: called after a change, with the names of what was set.
    """

    def __init__(
        self,
        node: Node,
        configured: Callable[[], bool],
        check: Callable[[Options, Mapping[str, Value]], None],
        apply: Callable[[Collection[str]], None],
    ) -> None:
        self._node = node
        self._configured = configured
        self._check = check
        self._apply = apply
        self.values: dict[str, Value] = {parameter.name: declare(node, parameter) for parameter in TABLE}
        self.options = check_all(self.values)
        _warn_of_unknown(node)
        node.add_on_set_parameters_callback(self._on_set)
        if hasattr(node, "add_post_set_parameters_callback"):
            node.add_post_set_parameters_callback(self._after_set)
            self._apply_at_once = False
        else:  # ROS 2 Humble
            self._apply_at_once = True

    def _on_set(self, changes: list[RosParameter]) -> SetParametersResult:
        try:
            merged = self._merged(changes)
            for change in changes:
                check_override(change.name, change.value)
            for name, value in merged.items():
                if BY_NAME[name].change == UNCONFIGURED and value != self.values[name] and self._configured():
                    raise OptionError(f"{name} is read by configure: clean the node up before you set it")
            self._check(
                check_all(merged), {change.name: merged[change.name] for change in changes if change.name in merged}
            )
        except InfraredError as error:
            return SetParametersResult(successful=False, reason=str(error))
        except Exception as error:  # an exception here would leave the client without an answer
            return SetParametersResult(successful=False, reason=f"{type(error).__name__}: {error}")
        if self._apply_at_once:
            self._after_set(changes)
        return SetParametersResult(successful=True)

    def _after_set(self, changes: list[RosParameter]) -> None:
        names = [change.name for change in changes if change.name in BY_NAME]
        if not names:
            return  # QoS overrides are declared while a subscription is created, and `apply` may create one, too
        self.values = self._merged(changes)
        self.options = check_all(self.values)
        self._apply(names)

    def _merged(self, changes: list[RosParameter]) -> dict[str, Value]:
        known = [change for change in changes if change.name in BY_NAME]
        return self.values | {change.name: BY_NAME[change.name].read(change.value) for change in known}


def declare_checked(node: Node, table: Iterable[Parameter]) -> dict[str, Value]:
    """Declare and check a table's parameters in a node; their values by name. Raises OptionError."""
    values = {parameter.name: declare(node, parameter) for parameter in table}
    for parameter in table:
        parameter.check(values[parameter.name])
    _warn_of_unknown(node)
    return values


def declare(node: Node, parameter: Parameter) -> Value:
    """Declare one parameter of a table in a node; its value. Raises OptionError for another type or range."""
    try:
        value = node.declare_parameter(parameter.name, parameter.default, _descriptor(parameter)).value
        return parameter.read(value)
    except (InvalidParameterTypeException, InvalidParameterValueException) as error:
        kind, like = type(parameter.default).__name__, parameter.default
        text = """; write "5" in a file, '"5"' after NAME:=""" if kind == "str" else ""
        raise OptionError(f"{error}: it is a {kind} like {like!r}, {parameter.values}{text}") from None


def _warn_of_unknown(node: Node) -> None:
    """ROS silently ignores a misspelt parameter name in a file, and a whole file for another node."""
    given = getattr(node, "_parameter_overrides", {})
    for problem in useless_files(node.get_fully_qualified_name(), given):
        node.get_logger().warning(problem)
    for name in given:
        if not node.has_parameter(name) and not name.startswith("qos_overrides."):
            node.get_logger().warning(f"there is no parameter {name!r}: it is ignored")


def _descriptor(parameter: Parameter) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(
        description=parameter.meaning,
        additional_constraints=f"{parameter.values}; set {parameter.change}",
        read_only=parameter.change == START,
        dynamic_typing=parameter.is_switch,
    )
    if parameter.low is not None and parameter.high is not None:
        if isinstance(parameter.default, float):
            descriptor.floating_point_range = [FloatingPointRange(from_value=parameter.low, to_value=parameter.high)]
        else:
            descriptor.integer_range = [IntegerRange(from_value=int(parameter.low), to_value=int(parameter.high))]
    return descriptor
