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

"""Gives a learned task to a restoring node, and tells what became of it, whatever happens to that node meanwhile."""

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


@dataclass(frozen=True)
class Wish:
    """service: the `set_parameters_atomically` of a restoring node. bank: the file of prompts that holds the task."""

    service: str
    bank: str
    task: str


class Activation:
    """Sets `prompts` and `task` of a restoring node, both or neither.

    text: IN_USE, or why it is not; empty where nothing was wished, or while it is under way.
    """

    def __init__(self, node: Node) -> None:
        self.text = ""
        self._node = node
        self._lock = threading.Lock()
        self._wish: Wish | None = None
        self._service = ""  # that is being asked
        self._client: Client | None = None
        self._request = SetParametersAtomically.Request()
        self._answer: Future | None = None
        self._deadline = 0.0  # of the steady clock

    def ask(self, wish: Wish) -> None:
        """From any thread. `follow` fulfils it; a newer wish comes instead of the older one."""
        with self._lock:
            self._wish = wish

    def follow(self) -> None:
        """Go a step further, without waiting; called once in a while by the executor's thread."""
        with self._lock:
            wish, self._wish = self._wish, None
        if wish is not None:
            self._begin(wish)
        if self._client is None:
            return
        if self._answer is None and self._client.service_is_ready():
            self._answer = self._client.call_async(self._request)
            self._deadline = time.monotonic() + ANSWERED_WITHIN
        elif self._answer is not None and self._answer.done():
            self._end(_told(self._answer))
        elif time.monotonic() > self._deadline:
            rest = "not in use" if self._answer is None else "perhaps not in use"
            self._end(f"{self._service} does not answer: the new task is saved, but {rest}")

    def _begin(self, wish: Wish) -> None:
        self._forget()
        self.text, self._service = "", wish.service
        wanted = {"prompts": wish.bank, "task": wish.task}
        self._request.parameters = [RosParameter(name, value=text).to_parameter_msg() for name, text in wanted.items()]
        self._deadline = time.monotonic() + FOUND_WITHIN
        try:
            self._client = self._node.create_client(SetParametersAtomically, wish.service)
        except NameValidationException as error:
            self._end(f"the new task is saved, but not in use, because restore_node has no possible name: {error}")

    def _end(self, text: str) -> None:
        self._forget()
        self.text = text
        if text == IN_USE:
            self._node.get_logger().info(text)
        else:  # a line of its own: rclpy refuses another severity from the same one
            self._node.get_logger().error(text)

    def _forget(self) -> None:
        """What is asked now, and its answer."""
        if self._client is not None:
            self._node.destroy_client(self._client)
        self._client, self._answer = None, None


def _told(answer: Future) -> str:
    """What an answer says of the task."""
    if (error := answer.exception()) is not None:
        return f"the answer of restore_node cannot be read: {error}"
    result = answer.result().result
    return IN_USE if result.successful else f"restore_node refused the new task: {result.reason}"
