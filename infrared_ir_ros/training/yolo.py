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

"""The only import of ultralytics (AGPL-3.0), and only when one of its networks is needed."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infrared_ir_ros.errors import OptionError, WeightsError, one_line

if TYPE_CHECKING:
    from torch import nn


def ultralytics(module: str = "") -> Any:
    """The package, or one of its modules, such as `nn.tasks`. Raises OptionError where it is missing."""
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")  # otherwise it installs missing packages
    os.environ.setdefault("YOLO_OFFLINE", "true")
    try:
        return importlib.import_module(f"ultralytics.{module}" if module else "ultralytics")
    except ImportError as error:
        raise OptionError(
            f"this needs ultralytics ({error}): pip install -r requirements/semantic.txt (it is AGPL-3.0), or use a "
            "detector that was exported to .onnx, which does not"
        ) from error


def load_yolo(path: Path | str) -> nn.Module:
    """A YOLOv8 detector: from a `.pt`, or with random weights from a configuration such as `yolov8n.yaml`.

    A `.pt` is a pickle: loading it may run any code.

    Raises OptionError without ultralytics, WeightsError if the file is missing or holds no such network.
    """
    path = Path(path)
    if path.suffix == ".pt" and not path.is_file():
        raise WeightsError(f"{path} is not a file: give the .pt of a trained YOLOv8")
    yolo = ultralytics().YOLO
    try:
        return yolo(str(path), task="detect").model.float().eval()
    except Exception as error:  # a pickle may raise anything
        reason = one_line(error)
        raise WeightsError(f"{path} can't be loaded as a YOLOv8: {type(error).__name__}: {reason}") from error
