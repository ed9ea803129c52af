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

"""Context, conditions, descriptions and the service."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterable
from typing import Any


class LaunchContext:
    """What actions share: values of the arguments, the environment, parameters for all nodes of the scope."""

    def __init__(self) -> None:
        self.launch_configurations: dict[str, str] = {}
        self.environment = dict(os.environ)
        self.parameters: list[tuple[str, Any]] = []
        self.processes: list[subprocess.Popen[bytes]] = []


class Condition:
    """Holds where its predicate does."""

    def __init__(self, *, predicate: Callable[[LaunchContext], bool]) -> None:
        self._predicate = predicate

    def evaluate(self, context: LaunchContext) -> bool:
        return self._predicate(context)


class Action:
    """One step of a description."""

    def __init__(self, condition: Condition | None = None) -> None:
        self._condition = condition

    def visit(self, context: LaunchContext) -> None:
        if self._condition is None or self._condition.evaluate(context):
            self.execute(context)

    def execute(self, context: LaunchContext) -> None:
        raise NotImplementedError


class LaunchDescription:
    """Actions in their order."""

    def __init__(self, entities: Iterable[Action]) -> None:
        self.entities = list(entities)

    def visit(self, context: LaunchContext) -> None:
        for entity in self.entities:
            entity.visit(context)


class LaunchService:
    """Starts what a description says and waits for it; SIGINT reaches the processes too."""

    def __init__(self) -> None:
        self._entities: list[Action] = []

    def include_launch_description(self, action: Action) -> None:
        self._entities.append(action)

    def run(self) -> int:
        context = LaunchContext()

        def stop(number: int, frame: object) -> None:
            for process in context.processes:
                process.send_signal(signal.SIGINT)

        signal.signal(signal.SIGINT, stop)
        for entity in self._entities:
            entity.visit(context)
        codes = [process.wait() for process in context.processes]
        return int(any(codes))
