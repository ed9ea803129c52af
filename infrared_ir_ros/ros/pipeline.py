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

"""Takes a frame through the node, from the serialised message to the published topics."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rclpy.clock import Clock
from sensor_msgs.msg import CameraInfo

from infrared_ir_ros.errors import EngineError, FrameError
from infrared_ir_ros.records import Restored
from infrared_ir_ros.restoration import Restorer
from infrared_ir_ros.restoration.stillness import StillnessWatch
from infrared_ir_ros.ros.counters import Counters, Drop
from infrared_ir_ros.ros.detector_slot import DetectorSlot
from infrared_ir_ros.ros.mailbox import Mailbox
from infrared_ir_ros.ros.messages import MessageError, Picture
from infrared_ir_ros.ros.output import Output
from infrared_ir_ros.ros.pattern_keeper import PatternKeeper
from infrared_ir_ros.ros.stamps import SECOND, StampWatch

SOLVERS_WITHIN = 1.0  # seconds for each


@dataclass(frozen=True)
class Arrival:
    """A received message. seconds: arrival, steady clock. inspect: raises MessageError for what `read` cannot read."""

    raw: bytes
    seconds: float
    inspect: Callable[[bytes], None]
    read: Callable[[bytes], Picture]


@dataclass(frozen=True)
class Settings:
    """The parameters that the pipeline needs; replaced as a whole."""

    max_age: float  # seconds
    passthrough: bool  # whether a frame that cannot be restored is published unrestored
    palette: str
    enabled: bool = True  # false: every frame passes through


class Pipeline:
    """Restores and publishes the newest frame in a thread of its own, so that services answer meanwhile."""

    def __init__(
        self,
        restorer: Restorer,
        keeper: PatternKeeper,
        detector: DetectorSlot,
        output: Output,
        counters: Counters,
        clock: Clock,
        logger: Any,
        settings: Settings,
    ) -> None:
        self.settings = settings
        self.camera_info: CameraInfo | None = None
        self.stamps = StampWatch()
        self.stillness = StillnessWatch()
        self.frame: np.ndarray | None = None  # the newest, as received
        self.frame_id = ""
        self._refused = ""  # why the last frame could not be restored and passed through, or empty
        self._restorer = restorer
        self._detector = detector
        self._output = output
        self._counters = counters
        self._clock = clock
        self._logger = logger
        self._keeper = keeper
        self._reset_wanted = False
        self._mailbox: Mailbox[Arrival] = Mailbox()
        self._thread = threading.Thread(target=self._work, name="restore", daemon=True)
        self._thread.start()

    def offer(self, arrival: Arrival) -> None:
        """Hand in a new frame, which replaces one that is still waiting. From the executor's thread.

        A bad message is dropped here, before it can replace a good one.
        """
        self._counters.arrive()
        try:
            arrival.inspect(arrival.raw)
        except MessageError as error:
            self._drop(error.reason, str(error))
            return
        if self._mailbox.put(arrival) is not None:
            self._counters.drop(
                Drop.SUPERSEDED, "a newer frame arrived before its turn: they come faster than they are restored"
            )

    def lose(self, count: int) -> None:
        """Count frames that the middleware lost."""
        self._counters.lose(count)

    @property
    def passing(self) -> str:
        """Why frames currently pass through unrestored, or empty. Reflects new settings before the next frame."""
        settings = self.settings
        if not settings.enabled:
            return "restoration is disabled (~/enable)"
        return self._refused if settings.passthrough else ""

    def reset(self) -> None:
        """Forget past frames before the next one (the shutter closed)."""
        self._reset_wanted = True

    def close(self, patience: float | None = None) -> None:
        """Finish the frame in work (for at most `patience` seconds), drop the one that waits, and end the thread.

        The solvers of the pattern memory get a second only: on a busy machine their low priority can delay them by half
        a minute, in which no service would answer, and nobody uses what they still find."""
        if self._mailbox.close() is not None:
            self._counters.drop(Drop.DEACTIVATED, "it waited when the node was deactivated")
        self._thread.join(patience)
        self._restorer.patterns.wait(SOLVERS_WITHIN)

    def _work(self) -> None:
        while (arrival := self._mailbox.take()) is not None:
            try:
                self._process(arrival)
            except MessageError as error:
                self._drop(error.reason, str(error))
            except Exception as error:  # the thread must survive: the next frame may be good
                self._drop(Drop.FAILED, f"{type(error).__name__}: {error}")

    def _process(self, arrival: Arrival) -> None:
        settings, started = self.settings, time.monotonic()
        # 1. bytes -> (H, W) frame
        picture = arrival.read(arrival.raw)
        decoded = time.monotonic()
        self._look_at(picture, decoded)
        # 2. frame -> restored frame, or None to publish the input
        stale = self._staleness(picture, decoded - arrival.seconds, settings.max_age)
        restored = self._restore(picture, stale, settings)
        done = time.monotonic()
        image = picture.image if restored is None else restored.image
        # 3. publish
        try:
            self._output.publish(image, picture, self.camera_info)
        except Exception as error:
            raise MessageError(Drop.UNPUBLISHED, f"{type(error).__name__}: {error}") from error
        self._counters.publish(passed_through=restored is None)
        published = time.monotonic()
        # 4. side topics
        try:
            if restored is not None:
                spans = {"decode": decoded - started, "restorer": done - decoded, "publish": published - done}
                spans |= {"wait": started - arrival.seconds, "age": published - arrival.seconds}
                milliseconds = restored.milliseconds | {name: 1000.0 * span for name, span in spans.items()}
                self._output.publish_estimate(restored, picture, milliseconds)
            self._detector.offer(picture, image, self._restorer.prompt)
            self._output.publish_views(image, picture, settings.palette)
        except Exception as error:
            self._logger.warning(f"a side topic failed: {type(error).__name__}: {error}", throttle_duration_sec=5.0)

    def _look_at(self, picture: Picture, now: float) -> None:
        """Check the frame for colour, its camera and shutter events, after which the past is forgotten."""
        self.frame, self.frame_id = picture.image, picture.header.frame_id
        if picture.was_colour:
            self._logger.warning("colour frames are converted to grey and published as grey", once=True)
        if self.stillness.shutter(picture.image, now) or self._reset_wanted:
            self._reset_wanted = False
            self._restorer.reset()
        self._keeper.meet(picture.image, self.frame_id)

    def _staleness(self, picture: Picture, waited: float, limit: float) -> str:
        """Why the frame is too old, or an empty text."""
        stamp = picture.header.stamp.sec * SECOND + picture.header.stamp.nanosec
        now = self._clock.now().nanoseconds
        age = self.stamps.age(stamp, now, time.monotonic_ns(), round(limit * SECOND))
        if waited > limit:
            return f"it waited {1000 * waited:.0f} ms, max_age_ms is {1000 * limit:.0f}"
        if age is not None and age > limit * SECOND:
            return f"it is {age / 1e6:.0f} ms old by its stamp, max_age_ms is {1000 * limit:.0f}"
        return ""

    def _restore(self, picture: Picture, stale: str, settings: Settings) -> Restored | None:
        """The restored frame; None to pass it through unrestored. stale: why it is too old, or empty."""
        if not settings.enabled:  # then late frames pass through, too
            self._refused = ""
        elif stale:
            self._refuse(Drop.STALE, stale, settings)
        else:
            try:
                restored = self._restorer.restore(picture.image)
            except EngineError as error:
                self._refuse(Drop.FAILED, str(error), settings)
            except FrameError as error:
                self._refuse(Drop.REFUSED, str(error), settings)
            except Exception as error:
                self._refuse(Drop.FAILED, f"{type(error).__name__}: {error}", settings)
            else:
                self._refused = ""
                return restored
        return None

    def _refuse(self, reason: Drop, message: str, settings: Settings) -> None:
        """Drop the frame, or let it pass through."""
        if not settings.passthrough:
            self._refused = ""
            raise MessageError(reason, message)
        self._refused = f"{reason.value}: {message}"
        self._logger.warning(f"frame passed through unrestored ({self._refused})", throttle_duration_sec=5.0)

    def _drop(self, reason: Drop, message: str) -> None:
        self._counters.drop(reason, message)
        self._logger.warning(f"frame dropped ({reason.value}): {message}", throttle_duration_sec=5.0)
