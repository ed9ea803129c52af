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

"""The pattern memory as a step of restoration, which other threads may save, resume or reset."""

from __future__ import annotations

import threading

import numpy as np

from infrared_ir_ros.restoration.pattern.file import Camera, SavedPattern
from infrared_ir_ros.restoration.pattern.memory import NOTHING_USED, PatternMemory, PatternState


class PatternStage:
    """Subtracts the camera's fixed pattern while its memory is on. Any thread may call the other methods.

    changing: whether more or less was subtracted from the last frame than from the one before.
    live: set it for frames that arrive at a camera's rate: what takes long then runs in the background.
    """

    live = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._memory: PatternMemory | None = None
        self._learn, self._setting = True, ""
        self.changing, self._used = False, NOTHING_USED

    def __call__(self, frame: np.ndarray, setting: str) -> np.ndarray:
        """The frame minus the known pattern, float32; the frame itself if the memory is off."""
        with self._lock:
            corrected = self._corrected(frame, setting)
            used = NOTHING_USED if self._memory is None else self._memory.state.used
            self.changing, self._used = used != self._used, used
            return corrected

    def _corrected(self, frame: np.ndarray, setting: str) -> np.ndarray:
        if setting == "off":
            self._memory = None
            return frame
        if self._memory is None:
            self._memory, self._learn = PatternMemory(background=self.live, sure=setting == "on"), True
        elif self._setting not in ("", setting):
            self._memory.be_sure(setting == "on")
        self._setting = setting
        return self._memory(frame, self._learn)

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self._memory = None

    def wait(self, patience: float | None = None) -> None:
        """Wait for the solvers in the background, at most `patience` seconds for each. Call it between two frames."""
        memory = self._memory
        if memory is not None:
            memory.wait(patience)

    def resume(self, saved: SavedPattern, learn: bool = True) -> None:
        """Use a saved pattern from the next frame on; a frame of another size makes the memory forget it.

        learn: whether to go on learning, until the next `reset`."""
        with self._lock:
            self._memory, self._learn = saved.memory(self.live), learn
            self._setting = ""

    @property
    def state(self) -> PatternState | None:
        """The state after the last frame; None while the memory is off."""
        memory = self._memory
        return None if memory is None else memory.state

    @property
    def subtracting(self) -> bool:
        """Whether something was subtracted from the last frame."""
        state = self.state
        return state is not None and any(state.used)

    @property
    def pattern(self) -> np.ndarray | None:
        """The pattern found so far, (height, width) float32 counts of mean 0; None if there is none."""
        with self._lock:
            return None if self._memory is None else self._memory.pattern

    def saved(self, name: str, dtype: str, settled: bool = False) -> SavedPattern | None:
        """The pattern, to be saved for the camera `name`, whose frames have `dtype`; None before the first frame.

        settled: solve for the newest pattern first, which takes up to a second."""
        with self._lock:
            if self._memory is None or self._memory.pattern is None:
                return None
            if settled:
                self._memory.settle()
            arrays, numbers = self._memory.saved()
        return SavedPattern(Camera(name, *arrays["fine"].shape, dtype), arrays, numbers)
