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

"""Faults of streams and peers: frozen, silent, of another type, mismatched, flooding, killed (5-9, 12)."""

from __future__ import annotations

import random
import signal
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from harness import PATIENCE, NodeProcess, Peer, assert_balanced, make_image, scene, stamp_ns
from injection import ERROR, OK, PARAMETERS, SHAPE, Rig, good_frame, messages, playing
from lifecycle_msgs.srv import GetState
from outcome import Outcome
from sensor_msgs.msg import Image
from std_msgs.msg import String

CAMERA = "infrared_ir_ros.ros.thermal_camera"
FILMING: dict[str, Any] = {"width": SHAPE[1], "height": SHAPE[0], "rate": 50.0}


def frozen_cameras(rig: Rig, count: int, seed: int = 0) -> Outcome:
    """Fault 5: the same pixels with new stamps; said to be stuck, until they change again."""
    outcome = Outcome()
    rig.answer()
    with rig.checked(outcome):
        for number in range(count):
            with outcome.fault(f"freeze {number}"):
                since, frozen = len(rig.peer.diagnostics), scene(seed + number, SHAPE)
                with playing(lambda frozen=frozen: rig.send(make_image(frozen, "mono16")), 10):
                    status = rig.peer.wait_message("input", "stuck: the same pixels for", ERROR, since)
                outcome.said.append(status.message)
                outcome.recoveries.append(rig.answer())
                _play_until_well(rig)
    return outcome


def _play_until_well(rig: Rig) -> None:
    since = len(rig.peer.diagnostics)
    with playing(lambda: rig.send(good_frame(rig.sent)), 5):
        rig.peer.wait_message("input", "frames arrive on /image", OK, since)


def silent_cameras(rig: Rig, count: int, seed: int = 0) -> Outcome:
    """Fault 6: the camera's process stops and goes on (SIGSTOP, SIGCONT); an error until frames come again."""
    outcome = Outcome()
    rig.answer()
    with rig.checked(outcome, all_arrive=False), NodeProcess(rig.domain, FILMING, module=CAMERA) as camera:
        rig.leave()  # a second publisher would be a warning
        _wait_for_more(rig, 2)
        for number in range(count):
            with outcome.fault(f"silence {number}"):
                since = len(rig.peer.diagnostics)
                camera.process.send_signal(signal.SIGSTOP)
                try:
                    status = rig.peer.wait_message("input", "no frame for", ERROR, since)
                finally:
                    camera.process.send_signal(signal.SIGCONT)
                outcome.said.append(status.message)
                outcome.recoveries.append(_wait_for_more(rig, 1))
                rig.peer.wait_message("input", "frames arrive on /image", OK, len(rig.peer.diagnostics))
    return outcome


def _wait_for_more(rig: Rig, frames: int, patience: float = PATIENCE) -> float:
    """Wait for so many more restored frames; seconds until they came."""
    started, before = time.monotonic(), len(rig.heard)
    rig.peer.wait(lambda: len(rig.heard) >= before + frames, "restored frames", patience)
    return time.monotonic() - started


def other_types(rig: Rig, count: int, seed: int = 0) -> Outcome:
    """Fault 7: somebody publishes text on the image topic; reported, and frames are restored meanwhile."""
    outcome = Outcome()
    rig.answer()
    with rig.checked(outcome):
        for number in range(count):
            with outcome.fault(f"text {number}"), Peer(rig.domain) as stranger:  # one participant has one type a topic
                since = len(rig.peer.diagnostics)
                text = stranger.publisher(String, "image", matched=False)
                with playing(lambda text=text: text.publish(String(data="hello")), 50):
                    status = rig.peer.wait_message("input", "is published as std_msgs/msg/String", ERROR, since)
                    outcome.recoveries.append(rig.answer())
                outcome.said.append(status.message)
    return outcome


def mismatched_qos(rig: Rig, count: int, seed: int = 0) -> Outcome:
    """Fault 8: a best-effort publisher that a reliable subscription cannot hear is named."""
    outcome = Outcome()
    rig.answer()
    with rig.checked(outcome):
        assert rig.peer.set_parameters(qos="reliable")[0].successful
        for number in range(count):
            with outcome.fault(f"publisher {number}"), Peer(rig.domain) as other:
                since = len(rig.peer.diagnostics)
                unheard = other.publisher(Image, "image", reliable=False, matched=False)
                with playing(lambda unheard=unheard: unheard.publish(good_frame(0)), 20):
                    status = rig.peer.wait_message("input", "is incompatible", ERROR, since)
                    outcome.recoveries.append(rig.answer())
                outcome.said.append(status.message)
        assert rig.peer.set_parameters(qos="auto")[0].successful
    return outcome


def floods(rig: Rig, count: int, seed: int = 0, seconds: float = 1.0, limit: float = 1.0) -> Outcome:
    """Fault 9: 500 frames a second; the newest wins, ages stay bounded, services answer within `limit` seconds."""
    outcome, sent = Outcome(), []
    rig.answer()
    timings: list[DiagnosticArray] = rig.peer.collect(DiagnosticArray, "timing")
    frames = [good_frame(number) for number in range(8)]
    services: list[float] = []

    def flood() -> None:
        frame = frames[len(sent) % len(frames)]
        sent.append(time.time_ns())
        frame.header.stamp.sec, frame.header.stamp.nanosec = divmod(sent[-1], 10**9)
        rig.send(frame)

    since = len(rig.peer.diagnostics)
    with rig.checked(outcome, all_arrive=False):
        for number in range(count):
            heard = len(rig.heard)
            with outcome.fault(f"flood {number}"):
                with playing(flood, 500):
                    deadline = time.monotonic() + seconds
                    while time.monotonic() < deadline:
                        started = time.monotonic()
                        rig.peer.call(GetState, "get_state")
                        services.append(time.monotonic() - started)
                started = time.monotonic()
                rig.peer.wait(lambda: rig.heard[-1] == sent[-1], "the newest frame of the flood")
                outcome.recoveries.append(time.monotonic() - started)
                order = rig.heard[heard:]
                assert order == sorted(order), "an older frame was published after a newer one"
                assert max(services) < limit, f"a service took {max(services):.2f} s"
        rig.peer.wait(lambda: any("superseded" in text for text in messages(rig.peer, "frames", since)), "superseded")
    values = [{value.key: float(value.value) for value in message.status[0].values} for message in timings]
    outcome.figures["slowest service s"] = round(max(services), 3)
    outcome.figures["oldest published ms"] = round(max(value["age_ms"] for value in values), 1)
    inference = sorted(value["restorer_ms"] for value in values)
    outcome.figures |= {"restorer median ms": inference[len(inference) // 2], "restorer max ms": inference[-1]}
    outcome.said = messages(rig.peer, "frames", since)
    return outcome


def killed_cameras(rig: Rig, count: int, seed: int = 0, limit: float = 10.0) -> Outcome:
    """Fault 12: the camera's process is killed in flight and started again; frames again within `limit` seconds."""
    outcome, rng = Outcome(), random.Random(seed)
    rig.answer()
    with rig.checked(outcome, all_arrive=False):
        camera = NodeProcess(rig.domain, FILMING, module=CAMERA)
        _wait_for_more(rig, 1)
        for number in range(count):
            with outcome.fault(f"kill {number}"):
                time.sleep(rng.uniform(0.0, 0.2))
                camera.__exit__(None, None, None)  # SIGKILL
                started, old = time.monotonic(), time.time_ns()
                camera = NodeProcess(rig.domain, FILMING, module=CAMERA)
                rig.peer.wait(lambda old=old: rig.heard[-1] > old, "a frame of the new camera", max(limit, PATIENCE))
                outcome.recoveries.append(time.monotonic() - started)
                assert outcome.recoveries[-1] < limit, f"frames again after {outcome.recoveries[-1]:.1f} s"
        outcome.require(camera.stop() == 0, f"the camera ended badly: {camera.output()}")
        camera.__exit__(None, None, None)
    return outcome


def killed_nodes(domain: int, count: int, seed: int = 0, limit: float = 10.0) -> Outcome:
    """Fault 12: the restoring node is killed under load and started again; frames again within `limit` seconds."""
    outcome, rng = Outcome(), random.Random(seed)
    heard: list[Image] = []
    node = NodeProcess(domain, PARAMETERS)
    with Peer(domain) as peer:
        peer.node.create_subscription(Image, "restored", heard.append, 10)
        camera = peer.publisher(Image, "image")
        numbers = iter(range(10**9))
        with playing(lambda: camera.publish(good_frame(next(numbers))), 20):
            peer.wait(lambda: heard, "a restored frame")
            for number in range(count):
                with outcome.fault(f"kill {number}"):
                    time.sleep(rng.uniform(0.0, 0.5))
                    node.__exit__(None, None, None)  # SIGKILL
                    started, old = time.monotonic(), time.time_ns()
                    node = NodeProcess(domain, PARAMETERS)
                    peer.wait(lambda old=old: stamp_ns(heard[-1]) > old, "a new frame restored", max(limit, PATIENCE))
                    outcome.recoveries.append(time.monotonic() - started)
                    del heard[:-1]
                    assert outcome.recoveries[-1] < limit, f"frames again after {outcome.recoveries[-1]:.1f} s"
                    assert_balanced(peer.fresh_values())
        outcome.require(node.stop() == 0 and "Traceback" not in node.output(), node.output()[-500:])
        node.__exit__(None, None, None)
    return outcome
