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

"""The first of two passes over a video: learns the camera's fixed pattern, for use from the first frame on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from infrared_ir_ros.errors import FrameError
from infrared_ir_ros.media import Frame
from infrared_ir_ros.restoration.counts import checked
from infrared_ir_ros.restoration.dead_pixels import replace_dead_pixels
from infrared_ir_ros.restoration.pattern import PatternStage, SavedPattern
from infrared_ir_ros.restoration.repeats import without_repeats
from infrared_ir_ros.restoration.stillness import StillnessWatch
from infrared_ir_ros.restoration.unknown import without_blank


def learn_patterns(frames: Iterable[Frame], done: Callable[[], object]) -> dict[int, SavedPattern]:
    """The patterns learned in a video, by the number of the first frame of the section that each is learned from.

    A section ends at the end of a shutter event, or where the memory finds that its pattern no longer fits; frames
    before it finds that are left to the second pass. done: called after each frame.
    """
    found: dict[int, SavedPattern] = {}
    stage, watch, start, taught = PatternStage(), StillnessWatch(), 0, 0

    def finish() -> None:
        saved = stage.saved("", "float32", settled=True)
        if saved is not None and saved.frames:
            found[start] = saved

    for number, frame in enumerate(frames):
        if watch.shutter(frame.image, frame.stamp_ns / 1e9):
            finish()
            stage.reset()
            start, taught = number, 0
        with suppress(FrameError):  # nothing is learned from it; the second pass reports it
            finite, _ = without_repeats(checked(frame.image))
            stage(without_blank(replace_dead_pixels(finite))[0], "on")
        now = stage.state.frames if stage.state else 0
        start, taught = (number if now < taught else start), now
        done()
    finish()
    return found
