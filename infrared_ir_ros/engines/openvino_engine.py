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

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from infrared_ir_ros.errors import OptionError


def _import_openvino() -> Any:
    """The package without its telemetry, which reports each start to Google Analytics and writes into the user's home.

    OpenVINO does without it, as where it is not installed."""
    telemetry = sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        return importlib.import_module("openvino")
    finally:
        if telemetry is None:
            del sys.modules["openvino_telemetry"]


HINTS = {"fp32": "f32", "fp16": "f16", "bf16": "bf16"}
# One per process. Each Core gives its thread a stack for signal handlers; if two are destroyed in the order of their
# creation, the stack in use is freed, and the next signal, such as Ctrl-C, is a segmentation fault.
CORE = _import_openvino().Core()


def computes_in_bf16() -> bool:
    """Whether the processor has instructions for bf16: OpenVINO also offers it where it would have to be emulated."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags


class OpenVinoGraph:
    """An `engines.graph.Graph`, compiled once for all frame sizes: compiling anew for another size would take seconds.

    `precision: auto` means fp32 on a CPU, to match the reference.
    """

    engine = "openvino"

    def __init__(self, data: bytes, device: str, precision: str) -> None:
        name = {"auto": "CPU"}.get(device, device.upper())
        if not any(found == name or found.startswith(f"{name}.") for found in CORE.available_devices):  # GPU.0, GPU.1
            raise OptionError(
                f"device is {device!r}: OpenVINO finds {', '.join(CORE.available_devices)} here; use cpu or auto"
            )
        self.device = name.lower()
        self.precision = "fp32" if precision == "auto" and name == "CPU" else precision
        config: dict[str, str | bool] = {"PERFORMANCE_HINT": "LATENCY"}
        if name == "CPU":
            config["ENABLE_CPU_PINNING"] = False  # a pinned thread waits for anything else on its core
        if self.precision in HINTS:
            config["INFERENCE_PRECISION_HINT"] = HINTS[self.precision]
        model = CORE.read_model(data)
        self.inputs = {
            value.any_name: tuple(side.get_length() if side.is_static else None for side in value.partial_shape)
            for value in model.inputs
        }
        self.outputs = tuple(value.any_name for value in model.outputs)
        notes = model.rt_info["framework"] if model.has_rt_info("framework") else {}
        self.metadata = {key: note.astype(str) for key, note in notes.items()}
        self._request = CORE.compile_model(model, name, config).create_infer_request()

    def run(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        outputs = self._request.infer(list(inputs), share_inputs=True)
        return tuple(np.array(value) for value in outputs.values())
