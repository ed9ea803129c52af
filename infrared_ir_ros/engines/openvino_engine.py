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

"""OpenVINO: Intel and AMD CPUs, Intel GPUs and NPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import openvino

from infrared_ir_ros.engines.engine import MULTIPLE, described
from infrared_ir_ros.errors import OptionError

if TYPE_CHECKING:
    from infrared_ir_ros.restoration.weights import PriorFiles

HINTS = {"fp32": "f32", "fp16": "f16", "bf16": "bf16"}
# One for the process. Each new one gives its thread a stack for signal handlers, and when two go in the order in which
# they came, that stack is freed while in use: the next signal, a Ctrl-C, is then a segmentation fault.
CORE = openvino.Core()


class OpenVinoEngine:
    """Runs `estimate.onnx` and `restore.onnx`, compiled once for every frame size: a camera that changes its size
    would wait seconds for another compilation.

    `precision: auto` runs in fp32 on a CPU, so that the answer is that of the reference; bf16 is faster where the
    processor has it.
    """

    multiple = MULTIPLE

    def __init__(self, files: PriorFiles, device: str, precision: str) -> None:
        self._device = {"auto": "CPU"}.get(device, device.upper())
        if self._device not in CORE.available_devices:
            raise OptionError(
                f"device is {device!r}: OpenVINO finds {', '.join(CORE.available_devices)} here; use cpu or auto"
            )
        self._precision = "fp32" if precision == "auto" and self._device == "CPU" else precision
        self._requests = [self._compile(files.read(name)) for name in ("estimate.onnx", "restore.onnx")]
        self.description = described(files, "openvino", self._device.lower(), self._precision)

    def estimate(self, frame: np.ndarray) -> tuple[np.ndarray, ...]:
        return self._run(0, frame)

    def restore(self, frame: np.ndarray, *estimate: np.ndarray) -> np.ndarray:
        return self._run(1, frame, *estimate)[0]

    def _run(self, graph: int, frame: np.ndarray, *more: np.ndarray) -> tuple[np.ndarray, ...]:
        outputs = self._requests[graph].infer([frame, *more], share_inputs=True)
        return tuple(np.array(value) for value in outputs.values())

    def _compile(self, graph: bytes) -> openvino.InferRequest:
        config = {"PERFORMANCE_HINT": "LATENCY"}
        if self._precision in HINTS:
            config["INFERENCE_PRECISION_HINT"] = HINTS[self._precision]
        return CORE.compile_model(CORE.read_model(graph), self._device, config).create_infer_request()
