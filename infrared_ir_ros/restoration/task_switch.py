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

"""The engine of the task in use; that of another task is made in the background and swapped in between two frames."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

from infrared_ir_ros.engines import Engine


class Loaded(NamedTuple):
    """An engine and the task whose weights it runs. version: of the library that holds the task."""

    task: str
    engine: Engine
    version: int = 0

    @property
    def key(self) -> tuple[str, int]:
        return self.task, self.version


class TaskSwitch:
    """Frames use the old task's engine until the new one is ready; only the newest request counts.

    first: used from the start.
    """

    def __init__(self, first: Loaded) -> None:
        self.failure = ""  # why the newest request failed, or empty
        self._make: Callable[[], Engine] | None = None  # of the newest request
        self._lock = threading.Lock()
        self._current = first
        self._ready: Loaded | None = None
        self._wanted = first.key
        self._maker: threading.Thread | None = None

    @property
    def current(self) -> Loaded:
        return self._current

    def want(self, task: str, make: Callable[[], Engine], version: int = 0) -> None:
        """Have frames restored for `task` as soon as `make` has its engine ready, which may take seconds and may fail.

        A failed request may be repeated; the same task of another version is another task. `make` must not refer to the
        holder of this switch: engines are large, and must be freed with their last user, not at a collection of cycles.
        """
        with self._lock:
            if (task, version) == self._wanted and not self.failure:
                return
            self._wanted, self._make, self.failure = (task, version), make, ""
            if self._maker is None:
                # Not a daemon: one that is ended inside an engine aborts the program at exit.
                self._maker = threading.Thread(target=self._work, name="task")
                self._maker.start()

    def take(self) -> Loaded:
        """The engine for the next frame. Call it between two frames."""
        with self._lock:
            if self._ready is not None and self._ready.key == self._wanted:
                self._current, self._ready = self._ready, None
            return self._current

    def wait(self, patience: float | None = None) -> None:
        """Wait, at most `patience` seconds, until no engine is being made."""
        maker = self._maker
        if maker is not None:
            maker.join(patience)

    def _work(self) -> None:
        while (wish := self._next()) is not None:
            (task, version), make = wish
            try:
                made, failure = Loaded(task, make(), version), ""
            except Exception as error:  # the node reports it; the old task stays in use
                made, failure = None, f"task {task!r} can't be folded, {self._current.task!r} stays: {error}"
            with self._lock:
                if (task, version) == self._wanted:
                    self._ready, self.failure = made, failure

    def _next(self) -> tuple[tuple[str, int], Callable[[], Engine]] | None:
        """The next task and how to make its engine; None if nothing is left to do."""
        with self._lock:
            if self._wanted == self._current.key:
                self._ready = None  # the request was taken back
            elif self._ready is None or self._ready.key != self._wanted:
                if not self.failure:
                    return self._wanted, self._make
            self._maker = None
            return None
