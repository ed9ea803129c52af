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

"""The recorder as a process: everything that is published is in the bag, and the bag is whole or not there."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from harness import ROOT, Peer
from rosbags.highlevel import AnyReader
from sensor_msgs.msg import Image
from std_msgs.msg import String

from infrared_ir_ros.ros.bridge import PlainBridge
from infrared_ir_ros.ros.qos import latched_profile


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "infrared_ir_ros.ros.recorder", *arguments]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def finish(process: subprocess.Popen[str], number: int = signal.SIGINT) -> str:
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    return output


def test_all_nodes_are_loaded_where_humble_has_its_own_names() -> None:
    """Humble's rclpy has the events of a subscription in another module."""
    script = """
import sys, types, rclpy.node, rclpy.event_handler as events
sys.modules["rclpy.qos_event"] = types.SimpleNamespace(SubscriptionEventCallbacks=events.SubscriptionEventCallbacks)
sys.modules["rclpy.event_handler"] = None
import infrared_ir_ros.ros.camera, infrared_ir_ros.ros.recording, infrared_ir_ros.ros.restoring
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


@pytest.mark.parametrize(("number", "reliable"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_records_what_is_published(domain: int, tmp_path: Path, number: int, reliable: bool) -> None:
    """Images byte for byte, of a type named at the start; texts of a type that their publisher tells."""
    bag = tmp_path / "bag"
    process = start("/x/image:sensor_msgs/msg/Image", "/x/text", "--output", str(bag))
    frame = np.random.default_rng(0).integers(0, 2**16, (48, 64), dtype=np.uint16)
    with Peer(domain) as peer:
        texts = peer.publisher(String, "/x/text", matched=False)
        images = peer.publisher(Image, "/x/image", reliable=reliable, matched=False)
        peer.wait(lambda: texts.get_subscription_count() and images.get_subscription_count(), "the recorder")
        time.sleep(0.5)  # the subscriptions know of each other on both sides
        for _ in range(20):
            images.publish(PlainBridge().cv2_to_imgmsg(frame, "mono16"))
            texts.publish(String(data="warm"))
            time.sleep(0.02)
        time.sleep(0.5)
        output = finish(process, number)
    assert "recorded 40 messages of 2 topics" in output
    with AnyReader([bag]) as reader:
        read = [(one.topic, reader.deserialize(data, one.msgtype).data) for one, _, data in reader.messages()]
    assert [data for topic, data in read if topic == "/x/text"] == ["warm"] * 20
    pixels = [np.frombuffer(data, np.uint16).reshape(frame.shape) for topic, data in read if topic == "/x/image"]
    assert len(pixels) == 20
    assert all((each == frame).all() for each in pixels)
    assert [path.name for path in tmp_path.iterdir()] == ["bag"]


@pytest.mark.parametrize("kind", ["", ":std_msgs/msg/String"])
def test_what_was_latched_before_is_recorded_once_and_as_latched(domain: int, tmp_path: Path, kind: str) -> None:
    """Whether the type is told by the publisher or at the start; a topic that keeps nothing stays so."""
    with Peer(domain) as peer:
        latched = peer.node.create_publisher(String, "/x/latched", latched_profile())
        latched.publish(String(data="before"))
        process = start(f"/x/latched{kind}", f"/x/text{kind}", "--output", str(tmp_path / "bag"))
        texts = peer.publisher(String, "/x/text", matched=False)
        peer.wait(lambda: texts.get_subscription_count() and latched.get_subscription_count(), "the recorder")
        time.sleep(0.7)  # the recorder has looked, and subscribed anew
        latched.publish(String(data="after"))
        texts.publish(String(data="warm"))
        another = peer.node.create_publisher(String, "/x/latched", 10)  # keeps nothing, so nothing kept is asked for
        time.sleep(0.5)
        peer.destroy(another)
        time.sleep(0.5)
        assert "recorded 3 messages of 2 topics, 0 lost" in finish(process)
    with AnyReader([tmp_path / "bag"]) as reader:
        read = [(one.topic, reader.deserialize(data, one.msgtype).data) for one, _, data in reader.messages()]
        durable = {one.topic: one.ext.offered_qos_profiles[0].durability.name for one in reader.connections}
    assert sorted(read) == [("/x/latched", "after"), ("/x/latched", "before"), ("/x/text", "warm")]
    assert durable == {"/x/latched": "TRANSIENT_LOCAL", "/x/text": "VOLATILE"}


def test_a_type_that_is_not_installed_stops_no_other_topic(
    domain: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty/diagnostic_msgs").mkdir(parents=True)
    (tmp_path / "empty/diagnostic_msgs/__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "empty"))
    topics = {"/x/odd": DiagnosticArray, "/x/other": DiagnosticStatus, "/x/text": String}
    process = start(*topics, "--output", str(tmp_path / "bag"))
    with Peer(domain) as peer:
        _, _, texts = (peer.publisher(kind, topic, matched=False) for topic, kind in topics.items())
        peer.wait(texts.get_subscription_count, "the recorder")
        time.sleep(0.5)  # until the subscription knows its publisher, and the recorder has looked a few times more
        texts.publish(String(data="warm"))
        time.sleep(0.5)
        output = finish(process)
    assert "recorded 1 messages of 1 topics" in output and "silent: /x/odd, /x/other" in output
    for topic in ("/x/odd", "/x/other"):
        assert output.count(f"{topic}: message type 'diagnostic_msgs/msg/Diagnostic") == 1
    assert "a callback failed" not in output


def test_a_topic_is_remapped_once(domain: int, tmp_path: Path) -> None:
    """Where its new name has a rule of its own."""
    rules = ["-r", "/x/a:=/x/b", "-r", "/x/b:=/x/c"]
    process = start("/x/a", "--output", str(tmp_path / "bag"), "--ros-args", *rules)
    with Peer(domain) as peer:
        texts = peer.publisher(String, "/x/b")
        texts.publish(String(data="warm"))
        time.sleep(0.5)
        assert "recorded 1 messages of 1 topics" in finish(process)
    with AnyReader([tmp_path / "bag"]) as reader:
        assert list(reader.topics) == ["/x/b"]


def test_silent_topics_are_named(domain: int, tmp_path: Path) -> None:
    process = start("/nobody", "/known:std_msgs/msg/String", "--output", str(tmp_path / "bag"))
    assert process.stdout is not None
    assert "recording 2 topics" in process.stdout.readline()
    assert "silent: /nobody, /known" in finish(process)
    with AnyReader([tmp_path / "bag"]) as reader:
        assert {name: one.msgtype for name, one in reader.topics.items()} == {"/known": "std_msgs/msg/String"}


@pytest.mark.parametrize(
    ("topic", "folder", "words"),
    [
        ("/x:no_such/msg/Type", "bag", "no_such/msg/Type"),
        ("/x:wrong", "bag", "wrong"),
        ("/x", "taken", "exists"),
        ("/x", "file/bag", "cannot write"),
    ],
)
def test_refuses_in_one_line(domain: int, tmp_path: Path, topic: str, folder: str, words: str) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "file").touch()
    process = start(topic, "--output", str(tmp_path / folder))
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert words in output
    assert len(output.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken"]
