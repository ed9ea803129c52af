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

"""Untrusted paths and names: checked before they are opened, made harmless before they are shown."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from infrared_ir_ros.errors import SourceError

MAX_FILE_BYTES = 1 << 30  # of files that are read as a whole: images and npz

_SHOWN = 300


def printable(text: str) -> str:
    """`text` on one line, control, bidirectional and undecodable characters escaped: inert in a terminal or a log."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text[:_SHOWN])
    return shown + ("..." if len(text) > _SHOWN else "")


def safe_name(text: str) -> str:
    """`text` as a part of a file name: letters, digits, `_`, `-`, `.`; never empty, hidden, or a path."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text).strip("._-")[:80] or "unnamed"


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Sort key by which `frame10` follows `frame9`."""
    parts = re.split(r"([0-9]+)", text)
    return [(1, int(part), "") if part.isdigit() and part.isascii() else (0, 0, part.casefold()) for part in parts]


def existing(path: str | os.PathLike[str]) -> Path:
    """`path` with links resolved, without opening it. Raises SourceError unless it is a regular file or a folder."""
    if path == "":
        raise SourceError("a path is empty: name a file or folder, or . for the current one")
    given = Path(path)
    try:
        resolved = given.expanduser().resolve(strict=True)
        mode = resolved.stat().st_mode
    except FileNotFoundError:
        kind = "a link to nothing" if given.is_symlink() else "missing"
        raise SourceError(f"{printable(str(given))} is {kind}: give a file or folder that exists") from None
    except (OSError, RuntimeError, ValueError) as error:  # no permission, a loop of links, a null byte
        raise SourceError(f"{printable(str(given))} cannot be opened: {printable(str(error))}") from None
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise SourceError(f"{printable(str(given))} is {kind_of(mode)}: give a file or folder")
    return resolved


def read_file(path: Path, limit: int = MAX_FILE_BYTES) -> bytes:
    """The bytes of a regular file; never blocks, even if it was replaced by a FIFO or a device.

    Raises SourceError: not a regular file, larger than `limit`, unreadable.
    """
    what = printable(str(path))
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)  # of the open file, which cannot be swapped
            if not stat.S_ISREG(status.st_mode):
                raise SourceError(f"{what} is {kind_of(status.st_mode)}, not a regular file")
            if status.st_size > limit:
                raise SourceError(f"{what} has {status.st_size} bytes: at most {limit} are read")
            with open(descriptor, "rb", closefd=False) as file:
                return file.read(min(limit, status.st_size + 1))  # Python reserves as much as is asked for
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SourceError(f"{what} can't be read ({error.strerror or error})") from None


def suffix_of(path: Path) -> str:
    """The suffix that gives a file's format, in lower case; both suffixes of a compressed file, such as .mcap.zstd."""
    return "".join(path.suffixes[-2 if path.suffix.lower() == ".zstd" else -1 :]).lower()


def regular_files(folder: Path, suffixes: frozenset[str] | None = None) -> list[Path]:
    """Regular files below `folder` with one of `suffixes` (lower case; None: any), in natural order of relative paths.

    Hidden files and folders, FIFOs, devices and links to folders are skipped; links to files count as files.
    """
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            wanted = suffixes is None or suffix_of(path) in suffixes
            if wanted and not name.startswith(".") and path.is_file():
                found.append(path)
    return sorted(found, key=lambda path: natural_key(str(path.relative_to(folder))))


def kind_of(mode: int) -> str:
    """The kind of a file of this mode, in words."""
    kinds = {
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
        stat.S_IFDIR: "a folder",
    }
    return kinds.get(stat.S_IFMT(mode), "of an unknown kind")
