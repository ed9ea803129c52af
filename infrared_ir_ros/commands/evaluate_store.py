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

"""The hidden folder of an unfinished report, from which an interrupted evaluation continues."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from infrared_ir_ros.commands.evaluate_job import Job
from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.evaluation.report import Recording
from infrared_ir_ros.media.atomic import sync_folder, unwritable, write_atomically
from infrared_ir_ros.media.hashing import fingerprint
from infrared_ir_ros.media.paths import printable
from infrared_ir_ros.records import Detection

_ASKED, _DONE, _LOCK = "asked.json", "done", "lock"


class Store:
    """folder: of the unfinished report, beside `output`."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.folder = output.parent / f".{output.name}.unfinished"

    @contextmanager
    def open(self, asked: str) -> Iterator[None]:
        """Lock the folder while the block runs. Results of an earlier run are kept if its request was the same.

        At the end the folder is removed if no recording in it is done.
        Raises SourceError if the output exists, cannot be written, or is being made by another process.
        """
        if self.output.exists() or self.output.is_symlink():
            raise SourceError(f"{printable(str(self.output))} already exists: choose another name, or remove it")
        with ExitStack() as held:
            with self._writing():
                self.folder.mkdir(parents=True, exist_ok=True)
                lock = held.enter_context(open(self.folder / _LOCK, "w"))
                self._lock(lock.fileno())
                self._begin(asked)
            try:
                yield
            finally:
                if not self.done():
                    shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turns an OSError of the block into SourceError, naming the output."""
        try:
            yield
        except OSError as error:
            raise unwritable(self.output, error) from error

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SourceError(
                f"{printable(str(self.output))} is being made by another process: wait for it, or choose another name"
            ) from None

    def _begin(self, asked: str) -> None:
        file = self.folder / _ASKED
        if not file.exists() or file.read_text("utf-8", "replace") != asked:
            for entry in self.folder.iterdir():
                if entry.name != _LOCK:
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            write_atomically(file, asked.encode("utf-8", "replace"))
        self._sweep()

    def _sweep(self) -> None:
        """Remove temporary files of killed processes."""
        for entry in [*self.folder.glob(".*"), *self.folder.glob("*/.*")]:
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink()

    def done(self) -> int:
        """The number of finished recordings."""
        return sum(1 for _ in (self.folder / _DONE).glob("[0-9]*.json"))

    def save(self, job: Job, recording: Recording) -> None:
        """Save the result of a recording whose bag is written. Raises SourceError."""
        write_atomically(self._file(job), json.dumps(asdict(recording)).encode())

    def load(self, job: Job) -> Recording | None:
        """The result of an earlier run, if it and its bag exist and the recording has not changed since."""
        with suppress(SourceError, OSError, ValueError, TypeError):
            kept = Recording(**json.loads(self._file(job).read_text()))
            kept.boxes = [{name: _detections(found) for name, found in frame.items()} for frame in kept.boxes]
            same = (kept.name, kept.path) == (job.name, printable(str(job.path)))
            if same and (self.folder / kept.bag).is_dir() and kept.sha256 == fingerprint(job.path):
                return kept
        return None

    def _file(self, job: Job) -> Path:
        return self.folder / _DONE / f"{job.number:03d}.json"

    def publish(self) -> None:
        """Move the finished report to `output`. Raises SourceError."""
        with self._writing():
            self._sweep()
            shutil.rmtree(self.folder / _DONE)
            (self.folder / _ASKED).unlink()
            os.rename(self.folder, self.output)
            (self.output / _LOCK).unlink()
            sync_folder(self.output.parent)


def _detections(rows: list[dict]) -> tuple[Detection, ...]:
    return tuple(Detection(**row | {"box": tuple(row["box"])}) for row in rows)
