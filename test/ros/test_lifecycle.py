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

"""States, parameters and overload: the node answers, refuses with a reason, and leaks nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import NodeProcess, Peer, assert_balanced, make_image, scene, stamp_ns
from lifecycle_msgs.msg import Transition
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool

CONFIGURE, CLEANUP = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_CLEANUP
ACTIVATE, DEACTIVATE = Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_DEACTIVATE
SHUTDOWN = Transition.TRANSITION_ACTIVE_SHUTDOWN
PARAMETERS = {"engine": "onnxruntime", "autostart": False, "max_age_ms": 60000.0}


@pytest.fixture(scope="module")
def node(domain: int) -> Iterator[NodeProcess]:
    with NodeProcess(domain, PARAMETERS) as node:
        yield node
        assert node.process.poll() is None
        assert "Traceback" not in node.output()


@pytest.fixture(scope="module")
def peer(node: NodeProcess, domain: int) -> Iterator[Peer]:
    with Peer(domain) as peer:
        peer.wait_state("unconfigured")
        yield peer


def _walk(peer: Peer, *transitions: int) -> None:
    for transition in transitions:
        assert peer.change_state(transition), transition


def test_invalid_transitions_are_refused_and_survived(peer: Peer) -> None:
    for transition in (CLEANUP, ACTIVATE, DEACTIVATE, SHUTDOWN, 99, 255):
        assert not peer.change_state(transition)
    assert peer.state() == "unconfigured"


def test_a_failed_configuration_says_why_and_can_be_retried(peer: Peer, tmp_path: Path) -> None:
    assert peer.set_parameters(prior_path=str(tmp_path / "nowhere"))[0].successful
    assert not peer.change_state(CONFIGURE)
    assert peer.state() == "unconfigured"
    status = peer.wait_message("restorer", "configure failed: ", b"\x02")
    assert "nowhere" in status.message
    assert peer.set_parameters(prior_path="")[0].successful
    _walk(peer, CONFIGURE, CLEANUP)
    peer.wait_message("restorer", "unconfigured", b"\x00", len(peer.diagnostics))


def test_a_tilde_in_a_path_is_the_home_of_the_user(peer: Peer) -> None:
    """No shell replaces it in NAME:=~/x or in YAML, and a pattern was saved in a folder of the name ~."""
    for name in ("prior_path", "prompts"):
        since = len(peer.diagnostics)
        peer.set_parameters(**{name: f"~/none/{name}"})
        assert not peer.change_state(CONFIGURE)
        peer.wait_message("restorer", str(Path.home() / "none" / name), b"\x02", since)
        assert peer.set_parameters(**{name: ""})[0].successful


def test_what_configure_reads_is_refused_while_configured(peer: Peer) -> None:
    _walk(peer, CONFIGURE)
    (result,) = peer.set_parameters(engine="torch")
    assert not result.successful and "engine is read by configure: clean the node up" in result.reason
    (result,) = peer.set_parameters(task="juggle")
    assert not result.successful and "'juggle'" in result.reason and "restore" in result.reason
    _walk(peer, CLEANUP)


def test_refused_parameters_come_with_a_reason_and_change_nothing(peer: Peer) -> None:
    cases = [
        ({"strength": 2.0}, "out of range"),
        ({"strength": float("nan")}, "strength"),
        ({"strength": "much"}, "strength is 'much': it must be a float like 1.0"),
        ({"strength": 1}, "strength is 1: it must be a float like 1.0"),
        ({"tone": "loud"}, "use one of auto, restore, preserve"),
        ({"autostart": True}, "read-only"),
        ({"counts__minimum": 90000.0}, "minimum must be below maximum"),
        ({"no_such_thing": 1}, "there is no parameter 'no_such_thing'"),
    ]
    for change, reason in cases:
        (result,) = peer.set_parameters(**change)
        assert not result.successful and reason in result.reason, (change, result.reason)
    result = peer.set_together(strength=0.5, tone="loud")
    assert not result.successful and "tone is 'loud'" in result.reason
    for wrong, reason in (
        ({"detect_every_n": 2.0}, "detect_every_n is 2.0: it must be a int like 1"),
        ({"Tone": "auto"}, "'Tone'"),
    ):
        result = peer.set_together(strength=0.5, **wrong)
        assert not result.successful and reason in result.reason, result.reason
    assert peer.get_parameters(["strength", "tone", "counts.minimum"]) == [1.0, "auto", 0.0]


def test_parameters_that_depend_on_each_other_are_set_together(peer: Peer) -> None:
    assert peer.set_together(counts__minimum=70000.0, counts__maximum=80000.0).successful
    assert peer.get_parameters(["counts.minimum", "counts.maximum"]) == [70000.0, 80000.0]
    assert peer.set_together(counts__minimum=0.0, counts__maximum=65535.0).successful


def test_a_request_with_a_parameter_of_no_known_type_is_answered(peer: Peer) -> None:
    odd = Parameter(name="strength", value=ParameterValue(type=77))
    response = peer.call(SetParameters, "set_parameters", SetParameters.Request(parameters=[odd, odd]))
    assert [result.successful for result in response.results] == [False, False]
    together = SetParametersAtomically.Request(parameters=[odd])
    assert not peer.call(SetParametersAtomically, "set_parameters_atomically", together).result.successful


def test_a_flood_is_thinned_to_the_newest_and_services_answer_meanwhile(peer: Peer) -> None:
    _walk(peer, CONFIGURE, ACTIVATE)
    restored = peer.collect(Image, "restored")
    camera = peer.publisher(Image, "image")
    start = int(peer.fresh_values()["received"])
    frames = [make_image(scene(seed, (240, 320)), "mono16") for seed in range(8)]
    stamps: list[int] = []
    stop = threading.Event()

    def flood() -> None:
        while not stop.is_set():
            frame = frames[len(stamps) % len(frames)]
            stamps.append(time.time_ns())
            frame.header.stamp.sec, frame.header.stamp.nanosec = divmod(stamps[-1], 10**9)
            camera.publish(frame)
            time.sleep(0.002)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        peer.wait(lambda: len(restored) > 5, "restored frames")
        for strength in (0.2, 0.9, 1.0):
            assert peer.set_parameters(strength=strength)[0].successful
        assert not peer.change_state(ACTIVATE)
        assert peer.state() == "active"
        peer.wait_message("frames", "dropped, superseded", b"\x01")
    finally:
        stop.set()
        thread.join()
    peer.wait(lambda: stamp_ns(restored[-1]) == stamps[-1], "the newest frame of the flood")
    order = [stamp_ns(message) for message in restored]
    assert order == sorted(order) and set(order) <= set(stamps)
    values = peer.fresh_values()
    assert_balanced(values)
    assert start < int(values["received"]) <= start + len(stamps)
    assert int(values["dropped.superseded"]) > 0 and int(values["published"]) >= len(restored)
    _walk(peer, DEACTIVATE, CLEANUP)
    peer.destroy(camera)


def test_old_frames_are_dropped_as_stale(peer: Peer) -> None:
    _walk(peer, CONFIGURE, ACTIVATE)
    restored = peer.collect(Image, "restored")
    camera = peer.publisher(Image, "image")
    camera.publish(make_image(scene(), "mono16"))  # shows that the camera's clock agrees with the node's
    peer.wait(lambda: restored, "a fresh frame")
    assert peer.set_parameters(max_age_ms=1.0)[0].successful
    since, old = len(peer.diagnostics), stamp_ns(restored[-1]) + 1
    time.sleep(0.05)
    camera.publish(make_image(scene(1), "mono16", old))
    status = peer.wait_message("frames", "dropped, stale", b"\x01", since)
    assert "ms old by its stamp, max_age_ms is 1" in status.message or "it waited" in status.message
    assert peer.set_parameters(max_age_ms=60000.0)[0].successful
    _walk(peer, DEACTIVATE, CLEANUP)
    assert_balanced(peer.fresh_values())
    peer.destroy(camera)


def test_why_frames_pass_through_is_told_while_they_do(peer: Peer) -> None:
    """Of old frames: let through, then dropped, and let through once more because nothing shall be restored."""
    _walk(peer, CONFIGURE, ACTIVATE)
    restored = peer.collect(Image, "restored")
    camera = peer.publisher(Image, "image")
    camera.publish(make_image(scene(), "mono16"))
    peer.wait(lambda: restored, "a fresh frame")
    assert peer.set_together(max_age_ms=1.0, on_failure="passthrough").successful
    old = stamp_ns(restored[-1])
    time.sleep(0.05)
    camera.publish(make_image(scene(1), "mono16", old + 1))
    peer.wait_message("restorer", "pass through unrestored: stale", b"\x01", len(peer.diagnostics))
    assert peer.set_parameters(on_failure="drop")[0].successful
    camera.publish(make_image(scene(2), "mono16", old + 2))
    peer.wait(lambda: peer.message("restorer") == "active", "a report without complaint")
    assert peer.call(SetBool, "enable", SetBool.Request(data=False)).success
    camera.publish(make_image(scene(3), "mono16", old + 3))
    peer.wait(lambda: stamp_ns(restored[-1]) == old + 3, "the old frame, as it came")
    assert [stamp_ns(frame) - old for frame in restored] == [0, 1, 3]
    assert bytes(restored[-1].data) == scene(3).tobytes()
    assert peer.call(SetBool, "enable", SetBool.Request(data=True)).success
    assert peer.set_parameters(max_age_ms=60000.0)[0].successful
    _walk(peer, DEACTIVATE, CLEANUP)
    peer.destroy(camera)


def test_shutdown_by_service_ends_in_finalized(peer: Peer) -> None:
    """Last of this module."""
    assert peer.change_state(Transition.TRANSITION_UNCONFIGURED_SHUTDOWN)
    assert peer.state() == "finalized"
    assert not peer.change_state(CONFIGURE)
