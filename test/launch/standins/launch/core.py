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
