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

"""The files of a detector: find them, check them, and make a graph of them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from infrared_ir_ros.detection.architecture import Architecture, load_pickle
from infrared_ir_ros.errors import OptionError, WeightsError
from infrared_ir_ros.restoration.weights import (
    EXTERNAL_DATA,
    LARGEST_FILE,
    LARGEST_MANIFEST,
    SHIPPED,
    checked_hash,
    read_regular,
)

if TYPE_CHECKING:
    from torch import nn

SHIPPED_DETECTOR = "yolov8n"
GRAPH, WEIGHTS, DESCRIPTION, MANIFEST = "detector.onnx", "detector.safetensors", "detector.yaml", "manifest.json"
MOST_NAMES, LONGEST_NAME = 1000, 100
REMEDY = f"give detector.model the path of a {GRAPH}, or of a folder that export_detector wrote"
DAMAGED = "Restore the file or export the detector again"


@dataclass(frozen=True)
class DetectorGraph:
    """An ONNX file with inline data. source: where it is from. sha256: of the file that it was read or made from."""

    data: bytes
    source: str
    sha256: str


@dataclass(frozen=True)
class Network:
    """A network of ultralytics with its weights, its classes, its version, and the SHA-256 of its file."""

    model: nn.Module
    names: tuple[str, ...]
    version: str
    sha256: str


@dataclass(frozen=True)
class Description:
    """What `detector.yaml` says: how the network is built, what its classes are called, which version it is."""

    architecture: Architecture
    names: tuple[str, ...]
    version: str

    def __post_init__(self) -> None:
        checked_names(self.names)

    def to_table(self) -> dict[str, Any]:
        return {"architecture": asdict(self.architecture), "names": list(self.names), "version": self.version}

    @classmethod
    def read(cls, path: Path) -> Description:
        """Raises WeightsError for what is not such a description."""
        try:
            table = yaml.safe_load(read_regular(path, LARGEST_MANIFEST, REMEDY))
            return cls(Architecture(**table["architecture"]), tuple(table["names"]), str(table["version"]))
        except (yaml.YAMLError, KeyError, TypeError, ValueError, RecursionError) as error:
            reason = " ".join(str(error).split())[:300]
            raise WeightsError(f"{path} does not describe a detector ({reason}): export it again") from error


def checked_names(names: Sequence[object]) -> tuple[str, ...]:
    """Names of classes, if they can be told apart and shown. Raises OptionError."""
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

    A path is an `.onnx` (checked against a manifest that lies beside it), a folder that export_detector wrote, a
    `.safetensors` beside its `.yaml` (these need torch and ultralytics), or, only with `allow_pickle`, a `.pt` of
    ultralytics: loading it runs what its maker put into it.
    Raises OptionError for what is not allowed or not installed, WeightsError for files that are missing or damaged.
    """
    path = SHIPPED / f"detector_{SHIPPED_DETECTOR}" if model == SHIPPED_DETECTOR else Path(model)
    if path.suffix == ".onnx":
        listed = _hashes(path.parent) if (path.parent / MANIFEST).is_file() else {}
        return _read_graph(path, listed.get(path.name))
    if os.path.isdir(path) and GRAPH in (hashes := _hashes(path)):
        return _read_graph(path / GRAPH, hashes[GRAPH])
    network = load_network(path, allow_pickle)
    data = _exporter().detector_graph(network.model, network.names, network.version)
    return DetectorGraph(data, str(path), network.sha256)


def load_network(path: Path, allow_pickle: bool = False) -> Network:
    """The network of a folder, `.safetensors` or `.pt`; raises like `find_detector`."""
    if path.suffix == ".pt":
        if not allow_pickle:
            raise OptionError(
                f"{path} is a pickle, which runs code when it is loaded: allow that (detector.allow_pickle) if you "
                "trust whoever made it, or have it made safe with export_detector"
            )
        digest = checked_hash(path, read_regular(path, LARGEST_FILE, REMEDY), None, DAMAGED)
        model = load_pickle(path)
        return Network(model, names_of(model), path.stem, digest)
    if path.suffix == ".safetensors":
        return _network(path, None)
    if not os.path.isdir(path):
        raise WeightsError(f"there is no detector {str(path)!r}: {REMEDY}")
    hashes = _hashes(path)
    if WEIGHTS not in hashes:
        raise WeightsError(f"{path / MANIFEST} does not name {WEIGHTS}: export the detector again")
    return _network(path / WEIGHTS, hashes[WEIGHTS])


def names_of(model: Any) -> tuple[str, ...]:
    """The names of a network of ultralytics, in the order of its classes."""
    names = model.names
    return checked_names([names[index] for index in sorted(names)] if isinstance(names, dict) else names)


def _network(path: Path, expected: str | None) -> Network:
    data = read_regular(path, LARGEST_FILE, REMEDY)
    digest = checked_hash(path, data, expected, DAMAGED)
    description = Description.read(path.with_suffix(".yaml"))
    model = _exporter().load_weights(description.architecture, len(description.names), data)
    return Network(model, description.names, description.version, digest)


def _hashes(folder: Path) -> dict[str, str]:
    """SHA-256 by file name, as the manifest says."""
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


def _exporter() -> Any:
    try:
        from infrared_ir_ros.detection import export
    except ImportError as error:
        raise OptionError(
            f"this form of a detector needs torch and onnx ({error}): pip install -r requirements/train.txt, or have "
            "it exported to .onnx"
        ) from error
    return export
