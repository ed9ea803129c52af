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

"""Finds and verifies the files of a detector."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infrared_ir_ros.errors import OptionError, WeightsError
from infrared_ir_ros.restoration.weights import (
    EXTERNAL_DATA,
    LARGEST_FILE,
    LARGEST_MANIFEST,
    MANIFEST,
    SHIPPED,
    checked_hash,
    read_regular,
)

SHIPPED_DETECTOR = "yolov8n"
GRAPH = "detector.onnx"
MOST_NAMES, LONGEST_NAME = 1000, 100
REMEDY = f"give detector.model the path of a {GRAPH}, or of a folder that export_detector wrote"
DAMAGED = "Restore the file or export the detector again"


@dataclass(frozen=True)
class DetectorGraph:
    """An ONNX file with inline data. source: its origin. sha256: of the file that it was read or converted from."""

    data: bytes
    source: str
    sha256: str


def checked_names(names: Sequence[object]) -> tuple[str, ...]:
    """The names of classes. Raises OptionError unless they are distinct, short and printable."""
    if not 1 <= len(names) <= MOST_NAMES:
        raise OptionError(f"a detector has {len(names)} classes: 1 to {MOST_NAMES} are possible")
    for name in names:
        if not isinstance(name, str) or not name.isprintable() or not 0 < len(name.strip()) <= LONGEST_NAME:
            raise OptionError(f"a class is called {str(name)[:LONGEST_NAME]!r}: use a short printable text")
    if len(set(names)) < len(names):
        raise OptionError("two classes have the same name: give each its own")
    return tuple(str(name) for name in names)


def find_detector(model: str, allow_pickle: bool = False) -> DetectorGraph:
    """The graph of `detector.model`: the name of the shipped one, or a path.

    A path is an `.onnx` (checked against the manifest beside it, if any), a folder that export_detector wrote, a
    `.safetensors` beside its `.yaml`, or, only with `allow_pickle`, a `.pt` of ultralytics: loading one runs any
    code in it. The last two need torch and ultralytics.
    Raises OptionError for a form that is not allowed or installed, WeightsError for missing or damaged files.
    """
    path = detector_path(model)
    if path.suffix == ".onnx":
        listed = listed_files(path.parent) if (path.parent / MANIFEST).is_file() else {}
        return _read_graph(path, listed.get(path.name))
    if os.path.isdir(path) and GRAPH in (hashes := listed_files(path)):
        return _read_graph(path / GRAPH, hashes[GRAPH])
    from infrared_ir_ros.training.detector_network import exporter, load_network  # only for these forms

    network = load_network(path, allow_pickle)
    data = exporter().detector_graph(network.model, network.names, network.version)
    return DetectorGraph(data, str(path), network.sha256)


def detector_path(model: str) -> Path:
    """The path that the name of the shipped detector, or a path, stands for."""
    return SHIPPED / f"detector_{SHIPPED_DETECTOR}" if model == SHIPPED_DETECTOR else Path(model)


def listed_files(folder: Path) -> dict[str, str]:
    """SHA-256 by file name, from the manifest of a detector. Raises WeightsError for another file."""
    try:
        return dict(json.loads(read_regular(folder / MANIFEST, LARGEST_MANIFEST, REMEDY))["files"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise WeightsError(f"{folder / MANIFEST} does not list the files of a detector: export it again") from error


def _read_graph(path: Path, expected: str | None) -> DetectorGraph:
    data = read_regular(path, LARGEST_FILE, REMEDY)
    digest = checked_hash(path, data, expected, DAMAGED)
    if EXTERNAL_DATA in data:
        raise WeightsError(f"{path} keeps tensors in other files: export it with inline data")
    return DetectorGraph(data, str(path), digest)
