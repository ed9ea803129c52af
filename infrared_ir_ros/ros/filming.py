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

"""Camera, restore_node and recorder as processes: started, watched, and stopped whatever happens."""

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
PATIENCE = 120.0  # seconds for a process to do what is waited for


class Child:
    """A node as a process of its own; what it prints goes to a file in `logs`."""

    def __init__(self, name: str, arguments: list[str], logs: Path) -> None:
        self.name = name
        self._log = logs / f"{name}.txt"
        with open(self._log, "wb") as log:
            command = [sys.executable, "-m", f"infrared_ir_ros.ros.{name}", *arguments]
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def ended(self) -> bool:
        """Whether it has ended in order; InfraredError when it failed."""
        code = self._process.poll()
        if code:
            raise InfraredError(f"{self.name} failed: {self.last_line()}")
        return code is not None

    def last_line(self) -> str:
        """What it said last, and where the rest is."""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return f"{lines[-1] if lines else 'it said nothing'} ({self._log})"

    def stop(self) -> None:
        """Ask it to end, and make it end."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(10.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def running(name: str, arguments: list[str], logs: Path) -> Iterator[Child]:
    """A node that runs while the block does."""
    child = Child(name, arguments, logs)
    try:
        yield child
    finally:
        child.stop()


class Observer:
    """Sees who listens to the camera, and whether restore_node has dealt with every frame."""

    def __init__(self) -> None:
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node("filming")
        self._node.create_subscription(DiagnosticArray, DIAGNOSTICS, self._on_report, 10)
        self.forget()

    def subscribers(self) -> int:
        return self._node.count_subscribers(IMAGE)

    def drained(self) -> bool:
        """Whether the last two reports counted the same frames, and none that waits."""
        return self._drained

    def forget(self) -> None:
        """Only reports from now on count."""
        self._received, self._drained = -1, False

    def wait(self, done: Callable[[], bool], what: str, needed: list[Child], seconds: float = PATIENCE) -> None:
        """Until `done`; InfraredError when a `needed` process ends before, or after so many seconds."""
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
    """Film, restore and record; returns when the bag is whole.

    camera, node: parameters of thermal_camera and restore_node, as words. topics: NAME:TYPE of what is recorded.
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
        audience = ["-p", "wait_for_subscriber_s:=10.0", "-p", f"subscribers:={len(others)}"]
        with running("thermal_camera", [*ros, *camera, *audience], logs) as filming:
            observer.wait(filming.ended, "the camera did not end", others, patience)
        observer.forget()
        observer.wait(observer.drained, "restore_node did not finish", others)
    if not bag.exists():
        raise InfraredError(f"the bag was not written: {recorder.last_line()}")


def counters(message: Any) -> dict[str, str]:
    """What restore_node says of its frames in a message of /diagnostics; empty when the message is another node's: a
    robot in the same domain may restore frames, too."""
    for status in message.status:
        if status.name == f"{NAMESPACE[1:]}/restore_node: frames":
            return {pair.key: pair.value for pair in status.values}
    return {}
