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
from infrared_ir_ros.restoration.pattern_file import read_pattern

FRAMES, RATE, KILLS = 240, 4.0, 8
SMOOTHING = 0.8


def node(scenes: Scenes, seed: int) -> dict[str, float]:
    """Point 6. node.difference: mean dB of the frames that the node restored over the same ones restored offline.

    node.lost: frames. node.broken_files: of KILLS kills in the midst of saving the pattern.
    """
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test"))
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test/ros"))
    from domains import free_domain
    from harness import NodeProcess, Peer, make_image, stamp_ns
    from sensor_msgs.msg import Image
    from std_srvs.srv import Trigger

    source, degrade = clean(scenes, "drive", seed), camera_of("raw_core", 8, seed)
    truths = [source.frame(index) for index in range(FRAMES)]
    frames = [counts(degrade(truth), 8) for truth in truths]
    parameters = {"pattern_memory": "on", "max_age_ms": 60000.0, "engine": "onnxruntime"}
    restored: dict[int, np.ndarray] = {}
    domain = free_domain()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "camera.pattern")
        parameters["pattern_file"] = str(path)
        with NodeProcess(domain, parameters) as process, Peer(domain) as peer:
            peer.wait_state("active")
            heard = peer.collect(Image, "restored", depth=FRAMES)
            camera = peer.publisher(Image, "image")
            camera.publish(make_image(frames[0], "mono8"))
            peer.wait(lambda: heard, "the network, prepared for this size")
            sent, begin = [], time.monotonic()
            for number, frame in enumerate(frames):
                message = make_image(frame, "mono8")
                sent.append(stamp_ns(message))
                camera.publish(message)
                time.sleep(max(begin + (number + 1) / RATE - time.monotonic(), 0))
            time.sleep(3)
            for message in heard[1:]:
                pixels = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width)
                restored[stamp_ns(message)] = pixels
            broken = 0
            assert peer.call(Trigger, "save_pattern").success
            process.stop(signal.SIGINT)
        for number in range(KILLS):
            with NodeProcess(domain, parameters) as process, Peer(domain) as peer:
                peer.wait_state("active")
                peer.publisher(Image, "image").publish(make_image(frames[number], "mono8"))
                client = peer.node.create_client(Trigger, "/restore_node/save_pattern")
                peer.wait(client.service_is_ready, "the service")
                client.call_async(Trigger.Request())
                time.sleep(0.004 * number)
                process.stop(signal.SIGKILL)
            broken += not _is_whole(path)
    options = Options(tone="auto", smoothing=SMOOTHING, pattern_memory="on")
    offline = load_restorer(engine="onnxruntime", options=options)
    offline.restore(frames[0])
    differences = []
    for stamp, truth, frame in zip(sent, truths, frames, strict=True):
        image = offline.restore(frame).image
        if stamp in restored:
            differences.append(score(restored[stamp], truth) - score(image, truth))
    return {
        "node.difference": float(np.mean(differences)),
        "node.largest_difference": float(np.max(np.abs(differences))),
        "node.lost": float(len(sent) - len(restored)),
        "node.broken_files": float(broken),
    }


def _is_whole(path: Path) -> bool:
    try:
        return read_pattern(path).frames > 0
    except Exception:
        return False
