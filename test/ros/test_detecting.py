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

"""The thread of the detector: whoever hands frames in never waits, and one bad look is not the last."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from harness import Peer, make_image, stamp_ns

pytest.importorskip("torch")
pytest.importorskip("onnx")
messages = pytest.importorskip("vision_msgs.msg")

from tiny_detector import squares, tiny_detector  # noqa: E402

from infrared_ir_ros.detection import Detector  # noqa: E402
from infrared_ir_ros.engines import load_graph  # noqa: E402
from infrared_ir_ros.records import Counts, Detection, DetectionOptions  # noqa: E402
from infrared_ir_ros.ros.detecting import Detecting, DetectionSettings  # noqa: E402
from infrared_ir_ros.ros.messages import Picture  # noqa: E402

FRAME = squares()
SETTINGS = DetectionSettings(
    DetectionOptions(0.8), Counts(), track=False, on="restored", every_n=1, palette="white_hot"
)


class Awkward(Detector):
    """Waits, or raises, before it looks."""

    def __init__(self) -> None:
        super().__init__(load_graph(tiny_detector(), "onnxruntime"))
        self.may_look, self.looks = threading.Event(), threading.Event()
        self.trouble: Exception | None = None

    def detect(
        self, frame: np.ndarray, options: DetectionOptions | None = None, counts: Counts | None = None
    ) -> tuple[Detection, ...]:
        self.looks.set()
        self.may_look.wait()
        if self.trouble is not None:
            raise self.trouble
        return super().detect(frame, options, counts)


def _picture(stamp: int, frame: np.ndarray = FRAME) -> Picture:
    return Picture(make_image(frame, "mono8", stamp).header, frame, "mono8")


@pytest.fixture
def peer(domain: int) -> Iterator[Peer]:
    with Peer(domain) as peer:
        yield peer


@pytest.fixture
def detecting(peer: Peer) -> Iterator[tuple[Detecting, Awkward, list]]:  # type: ignore[type-arg]
    detector = Awkward()
    detecting = Detecting(peer.node, detector, SETTINGS, ("restore", 0), itertools.count(1))
    arrays = peer.collect(messages.Detection2DArray, "detections")
    peer.wait(lambda: detecting.wanted, "the subscription")
    yield detecting, detector, arrays
    detector.may_look.set()
    detecting.close(10)


def test_frames_are_handed_in_while_the_detector_is_stuck(peer: Peer, detecting: tuple) -> None:  # type: ignore[type-arg]
    ours, detector, arrays = detecting
    ours.offer(_picture(1), FRAME, ("restore", 0))
    assert detector.looks.wait(30)
    for stamp in range(2, 11):  # comes to an end although nothing is looked at
        ours.offer(_picture(stamp), FRAME, ("restore", 0))
    assert (ours.tally.looked, ours.superseded) == (0, 8)
    detector.may_look.set()
    peer.wait(lambda: len(arrays) == 2, "what was found in the first and the newest frame")
    assert [stamp_ns(array) for array in arrays] == [1, 10]


@pytest.mark.parametrize("trouble", [RuntimeError("the engine is gone"), MemoryError()])
def test_one_bad_look_is_not_the_last(peer: Peer, detecting: tuple, trouble: Exception) -> None:  # type: ignore[type-arg]
    ours, detector, arrays = detecting
    detector.may_look.set()
    detector.trouble = trouble
    ours.offer(_picture(1), FRAME, ("restore", 0))
    peer.wait(lambda: ours.tally.refused == 1, "the bad look")
    assert type(trouble).__name__ in ours.failure
    detector.trouble = None
    ours.offer(_picture(2), FRAME, ("restore", 0))
    peer.wait(lambda: arrays, "detections of the next frame")
    peer.wait(lambda: ours.failure == "", "the all-clear")


def test_a_frame_that_cannot_be_looked_at_is_no_failure(peer: Peer, detecting: tuple) -> None:  # type: ignore[type-arg]
    ours, detector, _ = detecting
    detector.may_look.set()
    flat = np.full((120, 160), 7, np.uint8)
    ours.offer(_picture(1, flat), flat, ("restore", 0))
    peer.wait(lambda: ours.tally.refused == 1, "the refusal")
    assert ours.failure == ""


def test_a_prompt_of_the_same_name_is_another_prompt(peer: Peer, detecting: tuple) -> None:  # type: ignore[type-arg]
    ours, _, _ = detecting
    infos = peer.collect(messages.VisionInfo, "vision_info")
    for version in (1, 1, 2):
        ours.offer(_picture(version), FRAME, ("restore", version))
    peer.wait(lambda: infos and infos[-1].database_version == 3, "the version of the second replacement")


def test_the_frame_that_came_and_the_one_that_went_have_topics_of_their_own(peer: Peer, detecting: tuple) -> None:  # type: ignore[type-arg]
    ours, detector, of_restored = detecting
    detector.may_look.set()
    ours.settings = replace(SETTINGS, on="both")
    of_input = peer.collect(messages.Detection2DArray, "detections/input")
    came, went = squares(hot=((32, 48),)), squares(hot=((64, 16), (96, 80)))

    def offered() -> bool:
        ours.offer(_picture(1, came), went, ("restore", 0))
        return bool(of_input and of_restored)

    peer.wait(offered, "both")
    assert {each.bbox.center.position.x for each in of_input[-1].detections} == {40.0}
    assert {each.bbox.center.position.x for each in of_restored[-1].detections} == {72.0, 104.0}
