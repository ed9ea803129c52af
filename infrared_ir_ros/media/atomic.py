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

"""Atomic writes: files appear complete or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.paths import kind_of, printable


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path` with `atomic_file`."""
    with atomic_file(path) as file:
        file.write(data)


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to; readers of `path`, also after a crash, see the old file or the new one, never a part.

    The bytes go to a hidden file beside `path`, are synced to the disk, and replace `path` unless the block raises.
    Missing folders are created. Raises SourceError for any OSError (unwritable folder, full disk, `path` is a folder)
    and for a device or FIFO; the old file is then intact.
    """
    target = replaceable(Path(path))
    temporary = temporary_name(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        sync_folder(target.parent)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()  # gone already after a rename


def replaceable(path: Path) -> Path:
    """The file that a writer of `path` replaces, with links resolved. Raises SourceError for a device, FIFO or socket,
    which no file must replace."""
    target = Path(os.path.realpath(path))
    with suppress(OSError):  # nothing exists yet, or the writer will report the reason
        mode = target.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise SourceError(f"{printable(str(path))} is {kind_of(mode)}: give the name of a file")
    return target


def temporary_name(target: Path, mark: str = "") -> Path:
    """An unused hidden name beside `target`, with its suffix (some writers choose the format by it).

    mark: part of the name; "": random; *: a glob pattern for all of them.
    """
    return target.parent / f".{target.stem[:80]}.{mark or secrets.token_hex(4)}.partial{target.suffix}"


def unwritable(target: Path, error: OSError) -> SourceError:
    """The error for a `target` that cannot be written."""
    reason = error.strerror or str(error)
    return SourceError(f"cannot write {printable(str(target))}: {reason}; free some space or choose a writable output")


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut, if the file system supports it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
