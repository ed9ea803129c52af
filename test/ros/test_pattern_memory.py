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

"""The pattern memory in the node, over DDS."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from harness import NodeProcess, Peer, make_image
from lifecycle_msgs.msg import Transition
from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from infrared_ir_ros.restoration.pattern import read_pattern

SHAPE = (60, 80)
CYCLE = (
    Transition.TRANSITION_DEACTIVATE,
    Transition.TRANSITION_CLEANUP,
    Transition.TRANSITION_CONFIGURE,
    Transition.TRANSITION_ACTIVATE,
)


def raw_camera() -> Iterator[np.ndarray]:
    """A camera that turns over a scene, its stripes and shading stronger than that; 14 bit, without an end."""
    rng = np.random.default_rng(0)
    scene = 300 * cv2.GaussianBlur(rng.standard_normal((60, 2000)), (0, 0), 4)
    pattern = 200 * rng.standard_normal((1, 80)) + 5 * (np.arange(80) - 40)[None]
    number = 0
    while True:
        at = number * 3 % 1900
        yield (8000 + scene[:, at : at + 80] + pattern + rng.normal(0, 5, SHAPE)).astype(np.uint16)
        number += 1


def test_the_node_answers_with_the_memory_on_and_says_what_it_knows(domain: int) -> None:
    parameters = {"pattern_memory": "on", "engine": "onnxruntime", "max_age_ms": 60000.0}  # YAML: on is true
    with NodeProcess(domain, parameters) as node, Peer(domain) as peer:
        restored = peer.collect(Image, "restored")
        frames = raw_camera()

        def play(key: str, known: bool) -> None:
            """Frames until the diagnostics hold a key, or don't any more."""
            camera, before = peer.publisher(Image, "image"), len(restored)
            deadline = time.monotonic() + 60
            while (float(peer.values("restorer").get(key, "0")) > 0) != known or len(restored) == before:
                assert time.monotonic() < deadline, peer.values("restorer")
                camera.publish(make_image(next(frames), "mono16"))
                time.sleep(0.02)
            peer.destroy(camera)

        peer.wait_state("active")
        play("pattern.strength", True)
        assert 0 < float(peer.values("restorer")["pattern.confidence"]) <= 1
        assert peer.set_parameters(pattern_memory="off")[0].successful
        play("pattern.frames", False)
        assert peer.set_parameters(pattern_memory=True)[0].successful
        assert not peer.set_parameters(pattern_memory="loud")[0].successful
        play("pattern.frames", True)
        for transition in CYCLE:
            assert peer.change_state(transition)
        play("pattern.frames", True)
        assert node.stop(signal.SIGINT) == 0, node.output()
        assert "Traceback" not in node.output(), node.output()


def trigger(peer: Peer, name: str) -> Trigger.Response:
    """The answer of ~/save_pattern or ~/reset_pattern."""
    return peer.call(Trigger, name)


def learn(peer: Peer, frames: Iterator[np.ndarray], node: NodeProcess) -> None:
    """Frames until the pattern is subtracted."""
    camera, deadline = peer.publisher(Image, "image"), time.monotonic() + 60
    while float(peer.values("restorer").get("pattern.strength", "0")) == 0:
        assert time.monotonic() < deadline, (peer.values("restorer"), node.output())
        camera.publish(make_image(next(frames), "mono16"))
        time.sleep(0.02)
    peer.destroy(camera)


def test_the_pattern_is_kept_between_runs_even_if_the_node_is_killed(domain: int, tmp_path: Path) -> None:
    path = tmp_path / "camera.pattern"
    parameters = {
        "pattern_memory": "on",
        "engine": "onnxruntime",
        "max_age_ms": 60000.0,
        "pattern_file": "~/camera.pattern",
    }
    frames = raw_camera()
    home = {"HOME": str(tmp_path)}
    with NodeProcess(domain, parameters, environment=home) as node, Peer(domain) as peer:
        peer.wait_state("active")
        assert "nothing has been learned" in trigger(peer, "save_pattern").message
        learn(peer, frames, node)
        answer = trigger(peer, "save_pattern")
        assert answer.success and str(path) in answer.message, answer.message
        shown: list[Image] = []
        latched = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
        peer.node.create_subscription(Image, "/restore_node/pattern", shown.append, latched)
        peer.wait(lambda: shown, "the pattern")
        assert shown[0].encoding == "32FC1" and (shown[0].height, shown[0].width) == SHAPE
        assert np.frombuffer(shown[0].data, np.float32).std() > 100
        client = peer.node.create_client(Trigger, "/restore_node/save_pattern")
        peer.wait(client.service_is_ready, "the service")
        client.call_async(Trigger.Request())
        time.sleep(0.005)  # it is at work now
        assert node.stop(signal.SIGKILL) == -signal.SIGKILL
    known = read_pattern(path)
    with NodeProcess(domain, parameters, environment=home) as node, Peer(domain) as peer:
        peer.wait_state("active")
        camera = peer.publisher(Image, "image")
        camera.publish(make_image(next(frames), "mono16"))
        peer.wait(lambda: float(peer.values("restorer").get("pattern.strength", "0")) > 0, "the pattern")
        assert int(peer.values("restorer")["pattern.frames"]) == known.frames
        assert trigger(peer, "reset_pattern").success
        peer.wait(lambda: "pattern.frames" not in peer.values("restorer"), "a memory that is empty")
    assert read_pattern(path).frames == known.frames
    parameters |= {"camera_name": "another", "input_timeout_s": 600.0}
    with NodeProcess(domain, parameters, environment=home) as node, Peer(domain) as peer:
        peer.wait_state("active")
        peer.wait_message("input", "waiting for the first frame on /image", b"\x00")
        peer.publisher(Image, "image").publish(make_image(next(frames), "mono16"))
        peer.wait(lambda: "but this one is 'another'" in peer.message("restorer"), "the reason")
        assert float(peer.values("restorer").get("pattern.strength", "0")) == 0
