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

"""Part of the video benchmark that runs the node over DDS: the same frames as offline, and kills while it saves."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _video import Scenes, camera_of, clean, counts, score

from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import load_restorer
from infrared_ir_ros.restoration.pattern import read_pattern

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("test", "test/ros")]

from domains import free_domain  # noqa: E402
from harness import NodeProcess, Peer, make_image, stamp_ns  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

FRAMES, RATE, KILLS = 240, 4.0, 8
SMOOTHING = 0.8


def node(scenes: Scenes, seed: int) -> dict[str, float]:
    """Point 6. node.difference: mean dB of the frames restored by the node, minus that of the same restored offline.

    node.lost: frames. node.broken_files: after KILLS kills while the pattern is saved.
    """
    source, degrade = clean(scenes, "drive", seed), camera_of("raw_core", 8, seed)
    truths = [source.frame(index) for index in range(FRAMES)]
    frames = [counts(degrade(truth), 8) for truth in truths]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "camera.pattern")
        parameters = {"pattern_memory": "on", "max_age_ms": 60000.0, "engine": "onnxruntime", "pattern_file": str(path)}
        domain = free_domain()
        restored = _play(domain, parameters, frames)
        broken = sum(not _is_whole_after_kill(domain, parameters, path, number, frames) for number in range(KILLS))
    options = Options(tone="auto", smoothing=SMOOTHING, pattern_memory="on")
    offline = load_restorer(engine="onnxruntime", options=options)
    offline.restore(frames[0])
    differences = []
    for number, (truth, frame) in enumerate(zip(truths, frames, strict=True)):
        image = offline.restore(frame).image
        if number in restored:
            differences.append(score(restored[number], truth) - score(image, truth))
    return {
        "node.difference": float(np.mean(differences)),
        "node.largest_difference": float(np.max(np.abs(differences))),
        "node.lost": float(len(frames) - len(restored)),
        "node.broken_files": float(broken),
    }


def _play(domain: int, parameters: dict[str, object], frames: list[np.ndarray]) -> dict[int, np.ndarray]:
    """Send the first frame, then the others at RATE, and have the pattern saved; the restored frames by number."""
    with NodeProcess(domain, parameters) as process, Peer(domain) as peer:
        peer.wait_state("active")
        heard = peer.collect(Image, "restored", depth=len(frames))
        camera = peer.publisher(Image, "image")
        camera.publish(make_image(frames[0], "mono8"))
        peer.wait(lambda: heard, "the network, prepared for this size")
        sent, begin = {}, time.monotonic()
        for number, frame in enumerate(frames):
            message = make_image(frame, "mono8")
            sent[stamp_ns(message)] = number
            camera.publish(message)
            time.sleep(max(begin + (number + 1) / RATE - time.monotonic(), 0))
        time.sleep(3)
        assert peer.call(Trigger, "save_pattern").success
        process.stop(signal.SIGINT)
    return {sent[stamp_ns(one)]: np.frombuffer(one.data, np.uint8).reshape(frames[0].shape) for one in heard[1:]}


def _is_whole_after_kill(
    domain: int, parameters: dict[str, object], path: Path, number: int, frames: list[np.ndarray]
) -> bool:
    """Kill a node some milliseconds after the request to save its pattern."""
    with NodeProcess(domain, parameters) as process, Peer(domain) as peer:
        peer.wait_state("active")
        peer.publisher(Image, "image").publish(make_image(frames[number], "mono8"))
        client = peer.node.create_client(Trigger, "/restore_node/save_pattern")
        peer.wait(client.service_is_ready, "the service")
        client.call_async(Trigger.Request())
        time.sleep(0.004 * number)
        process.stop(signal.SIGKILL)
    try:
        return read_pattern(path).frames > 0
    except Exception:
        return False
