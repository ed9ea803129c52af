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

"""The architecture of a detector: a YOLOv8 of ultralytics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infrared_ir_ros.errors import OptionError, WeightsError
from infrared_ir_ros.training.yolo import ultralytics

if TYPE_CHECKING:
    from torch import nn

FAMILY = "yolov8"


@dataclass(frozen=True)
class Architecture:
    """A YOLOv8: depth and width as shares of the largest one's, and the most channels before scaling.

    Raises OptionError for values out of range.
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
        return ultralytics("nn.tasks").DetectionModel(self._configuration(), ch=3, nc=classes, verbose=False).float()

    def _configuration(self) -> dict[str, Any]:
        configuration = ultralytics("nn.tasks").yaml_model_load(f"{FAMILY}n.yaml")
        return configuration | {"scale": "n", "scales": {"n": [self.depth, self.width, self.max_channels]}}


def architecture_of(model: nn.Module) -> Architecture:
    """The architecture of a network of ultralytics. Raises WeightsError if it is not a YOLOv8 detector."""
    configuration = getattr(model, "yaml", None) or {}
    try:
        scales = configuration["scales"]
        depth, width, most = scales[configuration.get("scale") or next(iter(scales))]
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise WeightsError(
            "this network does not tell its architecture: give a YOLOv8 of ultralytics 8.1 or later"
        ) from error
    found = Architecture(float(depth), float(width), int(min(most, 2048)) if math.isfinite(most) else 2048)
    ours = found._configuration()
    if any(configuration.get(part) != ours[part] for part in ("backbone", "head")):
        raise WeightsError(f"this network is not a YOLOv8 detector ({configuration.get('yaml_file')}): train one")
    return found
