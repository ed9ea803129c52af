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

"""The network of a detector, of ultralytics (AGPL-3.0), which is imported only here and only when it is asked for."""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infrared_ir_ros.errors import OptionError, WeightsError

if TYPE_CHECKING:
    from torch import nn

FAMILY = "yolov8"


@dataclass(frozen=True)
class Architecture:
    """A YOLOv8: its depth and width as shares of the largest one's, and the most channels before that share.

    Raises OptionError for what no network has.
    """

    depth: float
    width: float
    max_channels: int
    family: str = FAMILY

    def __post_init__(self) -> None:
        if self.family != FAMILY:
            raise OptionError(f"architecture.family is {self.family!r}: only {FAMILY} is known")
        for name, value, low, high in (
            ("depth", self.depth, 0.01, 1.0),
            ("width", self.width, 0.01, 1.25),
            ("max_channels", self.max_channels, 8, 2048),
        ):
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise OptionError(f"architecture.{name} is {value!r}: use a number from {low} to {high}")

    def build(self, classes: int) -> nn.Module:
        """The network with random weights (`ultralytics.nn.tasks.DetectionModel`). Raises OptionError without it."""
        return _ultralytics("nn.tasks").DetectionModel(self._configuration(), ch=3, nc=classes, verbose=False).float()

    def _configuration(self) -> dict[str, Any]:
        configuration = _ultralytics("nn.tasks").yaml_model_load(f"{FAMILY}n.yaml")
        return configuration | {"scale": "n", "scales": {"n": [self.depth, self.width, self.max_channels]}}


def architecture_of(model: nn.Module) -> Architecture:
    """What a network of ultralytics was built by. Raises WeightsError if it isn't a YOLOv8 that detects."""
    configuration = getattr(model, "yaml", None) or {}
    try:
        scales = configuration["scales"]
        depth, width, most = scales[configuration.get("scale") or next(iter(scales))]
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise WeightsError(
            "this network does not say how it was built: give a YOLOv8 of ultralytics 8.1 or later"
        ) from error
    found = Architecture(float(depth), float(width), int(min(most, 2048)) if math.isfinite(most) else 2048)
    ours = found._configuration()
    if any(configuration.get(part) != ours[part] for part in ("backbone", "head")):
        raise WeightsError(f"this network is not a YOLOv8 that detects ({configuration.get('yaml_file')}): train one")
    return found


def load_pickle(path: Path) -> nn.Module:
    """The network in a `.pt` of ultralytics. It is a pickle: whoever made it decides what loading it runs.

    Raises OptionError without ultralytics, WeightsError for a file that holds no such network.
    """
    if not path.is_file():
        raise WeightsError(f"{path} is not a file: give the .pt of a trained YOLOv8")
    try:
        return _ultralytics().YOLO(str(path), task="detect").model.float().eval()
    except OptionError:
        raise
    except Exception as error:  # whatever a pickle may raise
        reason = " ".join(str(error).split())[:300]
        raise WeightsError(f"{path} can't be loaded as a YOLOv8: {type(error).__name__}: {reason}") from error


def _ultralytics(module: str = "") -> Any:
    try:
        return importlib.import_module(f"ultralytics.{module}" if module else "ultralytics")
    except ImportError as error:
        raise OptionError(
            f"this form of a detector needs ultralytics ({error}): pip install -r requirements/semantic.txt (it is "
            "AGPL-3.0), or have the detector exported to .onnx"
        ) from error
