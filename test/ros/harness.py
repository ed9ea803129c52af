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

"""Real processes over a real DDS domain: starts a node, talks to it, waits with a deadline.

with NodeProcess(domain, parameters={"strength": 0.0}) as node, Peer(domain) as peer:
    peer.wait_state("active")
    images = peer.collect(Image, "restored")
    camera = peer.publisher(Image, "image")
    camera.publish(make_image(pixels, "mono16"))
    peer.wait(lambda: images, "a restored frame")
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import GetParameters, SetParameters, SetParametersAtomically
from rclpy.client import Client
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import Image

from infrared_ir_ros.ros.bridge import PlainBridge
from infrared_ir_ros.ros.process import use_transport_profile

ROOT = Path(__file__).parents[2]
PATIENCE = float(os.environ.get("TEST_PATIENCE", "60"))  # seconds; used up only when something is broken
RESTORE_NODE = "infrared_ir_ros.ros.restore_node"


class NodeProcess:
    """A node in a process of its own, started with `python -m module --ros-args ...`; its output is kept in a file."""

    def __init__(
        self,
        domain: int,
        parameters: Mapping[str, Any] | None = None,
        remaps: Mapping[str, str] | None = None,
        module: str = RESTORE_NODE,
        environment: Mapping[str, str] | None = None,
        namespace: str = "",
    ) -> None:
        arguments = ["--ros-args"]
        for name, value in (parameters or {}).items():
            text = str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, float) else value
            arguments += ["-p", f"{name}:={text}"]
        for name, value in (({"__ns": f"/{namespace}"} if namespace else {}) | dict(remaps or {})).items():
            arguments += ["-r", f"{name}:={value}"]
        inherited = os.environ | {"ROS_DOMAIN_ID": str(domain), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        inherited["MALLOC_MMAP_THRESHOLD_"] = "131072"  # freed memory is returned at once, so growth is a leak
        self._output = tempfile.TemporaryFile("w+")  # an unread pipe would block the node
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env=inherited | dict(environment or {}),
            cwd=ROOT,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def output(self) -> str:
        """What the process has printed so far."""
        self._output.seek(0)
        return self._output.read()

    def catches_signals(self) -> bool:
        """Whether it has installed its signal handlers (Python itself catches SIGINT, but not SIGTERM)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        return bool(caught >> (signal.SIGTERM - 1) & 1)

    def memory(self) -> int:
        """Resident bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def threads(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def stop(self, number: int = signal.SIGINT, patience: float = PATIENCE) -> int:
        """Send a signal and wait for the end; returns the exit code (negative: the signal that killed it)."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the node did not end within {patience} s:\n{self.output()}") from None

    def __enter__(self) -> NodeProcess:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if error[0] is not None:
            print(self.output(), file=sys.stderr)
        self._output.close()


class Peer:
    """The other side: publishes, collects, calls services. Spins in a thread of its own."""

    def __init__(self, domain: int, target: str = "/restore_node", namespace: str = "/") -> None:
        use_transport_profile()
        self.target = target
        self._context = Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = Node(f"peer_{random.randrange(1 << 30)}", context=self._context, namespace=namespace)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        self._clients: dict[str, Client] = {}
        self.diagnostics: list[DiagnosticArray] = self.collect(DiagnosticArray, "/diagnostics")

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            pass

    def close(self) -> None:
        self._context.try_shutdown()
        self._thread.join()
        self.node.destroy_node()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # ---- topics ----------------------------------------------------------------------------------------------------

    def publisher(
        self, kind: Any, topic: str, reliable: bool = True, depth: int = 10, matched: bool = True
    ) -> Publisher:
        """A publisher, by default returned only once the node under test is subscribed to it."""
        publisher = self.node.create_publisher(kind, topic, _profile(reliable, depth))
        if matched:
            self.wait(publisher.get_subscription_count, f"a subscription to {topic}")
            time.sleep(0.3)  # the reader may discover the writer a little later, and receives nothing until then
        return publisher

    def collect(self, kind: Any, topic: str, reliable: bool = True, depth: int = 100) -> list[Any]:
        """A list that fills with the messages of a topic."""
        messages: list[Any] = []
        self.node.create_subscription(kind, topic, messages.append, _profile(reliable, depth))
        return messages

    def destroy(self, entity: Publisher | Client) -> None:
        """Destroy it in the thread that spins: elsewhere rclpy's executor may just be waiting on it, and would end."""
        destroy = self.node.destroy_client if isinstance(entity, Client) else self.node.destroy_publisher
        self.wait(self._executor.create_task(destroy, entity).done, f"the end of {entity}")

    def wait(self, condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
        """Wait until `condition` gives something true, and return that; AssertionError after `patience` seconds."""
        deadline = time.monotonic() + patience
        while not (found := condition()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not within {patience} s")
            time.sleep(0.005)
        return found

    # ---- diagnostics -----------------------------------------------------------------------------------------------

    def status(self, name: str) -> DiagnosticStatus | None:
        """The newest status of the node whose name ends with `name`: frames, restorer or input."""
        for array in reversed(self.diagnostics):
            for status in array.status:
                if status.name == f"{self.target[1:]}: {name}":
                    return status
        return None

    def values(self, name: str = "frames") -> dict[str, str]:
        status = self.status(name)
        return {} if status is None else {value.key: value.value for value in status.values}

    def message(self, name: str) -> str:
        """The values of the newest report of `name`; empty if there is none."""
        status = self.status(name)
        return "" if status is None else status.message

    def fresh_values(self, name: str = "frames") -> dict[str, str]:
        """The values of a report that was made after this call."""
        seen = len(self.diagnostics)
        self.wait(lambda: len(self.diagnostics) > seen + 1, "fresh diagnostics")
        return self.values(name)

    def wait_message(self, name: str, text: str, level: bytes | None = None, since: int = 0) -> DiagnosticStatus:
        """Wait for a status `name` with `text` in its message (and with that level), in the reports from `since` on."""

        def find() -> DiagnosticStatus | None:
            for array in self.diagnostics[since:]:
                for status in array.status:
                    if status.name.endswith(f": {name}") and text in status.message:
                        if level is None or status.level == level:
                            return status
            return None

        try:
            return self.wait(find, f"the diagnostics of {name} with {text!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}; the last one is {self.status(name)}") from None

    # ---- services --------------------------------------------------------------------------------------------------

    def call(self, kind: Any, name: str, request: Any = None, patience: float = PATIENCE) -> Any:
        """The response of a service; `name` relative to the node under test unless it begins with a slash."""
        client = self._client(kind, name if name.startswith("/") else f"{self.target}/{name}", patience)
        future = client.call_async(request or kind.Request())
        self.wait(future.done, f"the answer of {client.srv_name}", patience)
        return future.result()

    def _client(self, kind: Any, name: str, patience: float) -> Client:
        """The client of a service, kept: each new one could lose its answer."""
        if new := name not in self._clients:
            self._clients[name] = self.node.create_client(kind, name)
        self.wait(self._clients[name].service_is_ready, f"the service {name}", patience)
        if new:
            time.sleep(0.3)  # the service may discover the client a little later, and its answer is lost until then
        return self._clients[name]

    def state(self) -> str:
        """The node's lifecycle state. Asks twice: on a busy machine the middleware may lose the first answer."""
        with suppress(AssertionError):
            return str(self.call(GetState, "get_state", patience=PATIENCE / 6).current_state.label)
        return str(self.call(GetState, "get_state").current_state.label)

    def wait_state(self, label: str) -> None:
        self.wait(lambda: self.state() == label, f"the state {label}")

    def change_state(self, transition: int) -> bool:
        request = ChangeState.Request()
        request.transition.id = transition
        return bool(self.call(ChangeState, "change_state", request).success)

    def set_parameters(self, **values: Any) -> list[SetParametersResult]:
        """Set parameters one by one; `counts__minimum` stands for `counts.minimum`."""
        request = SetParameters.Request(parameters=_parameters(values))
        return list(self.call(SetParameters, "set_parameters", request).results)

    def set_together(self, **values: Any) -> SetParametersResult:
        """Set all parameters or none."""
        request = SetParametersAtomically.Request(parameters=_parameters(values))
        return self.call(SetParametersAtomically, "set_parameters_atomically", request).result

    def get_parameters(self, names: Sequence[str]) -> list[Any]:
        values = self.call(GetParameters, "get_parameters", GetParameters.Request(names=list(names))).values
        return [rclpy.parameter.parameter_value_to_python(value) for value in values]


def make_image(
    pixels: np.ndarray, encoding: str, stamp_ns: int | None = None, frame_id: str = "thermal", **lies: Any
) -> Image:
    """A message; `lies` overwrite its fields. Default stamp: now."""
    message = PlainBridge().cv2_to_imgmsg(pixels, encoding)
    message.header.frame_id = frame_id
    stamp_ns = time.time_ns() if stamp_ns is None else stamp_ns
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    for name, value in lies.items():
        setattr(message, name, value)
    return message


def stamp_ns(message: Any) -> int:
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec


def scene(seed: int = 0, shape: tuple[int, int] = (60, 80), dtype: type = np.uint16) -> np.ndarray:
    """A noisy smooth picture in the range of its dtype; seeded."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    unit = 0.5 + 0.25 * np.sin(rows / 9 + seed) * np.cos(columns / 7) + rng.normal(0, 0.03, shape)
    unit = unit.clip(0, 1)
    if dtype == np.uint8:
        return (255 * unit).astype(np.uint8)
    return (29000 + 2000 * unit).astype(np.uint16) if dtype == np.uint16 else (290 + 20 * unit).astype(np.float32)


def assert_balanced(values: Mapping[str, str]) -> None:
    """received = published + drops by reason, exactly."""
    dropped = sum(int(value) for key, value in values.items() if key.startswith("dropped."))
    assert int(values["received"]) == int(values["published"]) + dropped, values
    assert int(values["dropped"]) == dropped, values


def _profile(reliable: bool, depth: int) -> QoSProfile:
    reliability = QoSReliabilityPolicy.RELIABLE if reliable else QoSReliabilityPolicy.BEST_EFFORT
    return QoSProfile(depth=depth, reliability=reliability)


def _parameters(values: Mapping[str, Any]) -> list[Any]:
    return [Parameter(name.replace("__", "."), value=value).to_parameter_msg() for name, value in values.items()]
