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

"""The node as a process over DDS: pixels, headers, what goes with a frame, counters."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from harness import NodeProcess, Peer, assert_balanced, make_image, scene, stamp_ns
from lifecycle_msgs.msg import Transition
from rclpy.publisher import Publisher
from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Bool, Float32
from std_srvs.srv import SetBool

from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import Restorer, load_restorer
from infrared_ir_ros.ros.bridge import PlainBridge

PARAMETERS = {"smoothing": 0.0, "engine": "onnxruntime", "max_age_ms": 60000.0}  # tests run on busy machines
DTYPES = {"mono8": np.uint8, "8UC1": np.uint8, "mono16": np.uint16, "16UC1": np.uint16, "32FC1": np.float32}
T0 = 1_700_000_000_000_000_000


class Bench:
    """The node, its peer, a camera and a viewer."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        peer.wait_state("active")
        self.restored: list[Image] = peer.collect(Image, "restored")
        self.camera: Publisher = peer.publisher(Image, "image")
        self.sent = 0

    def restore(self, *messages: Image) -> list[Image]:
        """Publish frames one after the other, each once the one before came back."""
        answers = []
        for message in messages:
            before = len(self.restored)
            self.camera.publish(message)
            self.sent += 1
            self.peer.wait(lambda before=before: len(self.restored) > before, "the restored frame")
            answers.append(self.restored[-1])
        return answers


@pytest.fixture(scope="module")
def bench(domain: int) -> Iterator[Bench]:
    with NodeProcess(domain, PARAMETERS, namespace="ir"), Peer(domain, "/ir/restore_node", "/ir") as peer:
        yield Bench(peer)


@pytest.fixture(scope="module")
def reference() -> Restorer:
    return load_restorer(engine="onnxruntime", options=Options(smoothing=0.0))


@pytest.mark.parametrize("encoding", DTYPES)
def test_the_restored_frame_is_the_restorers_with_the_header_of_the_source(
    bench: Bench, reference: Restorer, encoding: str
) -> None:
    pixels = scene(1, dtype=DTYPES[encoding])
    (answer,) = bench.restore(make_image(pixels, encoding, T0 + 123_456_789, "thermal_optical_frame"))
    assert answer.encoding == {"8UC1": "mono8"}.get(encoding, encoding)
    assert (stamp_ns(answer), answer.header.frame_id) == (T0 + 123_456_789, "thermal_optical_frame")
    expected = reference.restore(pixels).image.astype(np.float64)
    got = PlainBridge().imgmsg_to_cv2(answer)
    assert got.dtype == pixels.dtype
    assert np.abs(got - expected).max() <= max(1.0 * (got.dtype.kind == "u"), 1e-3 * np.ptp(expected))


@pytest.mark.parametrize("encoding", DTYPES)
def test_with_strength_zero_every_bit_comes_back(bench: Bench, encoding: str) -> None:
    assert bench.peer.set_parameters(strength=0.0)[0].successful
    try:
        frames = [scene(seed, (48, 64), DTYPES[encoding]) for seed in range(3)]
        answers = bench.restore(*(make_image(frame, encoding) for frame in frames))
        for frame, answer in zip(frames, answers, strict=True):
            assert np.array_equal(PlainBridge().imgmsg_to_cv2(answer), frame)
    finally:
        bench.peer.set_parameters(strength=1.0)


def test_fixed_counts_that_do_not_fit_are_told(bench: Bench) -> None:
    try:
        assert bench.peer.set_parameters(counts__mapping="fixed")[0].successful  # 0 to 65535
        bench.restore(make_image(scene(dtype=np.uint8), "mono8"))
        since = len(bench.peer.diagnostics)
        bench.peer.wait_message("input", "(0 to 65535) does not fit the frames (uint8, ", since=since)
        assert bench.peer.set_parameters(counts__maximum=255.0)[0].successful
        bench.peer.wait(lambda: "does not fit" not in bench.peer.message("input"), "that they fit")
    finally:
        bench.peer.set_together(counts__mapping="auto", counts__maximum=65535.0)


def test_big_endian_and_colour_frames_come_back_as_ours(bench: Bench) -> None:
    bench.peer.set_parameters(strength=0.0)
    try:
        pixels = scene(2)
        (big,) = bench.restore(make_image(pixels.byteswap(), "mono16", is_bigendian=1))
        assert np.array_equal(PlainBridge().imgmsg_to_cv2(big), pixels)
        colours = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        (grey,) = bench.restore(make_image(colours, "rgb8"))
        assert grey.encoding == "mono8"
        assert np.array_equal(PlainBridge().imgmsg_to_cv2(grey), cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY))
    finally:
        bench.peer.set_parameters(strength=1.0)


def test_the_size_may_change_in_mid_stream(bench: Bench) -> None:
    for shape in ((48, 64), (64, 48), (33, 57), (48, 64)):
        (answer,) = bench.restore(make_image(scene(3, shape), "mono16"))
        assert (answer.height, answer.width) == shape


def test_the_calibration_goes_with_every_frame(bench: Bench) -> None:
    infos = bench.peer.collect(CameraInfo, "restored/camera_info")
    calibration = bench.peer.publisher(CameraInfo, "camera_info")
    bench.peer.wait(lambda: bench.peer.values("input"), "diagnostics of the input")
    calibration.publish(CameraInfo(width=80, height=60, k=[float(value) for value in range(9)]))
    bench.peer.wait(lambda: bench.peer.values("input")["camera_info"] == "True", "the calibration in the node")
    bench.restore(make_image(scene(4), "mono16", T0 + 5, "left_thermal"))
    bench.peer.wait(lambda: infos, "the calibration")
    bench.peer.destroy(calibration)
    assert (stamp_ns(infos[-1]), infos[-1].header.frame_id) == (T0 + 5, "left_thermal")
    assert list(infos[-1].k) == list(range(9)) and infos[-1].width == 80


def test_a_calibration_of_another_size_is_told(bench: Bench) -> None:
    calibration = bench.peer.publisher(CameraInfo, "camera_info")
    binned, none, wrong = CameraInfo(width=160, height=120, binning_x=2, binning_y=2), CameraInfo(), CameraInfo()
    wrong.width, wrong.height = 64, 48
    for info in (binned, none, wrong):
        since = len(bench.peer.diagnostics)
        calibration.publish(info)
        bench.restore(make_image(scene(4, (60, 80)), "mono16"))
        if info is wrong:
            told = "camera_info is of 64x48 pixels, but frames have 80x60"
            bench.peer.wait_message("input", told, since=since)
        else:
            bench.peer.fresh_values("input")
            assert "camera_info" not in bench.peer.message("input")
    bench.peer.destroy(calibration)


def test_a_calibration_that_was_sent_once_and_is_latched_is_heard_late(bench: Bench) -> None:
    """As some drivers do, which have nothing new to say of it."""
    bench.peer.change_state(Transition.TRANSITION_DEACTIVATE)
    latched = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
    calibration = bench.peer.node.create_publisher(CameraInfo, "camera_info", latched)
    calibration.publish(CameraInfo(width=80, height=60))
    bench.peer.change_state(Transition.TRANSITION_ACTIVATE)
    bench.peer.wait(lambda: bench.peer.fresh_values("input")["camera_info"] == "True", "the calibration in the node")
    bench.peer.destroy(calibration)


def test_estimate_and_timing_are_published_for_every_frame(bench: Bench) -> None:
    numbers = bench.peer.collect(Float32, "log_snr")
    timings = bench.peer.collect(DiagnosticArray, "timing")
    bench.peer.wait(lambda: bench.peer.node.count_publishers("/ir/timing"), "the timing topic")
    while not timings or not numbers:  # until these two subscriptions are matched
        bench.restore(make_image(scene(5), "mono16", T0 + 7))
    values = {value.key: float(value.value) for value in timings[-1].status[0].values}
    assert stamp_ns(timings[-1]) == T0 + 7
    assert values["log_snr"] == pytest.approx(numbers[-1].data, abs=1e-3)
    assert 0 <= values["timestep"] < 1000
    for step in ("counts", "estimate", "restore", "tone", "decode", "restorer", "publish", "age"):
        assert values[f"{step}_ms"] >= 0
    assert values["age_ms"] >= values["restorer_ms"]


def test_compressed_frames_and_comparisons_for_those_who_subscribe(bench: Bench) -> None:
    compressed = bench.peer.collect(CompressedImage, "restored/compressed")
    sides = bench.peer.collect(Image, "/ir/restore_node/comparison")
    while not compressed or not sides:
        (answer,) = bench.restore(make_image(scene(6), "mono16", T0 + 9))
    assert compressed[-1].format == "mono16; png compressed" and stamp_ns(compressed[-1]) == T0 + 9
    decoded = cv2.imdecode(np.frombuffer(compressed[-1].data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(decoded, PlainBridge().imgmsg_to_cv2(answer))
    assert (sides[-1].encoding, sides[-1].height, sides[-1].width) == ("bgr8", 60, 160)
    bench.restore(make_image(scene(6, dtype=np.uint8), "mono8"))
    bench.peer.wait(lambda: compressed[-1].format == "mono8; jpeg compressed", "a jpeg")


def test_disabled_frames_pass_through_and_diagnostics_say_so(bench: Bench) -> None:
    assert bench.peer.call(SetBool, "enable", SetBool.Request(data=False)).success
    try:
        (answer,) = bench.restore(make_image(scene(7), "mono16"))
        assert np.array_equal(PlainBridge().imgmsg_to_cv2(answer), scene(7))
        bench.peer.wait_message("restorer", "pass through unrestored: restoration is disabled", level=b"\x01")
        assert int(bench.peer.fresh_values()["passed_through"]) >= 1
    finally:
        assert bench.peer.call(SetBool, "enable", SetBool.Request(data=True)).success
    assert bench.peer.fresh_values("restorer")["passthrough"] == "False"  # from now on, not from the next frame on
    (answer,) = bench.restore(make_image(scene(7), "mono16"))
    assert not np.array_equal(PlainBridge().imgmsg_to_cv2(answer), scene(7))


def test_a_shutter_message_makes_it_forget_the_past(bench: Bench, reference: Restorer) -> None:
    shutter = bench.peer.publisher(Bool, "/ir/restore_node/shutter")
    bench.peer.set_parameters(smoothing=0.9)
    try:
        past, present = scene(10), scene(11) + np.uint16(500)
        fresh = reference.restore(present).image.astype(int)

        def seen_anew() -> bool:
            answers = bench.restore(make_image(past, "mono16"), make_image(present, "mono16"))
            before = np.frombuffer(answers[1].data, np.uint16).reshape(fresh.shape)
            assert np.abs(before - fresh).max() > 2  # the past counts
            shutter.publish(Bool(data=True))
            bench.peer.wait(shutter.get_subscription_count, "the shutter")
            (answer,) = bench.restore(make_image(present, "mono16"))
            return np.abs(np.frombuffer(answer.data, np.uint16).reshape(fresh.shape) - fresh).max() <= 1

        bench.peer.wait(seen_anew, "a frame restored as if it were the first")
    finally:
        bench.peer.set_parameters(smoothing=0.0)


def test_every_frame_is_accounted_for(bench: Bench) -> None:
    """Last of this module: whatever was sent before is in the counters."""
    values = bench.peer.fresh_values()
    assert_balanced(values)
    assert int(values["received"]) == bench.sent and values["dropped"] == "0" and values["pending"] == "0"
    assert bench.peer.status("input").hardware_id == "thermal"
