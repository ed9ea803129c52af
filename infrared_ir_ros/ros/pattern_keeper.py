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

"""Keeps the camera's fixed pattern between runs: loads it if it is of this camera, saves and resets it on request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from infrared_ir_ros.errors import FrameError, InfraredError, OptionError
from infrared_ir_ros.media import write_atomically
from infrared_ir_ros.restoration import Restorer
from infrared_ir_ros.restoration.counts import checked
from infrared_ir_ros.restoration.pattern import Camera, SavedPattern, read_pattern
from infrared_ir_ros.restoration.repeats import without_repeats


class PatternKeeper:
    """Lives from one activation to the next. `problem`: why the file is not used, or empty.

    path: the file, which may not exist yet; empty: none. name: the camera; empty: the frame_id of its frames.
    """

    def __init__(self, restorer: Restorer, path: str, name: str, logger: Any) -> None:
        path = path and str(Path(path).absolute())  # readers of the report may be in another folder
        self._restorer, self._path, self._name, self._logger = restorer, path, name, logger
        self._camera: tuple[str, str] | None = None  # name and dtype
        self._waiting: SavedPattern | None = None  # until the first frame says which camera this is
        self.problem = ""
        if path and not _is_missing(Path(path)):
            try:
                self._waiting = read_pattern(Path(path))
            except InfraredError as error:
                self._refuse(error)

    def meet(self, frame: np.ndarray, frame_id: str) -> None:
        """Inspect the next frame before it is restored; the first one loads the pattern. From the pipeline's thread."""
        name = self._name or frame_id
        self._camera = name, frame.dtype.name
        if self._waiting is None or self._restorer.options.pattern_memory == "off":
            return
        try:
            camera = Camera.of(without_repeats(checked(frame))[0], name)
        except FrameError:
            return  # it cannot be restored, and does not identify its camera
        saved, self._waiting = self._waiting, None
        try:
            saved.check(camera)
        except InfraredError as error:
            self._refuse(error)
        else:
            self._restorer.patterns.resume(saved)
            self._logger.info(f"continues with the pattern of {self._path}, learned from {saved.frames} frames")

    def save(self) -> str:
        """Write the file; returns a message. Raises InfraredError, and then leaves an old file untouched.

        A damaged file is replaced; that of another camera never is: it may be the only copy.
        """
        if not self._path:
            raise OptionError("no file to save the pattern to: set the parameter pattern_file")
        camera = self._camera
        saved = camera and self._restorer.patterns.saved(*camera)
        if not saved or not saved.frames:
            raise OptionError("nothing has been learned: set pattern_memory to on, and move the camera over a scene")
        try:
            kept = read_pattern(Path(self._path))
        except InfraredError:
            pass  # it does not exist yet, or is damaged
        else:
            kept.check(saved.camera)
        write_atomically(self._path, saved.to_bytes())
        self.problem = ""
        return f"pattern of {saved.camera}, learned from {saved.frames} frames, saved as {self._path}"

    def reset(self) -> str:
        """Forget the pattern; the file stays."""
        self._waiting = None
        self._restorer.patterns.reset()
        if self._restorer.options.pattern_memory == "off":
            return "the pattern is forgotten; nothing is learned while pattern_memory is off"
        return "the pattern is forgotten and will be learned again"

    def _refuse(self, error: InfraredError) -> None:
        self.problem = str(error)
        self._logger.error(f"{self._path}: {error}")


def _is_missing(path: Path) -> bool:
    """Whether the file does not exist yet. If that cannot be found out, `read_pattern` gives the reason."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False
