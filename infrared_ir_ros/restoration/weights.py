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

"""Find the folder of a prior and verify its files against its manifest."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infrared_ir_ros.errors import OptionError, SourceError, WeightsError, one_line
from infrared_ir_ros.media.paths import read_file

SHIPPED = Path(__file__).resolve().parent.parent / "weights"
SD_TURBO = "sd_turbo"
PRIORS = ("embedded", SD_TURBO)
MANIFEST = "manifest.json"
LARGEST_MANIFEST, LARGEST_FILE = 1 << 20, 1 << 30  # bytes
EXTERNAL_DATA = b"location"  # the key by which an ONNX tensor names an external file; searched for as plain bytes


@dataclass(frozen=True)
class PriorFiles:
    """A prior on disk. name, version, tasks and constructor are the manifest's; hashes: SHA-256 by file name.

    contents: replaces files by name, such as weights with a task folded into them.
    """

    folder: Path
    name: str
    version: str
    tasks: tuple[str, ...]
    constructor: dict[str, Any]
    hashes: dict[str, str]
    contents: dict[str, bytes] = field(default_factory=dict)

    def read(self, name: str) -> bytes:
        """A file's content, checked against the manifest as it is read, so that it cannot be swapped in between.

        Raises WeightsError: missing, not a regular file, too large, other hash, or an ONNX file with external data.
        """
        if name in self.contents:
            return self.contents[name]
        if name not in self.hashes:
            raise WeightsError(f"{self.folder / MANIFEST} names no {name}: export the prior again")
        data = read_regular(self.folder / name, LARGEST_FILE)
        checked_hash(self.folder / name, data, self.hashes[name], "Install the package again or restore the file")
        if name.endswith(".onnx") and EXTERNAL_DATA in data:
            raise WeightsError(f"{self.folder / name} keeps tensors in other files: export it with inline data")
        return data


def checked_hash(path: Path, data: bytes, expected: str | None, remedy: str) -> str:
    """SHA-256 of a file's content. Raises WeightsError, with the remedy, if its manifest expects another one."""
    digest = hashlib.sha256(data).hexdigest()
    if expected is not None and digest != expected:
        raise WeightsError(
            f"{path} is damaged or not the file that its manifest names: SHA-256 is {digest}, the manifest says "
            f"{expected}. {remedy}"
        )
    return digest


def find_prior(prior: str, prior_path: str = "") -> PriorFiles:
    """The files of a prior: shipped with the package, or of the folder `prior_path`.

    Raises OptionError for an unknown prior, WeightsError for a folder without a readable manifest.
    """
    if prior not in PRIORS:
        raise OptionError(f"prior is {one_line(repr(prior))}: use one of {', '.join(PRIORS)}")
    if prior == SD_TURBO and not prior_path:
        raise OptionError(f"prior is {SD_TURBO!r} without prior_path: give the folder that import_checkpoint wrote")
    folder = Path(prior_path) if prior_path else SHIPPED / prior
    manifest = _read_manifest(folder / MANIFEST)
    try:
        files = {str(name): str(digest) for name, digest in manifest["files"].items()}
        found = PriorFiles(
            folder=folder,
            name=str(manifest["name"]),
            version=str(manifest["version"]),
            tasks=tuple(str(task) for task in manifest["tasks"]),
            constructor=dict(manifest["constructor"]),
            hashes=files,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(f"{folder / MANIFEST} lacks or misspells {error}: export the prior again") from error
    for name, digest in files.items():
        if Path(name).name != name or not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise WeightsError(f"{folder / MANIFEST} names the file {name!r} with hash {digest!r}: export it again")
    if found.name != prior:
        raise WeightsError(f"{folder} holds the prior {found.name!r}, not {prior!r}: give the folder of {prior!r}")
    return found


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_regular(path, LARGEST_MANIFEST))
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path} is not valid JSON ({error}): install the package again") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds a {type(content).__name__}, not a table: export the prior again")
    return content


PRIOR_REMEDY = "install the package again, or give prior_path the folder of an exported prior"


def read_regular(path: Path, largest: int, remedy: str = PRIOR_REMEDY) -> bytes:
    """The bytes of a regular file, see `media.paths.read_file`. Raises WeightsError, which tells the `remedy`."""
    try:
        return read_file(path, largest)
    except SourceError as error:
        raise WeightsError(f"{error}; {remedy}") from error
