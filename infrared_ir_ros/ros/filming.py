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

"""Runs camera, restore_node and recorder as processes, and stops them whatever happens."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.signals import SignalHandlerOptions

from infrared_ir_ros.errors import InfraredError

NAMESPACE = "/ir"
IMAGE, DIAGNOSTICS = f"{NAMESPACE}/image", "/diagnostics"
PATIENCE = 120.0  # seconds to wait for a process


class Child:
    """A node in its own process; its output goes to a file in `logs`."""

    def __init__(self, name: str, arguments: list[str], logs: Path) -> None:
        self.name = name
        self._log = logs / f"{name}.txt"
        with open(self._log, "wb") as log:
            command = [sys.executable, "-m", f"infrared_ir_ros.ros.{name}", *arguments]
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def ended(self) -> bool:
        """Whether it has ended with exit code 0. Raises InfraredError if it failed."""
        code = self._process.poll()
        if code:
            raise InfraredError(f"{self.name} failed: {self.last_line()}")
        return code is not None

    def last_line(self) -> str:
        """The last line of its log, and the path of the log."""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return f"{lines[-1] if lines else 'it said nothing'} ({self._log})"

    def stop(self) -> None:
        """Interrupt it; kill it if it does not end within 10 seconds."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(10.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def running(name: str, arguments: list[str], logs: Path) -> Iterator[Child]:
    """Runs a node for the duration of the block."""
    child = Child(name, arguments, logs)
    try:
        yield child
    finally:
        child.stop()


class Observer:
    """Watches who subscribes to the camera, and whether restore_node has processed every frame."""

    def __init__(self) -> None:
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node("filming")
        self._node.create_subscription(DiagnosticArray, DIAGNOSTICS, self._on_report, 10)
        self.forget()

    def subscribers(self) -> int:
        return self._node.count_subscribers(IMAGE)

    def drained(self) -> bool:
        """Whether the last two reports counted the same frames, none of them pending."""
        return self._drained

    def forget(self) -> None:
        """Disregard earlier reports."""
        self._received, self._drained = -1, False

    def wait(self, done: Callable[[], bool], what: str, needed: list[Child], seconds: float = PATIENCE) -> None:
        """Wait for `done`. Raises InfraredError when a `needed` process ends first, or after `seconds`."""
        deadline = time.monotonic() + seconds
        while not done():
            for child in needed:
                if child.ended():
                    raise InfraredError(f"{child.name} ended early: {child.last_line()}")
            if time.monotonic() > deadline:
                raise InfraredError(f"{what} within {seconds:.0f} s: {needed[0].last_line()}")
            rclpy.spin_once(self._node, timeout_sec=0.1)

    def close(self) -> None:
        self._node.destroy_node()
        rclpy.try_shutdown()

    def _on_report(self, message: Any) -> None:
        values = counters(message)
        if values:
            self._drained = values["pending"] == "0" and int(values["received"]) == self._received
            self._received = int(values["received"])


def film(
    camera: list[str], node: list[str], topics: list[str], bag: Path, logs: Path, patience: float = PATIENCE
) -> None:
    """Run the camera, restore and record its frames; returns when the bag is complete.

    camera, node: command-line arguments of thermal_camera and restore_node. topics: NAME:TYPE of what is recorded.
    patience: seconds for the camera. Raises InfraredError when a process fails.
    """
    ros = ["--ros-args", "-r", f"__ns:={NAMESPACE}"]
    with (
        running("recorder", [*topics, "--output", str(bag)], logs) as recorder,
        running("restore_node", [*ros, *node], logs) as restorer,
        closing(Observer()) as observer,
    ):
        others = [restorer, recorder]
        observer.wait(lambda: observer.subscribers() >= len(others), "restore_node did not become active", others)
        audience = ["-p", f"wait_for_subscriber_s:={PATIENCE / 2}", "-p", f"subscribers:={len(others)}"]
        with running("thermal_camera", [*ros, *camera, *audience], logs) as filming:
            observer.wait(filming.ended, "the camera did not end", others, patience)
        observer.forget()
        observer.wait(observer.drained, "restore_node did not finish", others)
    if not bag.exists():
        raise InfraredError(f"the bag was not written: {recorder.last_line()}")


def counters(message: Any) -> dict[str, str]:
    """The counters of our restore_node in a message of /diagnostics; empty for messages of other nodes, since a robot
    in the same domain may restore frames, too."""
    for status in message.status:
        if status.name == f"{NAMESPACE[1:]}/restore_node: frames":
            return {pair.key: pair.value for pair in status.values}
    return {}
