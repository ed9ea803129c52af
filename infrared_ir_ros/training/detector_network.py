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

"""Loads a detector as a network of ultralytics, from safetensors or a pickle."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from infrared_ir_ros.detection.files import DAMAGED, REMEDY, checked_names, listed_files
from infrared_ir_ros.errors import OptionError, WeightsError, one_line
from infrared_ir_ros.media.yaml_text import load_yaml
from infrared_ir_ros.restoration.weights import LARGEST_FILE, LARGEST_MANIFEST, MANIFEST, checked_hash, read_regular
from infrared_ir_ros.training.detector_architecture import Architecture
from infrared_ir_ros.training.yolo import load_yolo

if TYPE_CHECKING:
    from torch import nn

WEIGHTS, DESCRIPTION = "detector.safetensors", "detector.yaml"


@dataclass(frozen=True)
class Network:
    """A network of ultralytics with weights, class names, version, and the SHA-256 of its file."""

    model: nn.Module
    names: tuple[str, ...]
    version: str
    sha256: str


@dataclass(frozen=True)
class Description:
    """The content of `detector.yaml`: architecture, class names, version."""

    architecture: Architecture
    names: tuple[str, ...]
    version: str

    def __post_init__(self) -> None:
        checked_names(self.names)

    def to_table(self) -> dict[str, Any]:
        return {"architecture": asdict(self.architecture), "names": list(self.names), "version": self.version}

    @classmethod
    def read(cls, path: Path) -> Description:
        """Raises WeightsError for an invalid description."""
        try:
            table = load_yaml(read_regular(path, LARGEST_MANIFEST, REMEDY))
            return cls(Architecture(**table["architecture"]), tuple(table["names"]), str(table["version"]))
        except (KeyError, TypeError, ValueError) as error:
            reason = one_line(error)
            raise WeightsError(f"{path} does not describe a detector ({reason}): export it again") from error


def load_network(path: Path, allow_pickle: bool = False) -> Network:
    """The network in a folder, `.safetensors` or `.pt`; raises like `find_detector`."""
    if path.suffix == ".pt":
        if not allow_pickle and path.exists():
            raise OptionError(
                f"{path} is a pickle, which runs code when it is loaded: if you trust its author, allow it with "
                "detector.allow_pickle, or convert it with export_detector --allow-pickle"
            )
        digest = checked_hash(path, read_regular(path, LARGEST_FILE, REMEDY), None, DAMAGED)
        model = load_yolo(path)
        return Network(model, names_of(model), path.stem, digest)
    if path.suffix == ".safetensors":
        return _network(path, None)
    if not os.path.isdir(path):
        if os.path.exists(path):
            raise WeightsError(f"{path} is neither a folder nor an .onnx, .safetensors or .pt file: {REMEDY}")
        raise WeightsError(f"there is no detector {str(path)!r}: {REMEDY}")
    hashes = listed_files(path)
    if WEIGHTS not in hashes:
        raise WeightsError(f"{path / MANIFEST} does not name {WEIGHTS}: export the detector again")
    return _network(path / WEIGHTS, hashes[WEIGHTS])


def load_weights(architecture: Architecture, classes: int, data: bytes) -> nn.Module:
    """The network with the weights of a safetensors file. Raises WeightsError if they do not fit."""
    model = architecture.build(classes)
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        model.load_state_dict({name: tensor.float() for name, tensor in load(data).items()})
    except (RuntimeError, SafetensorError) as error:
        reason = one_line(error)
        raise WeightsError(
            f"the detector's weights don't fit {architecture} with {classes} classes: {reason}"
        ) from error
    return model.eval()


def names_of(model: Any) -> tuple[str, ...]:
    """The class names of a network of ultralytics, in order."""
    names = model.names
    return checked_names([names[index] for index in sorted(names)] if isinstance(names, dict) else names)


def _network(path: Path, expected: str | None) -> Network:
    data = read_regular(path, LARGEST_FILE, REMEDY)
    digest = checked_hash(path, data, expected, DAMAGED)
    description = Description.read(path.with_suffix(".yaml"))
    model = load_weights(description.architecture, len(description.names), data)
    model.names = dict(enumerate(description.names))
    return Network(model, description.names, description.version, digest)


def exporter() -> ModuleType:
    """The module `detector_export`. Raises OptionError if torch or onnx is missing."""
    try:
        from infrared_ir_ros.training import detector_export
    except ImportError as error:
        raise OptionError(
            f"this form of a detector needs torch and onnx ({error}): pip install -r requirements/train.txt, or export "
            "it to .onnx elsewhere"
        ) from error
    return detector_export
