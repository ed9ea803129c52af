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

"""Activates a trained task in a restore_node and reports the outcome, even if that node disappears meanwhile."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from rcl_interfaces.srv import SetParametersAtomically
from rclpy.client import Client
from rclpy.exceptions import NameValidationException
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter
from rclpy.task import Future

IN_USE = "in use"
FOUND_WITHIN, ANSWERED_WITHIN = 5.0, 30.0  # seconds; a node that loads its network answers late
# On a busy machine the middleware may lose an answer, and setting the same twice is harmless.
ASKED_AGAIN = 8.0  # seconds


@dataclass(frozen=True)
class Target:
    """service: the `set_parameters_atomically` of a restore_node. bank: the file of prompts that holds the task."""

    service: str
    bank: str
    task: str


class Activation:
    """Sets `prompts` and `task` of a restore_node, both or neither.

    text: IN_USE, or why the task is not in use; empty before `ask` and while the call is pending.
    """

    def __init__(self, node: Node) -> None:
        self.text = ""
        self._node = node
        self._lock = threading.Lock()
        self._asked: Target | None = None
        self._target: Target | None = None  # whose answer is pending
        self._client: Client | None = None
        self._request = SetParametersAtomically.Request()
        self._answers: list[Future] = []  # of one request, that is repeated
        self._deadline = self._ask_at = 0.0  # of the steady clock

    def ask(self, target: Target) -> None:
        """Request an activation, from any thread; replaces a pending one. `follow` carries it out."""
        with self._lock:
            self._asked = target

    def follow(self) -> None:
        """Advance without blocking; called periodically by the executor's thread."""
        with self._lock:
            target, self._asked = self._asked, None
        if target is not None:
            self._begin(target)
        target = self._target
        if self._client is None or target is None:
            return
        now = time.monotonic()
        answer = next((each for each in self._answers if each.done()), None)
        if answer is not None:
            self._end(_outcome(answer))
        elif now > self._deadline:
            rest = "perhaps not in use" if self._answers else "not in use"
            self._end(
                f"{target.service} does not answer: the new task is saved, but {rest}; set its parameters prompts to "
                f"{target.bank} and task to {target.task}"
            )
        elif now >= self._ask_at and self._client.service_is_ready():
            if not self._answers:
                self._deadline = now + ANSWERED_WITHIN
            self._answers.append(self._client.call_async(self._request))
            self._ask_at = now + ASKED_AGAIN

    def _begin(self, target: Target) -> None:
        self._forget()
        self.text, self._target = "", target
        wanted = {"prompts": target.bank, "task": target.task}
        self._request.parameters = [RosParameter(name, value=text).to_parameter_msg() for name, text in wanted.items()]
        self._ask_at = time.monotonic()
        self._deadline = self._ask_at + FOUND_WITHIN
        try:
            self._client = self._node.create_client(SetParametersAtomically, target.service)
        except NameValidationException as error:
            self._end(f"the new task is saved, but not in use: restore_node is not the name of a node: {error}")

    def _end(self, text: str) -> None:
        self._forget()
        self.text = text
        if text == IN_USE:
            self._node.get_logger().info(f"the new task is {text}")
        else:  # rclpy refuses a second severity from one line of code
            self._node.get_logger().error(text)

    def _forget(self) -> None:
        """Drop the pending calls and their answers."""
        if self._client is not None:
            self._node.destroy_client(self._client)
        self._client, self._answers = None, []


def _outcome(answer: Future) -> str:
    """IN_USE, or why the task was not taken."""
    if (error := answer.exception()) is not None:
        return f"the answer of restore_node cannot be read: {error}"
    result = answer.result().result
    return IN_USE if result.successful else f"restore_node refused the new task: {result.reason}"
