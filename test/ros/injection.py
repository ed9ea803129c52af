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

"""Shared by the fault injections: a node with a camera and a viewer, and the outcome of the faults.

`test/ros/test_faults*.py` injects a few of each kind, `benchmarks/faults.py` many.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from harness import PATIENCE, NodeProcess, Peer, assert_balanced, make_image, scene, stamp_ns
from outcome import Outcome
from rclpy.publisher import Publisher
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image

OK, WARN, ERROR = b"\x00", b"\x01", b"\x02"
SHAPE = (48, 64)  # small, so that a frame takes milliseconds
PARAMETERS: dict[str, Any] = {
    "engine": "onnxruntime",
    "max_age_ms": 60000.0,  # whatever else runs on this machine
    "input_timeout_s": 1.0,
    "stuck_timeout_s": 1.0,
}


class Rig:
    """A restore_node process, a camera that sends it frames, and a viewer of the results."""

    def __init__(self, domain: int, **parameters: Any) -> None:
        self.domain = domain
        self._parameters = PARAMETERS | parameters
        self.node = NodeProcess(domain, self._parameters)
        self.peer = Peer(domain)
        self.sent = 0
        self.heard: list[int] = []  # stamps of the restored frames
        self.newest = Image()
        self.peer.node.create_subscription(Image, "restored", self._on_restored, 100)
        self._camera: Publisher | None = None

    def _on_restored(self, message: Image) -> None:
        self.newest = message
        self.heard.append(stamp_ns(message))

    @property
    def camera(self) -> Publisher:
        """A reliable publisher of `image`, made when first used, once the active node is subscribed to it."""
        if self._camera is None:
            self.peer.wait_state("active")
            self._camera = self.peer.publisher(Image, "image")
            self.answer()
        return self._camera

    def send(self, message: Image | bytes) -> None:
        self.camera.publish(message)
        self.sent += 1

    def answer(self, patience: float = PATIENCE) -> float:
        """Send a good frame and wait for it restored; returns seconds. Raises AssertionError if it does not arrive."""
        message = good_frame(self.sent)
        wanted, started = stamp_ns(message), time.monotonic()
        self.send(message)
        self.peer.wait(lambda: wanted in self.heard[-3:], "the answer to a good frame", patience)
        assert np.ptp(np.frombuffer(self.newest.data, np.uint16)) > 0
        return time.monotonic() - started

    def leave(self) -> None:
        """Remove the camera."""
        if self._camera is not None:
            self.peer.destroy(self._camera)
            self._camera = None

    def alive(self) -> None:
        """AssertionError unless the process runs and no exception has escaped."""
        assert self.node.process.poll() is None, f"the node ended: {self.node.output()[-2000:]}"
        assert "Traceback" not in self.node.output(), self.node.output()[-2000:]

    def books(self) -> dict[str, int]:
        """The counters when no frame is pending: received = published + drops by reason, exactly.

        `pending` is counted apart (arrivals less decided fates), so a frame that got lost between would show there.
        """
        values = self.peer.fresh_values()
        deadline = time.monotonic() + PATIENCE
        while values["pending"] != "0" and time.monotonic() < deadline:
            values = self.peer.fresh_values()
        assert_balanced(values)
        assert values["pending"] == "0", values
        return {key: int(value) for key, value in values.items() if value.isdecimal()}

    def close(self) -> None:
        self.peer.close()
        self.node.__exit__(None, None, None)

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @contextmanager
    def checked(self, outcome: Outcome, all_arrive: bool = True) -> Iterator[None]:
        """Checks around the faults of one kind: the node keeps running, the counters balance, and memory does not grow.

        all_arrive: every frame that `send` sent must have been received, exactly.
        """
        before, sent, memory = self.books(), self.sent, self.node.memory()
        since = len(self.peer.diagnostics)
        yield
        self.alive()
        after = self.books()
        outcome.figures["memory growth MB"] = round((self.node.memory() - memory) / 1e6, 1)
        received, sent = after["received"] - before["received"], self.sent - sent
        outcome.figures |= {"sent": sent, "received": received, "published": after["published"] - before["published"]}
        dropped = {key: after[key] - before[key] for key in after if key.startswith("dropped.")}
        outcome.figures |= {key: value for key, value in dropped.items() if value}
        outcome.require(received == outcome.figures["published"] + sum(dropped.values()), f"books: {outcome.figures}")
        if all_arrive:
            outcome.require(received == sent, f"{sent} frames sent, {received} received")
        for report in reports(self.peer, "frames", since):  # also while the faults went on
            assert_balanced(report)


def reports(peer: Peer, name: str, since: int) -> Iterator[Mapping[str, str]]:
    """The values of each status of that name in the diagnostics from `since` on."""
    for array in peer.diagnostics[since:]:
        for status in array.status:
            if status.name.endswith(f": {name}"):
                yield {value.key: value.value for value in status.values}


def messages(peer: Peer, name: str, since: int = 0) -> list[str]:
    """The messages of the status of that name in the diagnostics from `since` on."""
    found = (status for array in peer.diagnostics[since:] for status in array.status)
    return [status.message for status in found if status.name.endswith(f": {name}")]


def good_frame(seed: int) -> Image:
    return make_image(scene(seed % 50, SHAPE), "mono16")


def serialized(message: Any) -> bytes:
    return bytes(serialize_message(message))


@contextmanager
def playing(publish: Callable[[], object], rate: float) -> Iterator[None]:
    """Call `publish` again and again in a thread, `rate` times a second at most."""
    stop = threading.Event()

    def play() -> None:
        due = time.monotonic()
        while not stop.is_set():
            publish()
            due = max(due + 1 / rate, time.monotonic() - 1.0)
            stop.wait(max(0.0, due - time.monotonic()))

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
