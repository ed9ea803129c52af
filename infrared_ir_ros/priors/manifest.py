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

"""The folder of a network: its files, and a manifest with their hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infrared_ir_ros.media.atomic import write_atomically
from infrared_ir_ros.restoration.weights import MANIFEST


def write_with_manifest(folder: Path, files: Mapping[str, bytes], about: Mapping[str, Any]) -> None:
    """Write `files` (content by name) into `folder`, and then manifest.json: `about`, and the files' SHA-256.

    Raises SourceError if the folder cannot be written.
    """
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    for name, data in files.items():
        write_atomically(folder / name, data)
    write_atomically(folder / MANIFEST, (json.dumps({**about, "files": hashes}, indent=2) + "\n").encode())
