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

"""Services answer in words, whatever is asked or goes wrong."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from rcl_interfaces.msg import Parameter
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from std_srvs.srv import SetBool, Trigger

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.ros.guards import answering, guard_services


def refuse(*_: Any) -> str:
    raise SourceError("the disk is full")


def fail(*_: Any) -> str:
    raise ZeroDivisionError("by what?")


def test_what_was_done_or_refused_is_told() -> None:
    for act, told in ((lambda: "saved", (True, "saved")), (refuse, (False, "the disk is full"))):
        response = answering(act)(Trigger.Request(), Trigger.Response())
        assert (response.success, response.message) == told


@pytest.mark.parametrize("kind", [Trigger, SetBool])
def test_a_callback_that_fails_is_answered_with_its_reason(kind: type) -> None:
    service, warned = SimpleNamespace(srv_name="~/x", callback=fail), []
    logger = SimpleNamespace(warning=lambda text, **_: warned.append(text))
    guard_services(SimpleNamespace(services=[service], get_logger=lambda: logger))
    response = service.callback(kind.Request(), kind.Response())
    assert (response.success, response.message) == (False, "ZeroDivisionError: by what?")
    assert warned == ["~/x refused a request: ZeroDivisionError: by what?"]


def test_parameters_that_could_not_be_set_have_the_reason_each() -> None:
    service = SimpleNamespace(srv_name="~/x", callback=fail)
    logger = SimpleNamespace(warning=lambda *_, **__: None)
    guard_services(SimpleNamespace(services=[service], get_logger=lambda: logger))
    two = SetParameters.Request(parameters=[Parameter(name="a"), Parameter(name="b")])
    refusals = service.callback(two, SetParameters.Response()).results
    assert [(one.successful, one.reason) for one in refusals] == [(False, "ZeroDivisionError: by what?")] * 2
    response = service.callback(SetParametersAtomically.Request(), SetParametersAtomically.Response())
    assert (response.result.successful, response.result.reason) == (False, "ZeroDivisionError: by what?")
