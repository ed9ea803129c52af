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

"""Plays a recording through the live node in real time: collects its answers, their latency, and dropped frames."""

from __future__ import annotations

from collections import deque
from hashlib import sha256
from math import nan
from pathlib import Path

import numpy as np
from rosbags.highlevel import AnyReader

from infrared_ir_ros.commands.demo_report import RESTORED
from infrared_ir_ros.commands.node_settings import node_settings
from infrared_ir_ros.evaluation.methods import Answer
from infrared_ir_ros.media.image_message import frame_of_image
from infrared_ir_ros.ros.filming import DIAGNOSTICS, IMAGE, NAMESPACE, counters, film

TIMING = f"{NAMESPACE}/timing"
LONGEST = 24 * 3600.0  # seconds of a recording
KINDS = {
    IMAGE: "sensor_msgs/msg/Image",
    RESTORED: "sensor_msgs/msg/Image",
    TIMING: "diagnostic_msgs/msg/DiagnosticArray",
    DIAGNOSTICS: "diagnostic_msgs/msg/DiagnosticArray",
}


class Live:
    """A method that replays the node's answers: looks up a frame of the recording by its pixels, and returns the node's
    answer, or None if there was none."""

    def __init__(self, name: str, answers: dict[bytes, deque[Answer | None]]) -> None:
        self.name, self._answers = name, answers

    def __call__(self, frame: np.ndarray) -> Answer | None:
        waiting = self._answers.get(_mark(frame))
        return waiting.popleft() if waiting else None

    def reset(self) -> None:
        """Nothing to forget."""


def play(name: str, camera: dict[str, object], node: dict[str, object], room: Path) -> tuple[Live, dict[str, str]]:
    """Play a recording through the live node in real time; returns the answers and the node's counters.

    camera, node: parameters of thermal_camera and restore_node. room: an existing folder. Raises InfraredError when a
    process fails.
    """
    bag = room / "bag"
    topics = [f"{topic}:{kind}" for topic, kind in KINDS.items()]
    film(node_settings(camera), node_settings(node), topics, bag, room, LONGEST)
    return _read(name, bag)


def _read(name: str, bag: Path) -> tuple[Live, dict[str, str]]:
    sent: dict[int, bytes] = {}  # stamp -> mark of the frame
    answered: dict[int, tuple[np.ndarray, float]] = {}
    log_snr: dict[int, float] = {}
    counted: dict[str, str] = {}
    with AnyReader([bag]) as reader:
        for connection, arrival_ns, data in reader.messages():
            message = reader.deserialize(data, connection.msgtype)
            if connection.topic == DIAGNOSTICS:
                counted = counters(message) or counted
                continue
            stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
            if connection.topic == TIMING:
                log_snr[stamp] = float({one.key: one.value for one in message.status[0].values}["log_snr"])
                continue
            image = frame_of_image(message, connection.topic)
            if connection.topic == IMAGE:
                sent[stamp] = _mark(image)
            else:
                answered[stamp] = (image, (arrival_ns - stamp) / 1e6)
    answers: dict[bytes, deque[Answer | None]] = {}
    for stamp, mark in sent.items():
        image, age = answered.get(stamp, (None, nan))
        answer = None if image is None else Answer(image, age, log_snr.get(stamp, nan))
        answers.setdefault(mark, deque()).append(answer)
    return Live(name, answers), _facts(sent, answered, counted)


def _facts(sent: dict[int, bytes], answered: dict[int, tuple[np.ndarray, float]], counted: dict[str, str]) -> dict:
    facts = {"frames recorded": str(len(sent)), "restored": str(len(answered))}
    facts |= {key: value for key, value in counted.items() if key == "received"}
    facts |= {key: value for key, value in counted.items() if key.startswith("dropped.") and value != "0"}
    if answered:
        middle, high = np.percentile([age for _, age in answered.values()], (50, 95))
        facts["latency p50, p95"] = f"{middle:.0f} ms, {high:.0f} ms"
    return facts


def _mark(image: np.ndarray) -> bytes:
    return sha256(np.ascontiguousarray(image).tobytes()).digest()
