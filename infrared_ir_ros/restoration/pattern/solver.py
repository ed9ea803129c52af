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

"""The field that is solved for, and the thread that does it, for keyframes and pairs alike."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from infrared_ir_ros.restoration.priority import give_way

if TYPE_CHECKING:
    from typing import Self  # of Python 3.11 on

NICENESS = 15


@dataclass
class FoundField:
    """A field by cells and enlarged to a full frame; both are replaced at once, for other threads.

    Each new start has its own, so that a late result of a thread is discarded and no thread keeps a memory alive."""

    pattern: tuple[np.ndarray, np.ndarray]

    @classmethod
    def flat(cls, cells: tuple[int, int], shape: tuple[int, ...]) -> Self:
        """A flat field. cells: rows and columns. shape: of a full frame."""
        return cls((np.zeros(cells, np.float32), np.zeros(shape, np.float32)))

    @classmethod
    def of(cls, cells: np.ndarray, shape: tuple[int, ...]) -> Self:
        """A field by cells, (rows, columns), for frames of a shape."""
        return cls((cells, cv2.resize(cells, shape[::-1], interpolation=cv2.INTER_LINEAR)))

    def take(self, cells: np.ndarray) -> None:
        self.pattern = FoundField.of(cells, self.pattern[1].shape).pattern

    def rescaled(self, change: np.float32) -> Self:
        """A copy for counts that are now `change` times as large."""
        cells, large = self.pattern
        return replace(self, pattern=(cells * change, large * change))


class Solver:
    """Runs one search at a time: at once or, with `background`, in a thread."""

    def __init__(self, background: bool) -> None:
        self._background = background
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def run(self, find: Callable[..., None], *arguments: Any) -> None:
        if not self._background:
            find(*arguments)
            return
        self._thread = threading.Thread(target=_behind, args=(find, arguments), name="pattern")
        self._thread.start()

    def wait(self, patience: float | None = None) -> None:
        """Wait until the search is over, at most `patience` seconds."""
        if self._thread is not None:
            self._thread.join(patience)


def _behind(find: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Search at low priority, so that the frames go first."""
    give_way(NICENESS)
    find(*arguments)
