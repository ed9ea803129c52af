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

"""Bad input over DDS: dropped, counted by reason, named in the diagnostics; the next good frame is answered."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from itertools import count as numbers

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from harness import NodeProcess, Peer, assert_balanced, make_image, scene, stamp_ns
from rclpy.serialization import serialize_message
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Float32, String

PARAMETERS = {
    "engine": "onnxruntime",
    "max_age_ms": 60000.0,
    "input_timeout_s": 1.0,
    "stuck_timeout_s": 1.0,
    "qos_overrides./log_snr.publisher.reliability": "best_effort",
}
OK, WARN, ERROR = b"\x00", b"\x01", b"\x02"


@pytest.fixture(scope="module")
def peer(domain: int) -> Iterator[Peer]:
    with NodeProcess(domain, PARAMETERS) as node, Peer(domain) as peer:
        peer.wait_state("active")
        peer.restored = peer.collect(Image, "restored")
        peer.camera = peer.publisher(Image, "image")
        _assert_answered(peer)
        peer.log = node.output
        yield peer
        assert node.process.poll() is None
        assert "Traceback" not in node.output()


def _assert_answered(peer: Peer) -> None:
    before = len(peer.restored)
    peer.camera.publish(make_image(scene(before), "mono16"))
    peer.wait(lambda: len(peer.restored) > before, "the answer to a good frame")


def _play_until(peer: Peer, level: bytes, text: str) -> None:
    """Send good frames until the diagnostics of the input say so."""
    since = len(peer.diagnostics)

    def said() -> bool:
        _assert_answered(peer)
        every = [status for array in peer.diagnostics[since:] for status in array.status]
        recent = [status for status in every if status.name.endswith(": input")]
        return any(status.level == level and text in status.message for status in recent)

    peer.wait(said, f"the diagnostics of the input with {text!r}")


def _raw(message: Image) -> bytes:
    return bytes(serialize_message(message))


BAD = {
    "unknown encoding": (make_image(scene(dtype=np.uint8), "yuv422"), "unsupported", "encoding 'yuv422'"),
    "no pixels": (make_image(scene(), "mono16", height=0), "malformed", "80x0 mono16 has no pixels"),
    "short step": (make_image(scene(), "mono16", step=7), "malformed", "step 7 of a 80x60 mono16 image"),
    "truncated": (make_image(scene(), "mono16", data=b"1234"), "malformed", "4 bytes of data"),
    "huge": (make_image(scene(), "mono16", width=2**32 - 1), "malformed", "step 160 of a 4294967295x60"),
    "constant": (make_image(np.full((60, 80), 500, np.uint16), "mono16"), "refused", "every pixel of the frame is 500"),
    "all NaN": (make_image(np.full((60, 80), np.nan, np.float32), "32FC1"), "refused", ""),
    "too small": (make_image(scene(shape=(8, 8)), "mono16"), "refused", "8"),
    "not UTF-8": (_raw(make_image(scene(), "mono16")).replace(b"thermal", b"ther\xffal"), "malformed", "not UTF-8"),
    "cut off": (_raw(make_image(scene(), "mono16"))[:-100], "malformed", "damaged sensor_msgs/msg/Image"),
    "noise": (bytes(range(256)) * 4, "malformed", "damaged sensor_msgs/msg/Image"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_frame_is_dropped_and_named(peer: Peer, case: str) -> None:
    message, reason, text = BAD[case]
    since = len(peer.diagnostics)
    peer.camera.publish(message)
    assert text in peer.wait_message("frames", f"1 dropped, {reason}: ", WARN, since).message
    _assert_answered(peer)


def test_bad_frames_are_counted_by_reason(peer: Peer) -> None:
    """After those before: each was received, and dropped for its reason."""
    values = peer.fresh_values()
    assert_balanced(values)
    for reason, count in Counter(reason for _, reason, _ in BAD.values()).items():
        assert int(values[f"dropped.{reason}"]) == count
    assert int(values["received"]) == 2 * len(BAD) + 1


def test_bad_messages_do_not_push_out_a_good_frame(peer: Peer) -> None:
    before, start = len(peer.restored), peer.fresh_values()
    stamp = time.time_ns()
    peer.camera.publish(make_image(scene(1), "mono16", stamp))
    for _ in range(4):  # the queue of the subscription holds five
        peer.camera.publish(make_image(scene(), "mono16", step=3))
    peer.wait(lambda: len(peer.restored) > before, "the good frame")
    assert stamp_ns(peer.restored[-1]) == stamp
    peer.wait(
        lambda: int(peer.values()["dropped.malformed"]) == int(start["dropped.malformed"]) + 4, "four malformed frames"
    )
    assert_balanced(peer.values())


def test_nan_and_inf_give_a_finite_frame(peer: Peer) -> None:
    pixels = scene(dtype=np.float32)
    pixels[10:13, 10:13] = np.nan
    pixels[20, 20], pixels[30, 30] = np.inf, -np.inf
    before = len(peer.restored)
    peer.camera.publish(make_image(pixels, "32FC1"))
    peer.wait(lambda: len(peer.restored) > before, "the restored frame")
    assert np.isfinite(np.frombuffer(peer.restored[-1].data, np.float32)).all()


@pytest.mark.parametrize("kind", ["zero", "repeated", "backward", "future"])
def test_odd_stamps_are_kept_and_flagged(peer: Peer, kind: str) -> None:
    now = time.time_ns()
    stamps = {"zero": [0], "repeated": [now, now], "backward": [now, now - 10**12], "future": [now + 10**13]}
    since = len(peer.diagnostics)
    for stamp in stamps[kind]:
        before = len(peer.restored)
        peer.camera.publish(make_image(scene(), "mono16", stamp))
        peer.wait(lambda before=before: len(peer.restored) > before, "the restored frame")
        header = peer.restored[-1].header.stamp
        assert header.sec * 10**9 + header.nanosec == stamp
    peer.wait_message("input", f"{kind} stamps", since=since)


def test_a_frozen_camera_is_reported(peer: Peer) -> None:
    since, frozen = len(peer.diagnostics), scene(8)

    def stuck() -> bool:
        peer.camera.publish(make_image(frozen, "mono16"))
        time.sleep(0.1)
        recent = [status for array in peer.diagnostics[since:] for status in array.status]
        return any("stuck: the same pixels" in status.message and status.level == ERROR for status in recent)

    peer.wait(stuck, "the report of a stuck camera")
    _play_until(peer, OK, "frames arrive on /image")


def test_silence_is_an_error_until_frames_come_again(peer: Peer) -> None:
    ends = peer.log().count("frames arrive on /image")
    status = peer.wait_message("input", "no frame for", ERROR, len(peer.diagnostics))
    assert "on /image or /image/compressed (1 publishers)" in status.message
    _play_until(peer, OK, "frames arrive on /image")
    peer.wait(lambda: peer.log().count("frames arrive on /image") > ends, "the end in the log")
    assert "[restore_node]: no frame for" in peer.log()


def test_a_second_publisher_of_restored_frames_is_told(peer: Peer) -> None:
    """As of a second camera's node in the same namespace: frames of both would mix."""
    since, other = len(peer.diagnostics), peer.publisher(Image, "restored", matched=False)
    peer.wait_message("frames", "/restored has 2 publishers: start each node in a namespace", WARN, since)
    peer.destroy(other)


def test_a_second_camera_on_the_topic_is_told(peer: Peer) -> None:
    other = peer.publisher(Image, "image")
    _play_until(peer, WARN, "2 publishers on /image: start a node for each camera")
    peer.destroy(other)
    _play_until(peer, OK, "frames arrive on /image")


def test_another_type_on_the_topic_is_reported(peer: Peer, domain: int) -> None:
    with Peer(domain) as stranger:  # one participant cannot have two types on a topic
        stranger.publisher(String, "image", matched=False).publish(String(data="hello"))
        peer.wait_message("input", "/image is published as std_msgs/msg/String", ERROR, len(peer.diagnostics))
        _assert_answered(peer)


def test_the_subscription_follows_the_publishers_reliability_without_losing_a_frame(peer: Peer) -> None:
    assert peer.fresh_values("input")["reliable"] == "True"
    assert peer.set_parameters(qos="best_effort")[0].successful
    peer.wait(lambda: peer.fresh_values("input")["reliable"] == "False", "best effort")
    before = int(peer.fresh_values()["received"])
    assert peer.set_parameters(qos="auto")[0].successful
    for _ in range(20):
        _assert_answered(peer)
    after = peer.fresh_values()
    assert peer.values("input")["reliable"] == "True"
    assert int(after["received"]) == before + 20
    assert_balanced(after)


def test_an_override_of_the_reliability_that_is_none_is_refused(peer: Peer) -> None:
    """It was taken, and from then on the subscription followed nobody."""
    (result,) = peer.set_parameters(**{"qos_overrides./image.subscription.reliability": "sometimes"})
    assert not result.successful and "is 'sometimes': use auto, reliable or best_effort" in result.reason
    _assert_answered(peer)


def test_qos_that_does_not_match_is_reported(peer: Peer, domain: int) -> None:
    assert peer.set_parameters(qos="reliable")[0].successful
    with Peer(domain) as other:
        since = len(peer.diagnostics)
        other.publisher(Image, "image", reliable=False, matched=False)
        status = peer.wait_message("input", "is incompatible", ERROR, since)
        assert "/image: QoS of the publisher" in status.message and "reliable subscription" in status.message
    assert peer.set_parameters(qos="auto")[0].successful
    _play_until(peer, OK, "frames arrive on /image")


def test_a_subscriber_that_asks_for_too_much_is_reported(peer: Peer) -> None:
    since = len(peer.diagnostics)
    peer.collect(Float32, "log_snr", reliable=True)
    peer.wait_message("frames", "/log_snr: QoS of the subscriber", WARN, since)


def test_swapped_bytes_are_told(peer: Peer) -> None:
    since = len(peer.diagnostics)

    def said() -> bool:
        peer.camera.publish(make_image(scene(len(peer.restored)), "mono16", is_bigendian=1))
        time.sleep(0.1)
        recent = [status for array in peer.diagnostics[since:] for status in array.status]
        return any(
            status.level == WARN and "have the camera driver set is_bigendian" in status.message for status in recent
        )

    peer.wait(said, "the warning of swapped bytes")
    _play_until(peer, OK, "frames arrive")


def test_a_clock_that_jumps_stops_neither_frames_nor_reports(peer: Peer) -> None:
    ticks = peer.node.create_publisher(Clock, "/clock", 10)
    assert peer.set_parameters(use_sim_time=True, max_age_ms=2000.0)[0].successful
    try:
        _play_until(peer, WARN, "use_sim_time is set, but /clock is silent")  # without frames it would be an error
        assert "future" not in peer.status("input").message
        for seconds in (100_000, 100_001, 96_400, 96_401, 182_800):  # an hour back, then a day ahead
            ticks.publish(Clock(clock=Time(sec=seconds)))
            since, before = len(peer.diagnostics), len(peer.restored)
            peer.camera.publish(make_image(scene(seconds), "mono16", seconds * 10**9))
            peer.wait(lambda before=before: len(peer.restored) > before, f"the frame at {seconds} s")
            peer.wait(lambda since=since: len(peer.diagnostics) > since, "a report")
    finally:
        assert peer.set_parameters(use_sim_time=False, max_age_ms=60000.0)[0].successful
    _assert_answered(peer)


def test_a_frame_that_fails_passes_through_on_demand(peer: Peer) -> None:
    assert peer.set_parameters(on_failure="passthrough")[0].successful
    try:
        before, since = len(peer.restored), len(peer.diagnostics)
        flat = np.full((60, 80), 700, np.uint16)
        peer.camera.publish(make_image(flat, "mono16"))
        peer.wait(lambda: len(peer.restored) > before, "the frame as it came")
        assert np.array_equal(np.frombuffer(peer.restored[-1].data, np.uint16), flat.ravel())
        peer.wait_message("restorer", "frames pass through unrestored: refused", WARN, since)
    finally:
        assert peer.set_parameters(on_failure="drop")[0].successful


def test_compressed_frames_are_heard_when_there_are_no_plain_ones(peer: Peer) -> None:
    """Last of this module: the plain camera leaves."""
    peer.destroy(peer.camera)
    peer.camera = peer.publisher(CompressedImage, "image/compressed")
    start = int(peer.fresh_values()["received"])
    bomb = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x75\x30\x00\x00\x75\x30\x10\x00\x00\x00\x00"
    since = len(peer.diagnostics)
    peer.camera.publish(CompressedImage(format="16UC1; png compressed", data=bomb))
    peer.wait_message("frames", "1 dropped, undecodable: the compressed picture claims 30000 x 30000", WARN, since)
    import cv2

    def publish(seed: int) -> None:
        good = CompressedImage(format="mono16; png compressed", data=cv2.imencode(".png", scene(seed))[1].tobytes())
        good.header.stamp = peer.node.get_clock().now().to_msg()
        peer.camera.publish(good)

    before = len(peer.restored)
    publish(0)
    peer.wait(lambda: len(peer.restored) > before, "the restored frame")
    assert peer.restored[-1].encoding == "mono16"
    values = peer.fresh_values()
    assert_balanced(values)
    assert int(values["received"]) == start + 2  # each once
    seeds = numbers(1)

    def said() -> bool:
        publish(next(seeds))
        time.sleep(0.1)
        return peer.message("input") == "frames arrive on /image/compressed"

    peer.wait(said, "the topic that frames come on")
    assert peer.values("input")["topic"] == "/image/compressed"
