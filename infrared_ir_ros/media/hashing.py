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

"""Hashes of files and folders."""

from __future__ import annotations

import hashlib
from pathlib import Path

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.paths import printable


def fingerprint(path: Path) -> str:
    """SHA-256 of a file, or of all visible files of a folder, names and contents in order. Raises SourceError."""
    digest = hashlib.sha256()
    try:
        for file in [path] if path.is_file() else _visible_files(path):
            if file != path:
                digest.update(str(file.relative_to(path)).encode("utf-8", "surrogateescape"))
            with open(file, "rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
    except OSError as error:
        what = printable(str(error.filename or file))
        raise SourceError(f"cannot read {what}: {error.strerror or error}; leave it out or repair it") from error
    return digest.hexdigest()


def _visible_files(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts))
