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

"""Runs the detector on the newest frame, in its own thread, so that restoration never waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.publisher import Publisher

from infrared_ir_ros.detection import Detector, Tracker, lowest_score, overlay
from infrared_ir_ros.errors import FrameError
from infrared_ir_ros.records import Counts, Detection, DetectionOptions
from infrared_ir_ros.ros.detection_output import DetectionOutput
from infrared_ir_ros.ros.mailbox import Mailbox
from infrared_ir_ros.ros.messages import Picture

Prompt = tuple[str, int]  # `Restorer.prompt`


@dataclass(frozen=True)
class DetectionSettings:
    """The parameters that detection needs; replaced as a whole. on: restored, input or both."""

    options: DetectionOptions
    counts: Counts
    track: bool
    on: str
    every_n: int
    palette: str


@dataclass(frozen=True)
class DetectionTally:
    """Numbers of frames that were processed (looked) or failed (refused); duration and detections of the last one."""

    looked: int = 0
    refused: int = 0
    milliseconds: float = 0.0
    found: int = 0


@dataclass(frozen=True)
class _Job:
    """A frame as received and as published. seconds: steady clock."""

    picture: Picture
    published: np.ndarray
    seconds: float


class Detecting:
    """Detects objects while somebody subscribes to the detections or the overlay.

    versions: `database_version` of `vision_info`, one for each prompt that becomes active.
    """

    def __init__(
        self, node: Node, detector: Detector, settings: DetectionSettings, prompt: Prompt, versions: Iterator[int]
    ) -> None:
        detector.check(settings.options)
        self.failure = ""  # why the last detection failed, or empty
        self.tally = DetectionTally()  # written by the detection thread
        self.superseded = 0  # frames replaced by a newer one; written by the thread that calls `offer`
        self.description = detector.description
        self._node, self._detector, self._settings = node, detector, settings
        self._prompt, self._versions = prompt, versions
        self._offered = 0
        self._output = DetectionOutput(node, detector.names)
        self._output.publish_labels(settings.options.confidence)
        self._announce(prompt)
        self._trackers = {"restored": Tracker(), "input": Tracker()}
        self._mailbox: Mailbox[_Job] = Mailbox()
        self._thread = threading.Thread(target=self._work, name="detect", daemon=True)
        self._thread.start()

    @property
    def settings(self) -> DetectionSettings:
        return self._settings

    @settings.setter
    def settings(self, settings: DetectionSettings) -> None:
        changed = settings.options.confidence != self._settings.options.confidence
        self._settings = settings
        if changed:
            self._output.publish_labels(settings.options.confidence)

    @property
    def wanted(self) -> bool:
        """Whether anybody subscribes to a result."""
        return bool(self._views(self._settings)) or self._overlay_wanted

    def check(self, options: DetectionOptions) -> None:
        """Raises OptionError for a class that the detector does not know."""
        self._detector.check(options)

    def offer(self, picture: Picture, published: np.ndarray, prompt: Prompt) -> None:
        """Hand in a frame as received and as published; returns at once. prompt: the one it was restored with."""
        if prompt != self._prompt:
            self._announce(prompt, picture.header)
        if not self.wanted:
            return
        self._offered += 1
        if (self._offered - 1) % self._settings.every_n:
            return
        if self._mailbox.put(_Job(picture, published, time.monotonic())) is not None:
            self.superseded += 1

    def close(self, patience: float | None = None) -> None:
        """Finish the frame in work (for at most `patience` seconds), end the thread, destroy the publishers."""
        self._mailbox.close()
        self._thread.join(patience)
        self._output.destroy()

    def _announce(self, prompt: Prompt, header: Any | None = None) -> None:
        self._prompt = prompt
        method = f"{self.description['detector']}, on frames restored for {prompt[0]}"
        self._output.publish_vision_info(method, next(self._versions), header)

    def _work(self) -> None:
        while (job := self._mailbox.take()) is not None:
            started = time.monotonic()
            try:
                found = self._look(job, self._settings)
                self.failure = ""
                spent = 1000 * (time.monotonic() - started)
                self.tally = replace(self.tally, looked=self.tally.looked + 1, milliseconds=spent, found=found)
            except FrameError as error:  # one frame: the next may be good
                self._refuse(str(error))
            except Exception as error:  # the thread must survive
                self.failure = f"{type(error).__name__}: {error}"
                self._refuse(self.failure)

    def _refuse(self, reason: str) -> None:
        self.tally = replace(self.tally, refused=self.tally.refused + 1)
        self._node.get_logger().warning(f"no detections in a frame: {reason}", throttle_duration_sec=5.0)

    def _look(self, job: _Job, settings: DetectionSettings) -> int:
        """Detect, publish and draw; the number of detections."""
        views, drawn, count = self._views(settings), self._overlay_wanted, 0
        pictures = []
        for name in ("input", "restored"):
            if name not in views and not (drawn and settings.on in (name, "both")):
                continue
            frame = job.picture.image if name == "input" else job.published
            found = self._detect(name, frame, job.seconds, settings)
            count += len(found)
            if name in views:
                self._output.publish(views[name], found, job.picture.header)
            if drawn:
                pictures.append(overlay(frame, found, self._detector.names, settings.palette))
        if pictures:
            self._output.publish_overlay(np.hstack(pictures), job.picture.header)
        return count

    def _detect(
        self, name: str, frame: np.ndarray, seconds: float, settings: DetectionSettings
    ) -> tuple[Detection, ...]:
        options = settings.options
        if not settings.track:
            self._trackers[name].reset()
            return self._detector.detect(frame, options, settings.counts)
        wider = replace(options, confidence=lowest_score(options.confidence))
        found = self._detector.detect(frame, wider, settings.counts)
        return self._trackers[name].update(found, options.confidence, seconds)

    def _views(self, settings: DetectionSettings) -> dict[str, Publisher]:
        """Publishers of detections by kind of frame, where `detect_on` asks for it and somebody subscribes."""
        publishers = {"input": self._output.of_input, "restored": self._output.of_restored}
        return {
            name: publisher
            for name, publisher in publishers.items()
            if settings.on in (name, "both") and publisher.get_subscription_count()
        }

    @property
    def _overlay_wanted(self) -> bool:
        return self._output.overlay.get_subscription_count() > 0
