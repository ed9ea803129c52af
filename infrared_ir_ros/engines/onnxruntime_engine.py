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

"""ONNX Runtime: CPU everywhere, CUDA where the GPU build is installed."""

from __future__ import annotations

import numpy as np
import onnxruntime

from infrared_ir_ros.errors import OptionError

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def has_cuda() -> bool:
    """Whether the installed build supports CUDA."""
    return PROVIDERS["cuda"] in onnxruntime.get_available_providers()


class OnnxRuntimeGraph:
    """An `engines.graph.Graph` in fp32."""

    engine, precision = "onnxruntime", "fp32"

    def __init__(self, data: bytes, device: str, precision: str) -> None:
        if precision not in ("auto", "fp32"):
            raise OptionError(f"precision is {precision!r}: onnxruntime runs these graphs in fp32, use fp32 or auto")
        available = onnxruntime.get_available_providers()
        wanted = ("cuda" if has_cuda() else "cpu") if device == "auto" else device
        if PROVIDERS.get(wanted) not in available:
            raise OptionError(f"device is {device!r}: this onnxruntime has {', '.join(available)}; use cpu or auto")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.enable_mem_pattern = False  # frames may change their size
        # each graph has its own pool of threads: spinning ones would take cores from other processes
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(data, options, providers=[PROVIDERS[wanted]])
        self.device = _used(self._session)
        if device not in ("auto", self.device):  # it falls back without a word
            raise OptionError(
                f"device is {device!r}, but onnxruntime could not start it and runs on the {self.device}: install the "
                "CUDA and cuDNN libraries that this onnxruntime-gpu asks for, or use cpu or auto"
            )
        self.inputs = {
            value.name: tuple(side if isinstance(side, int) else None for side in value.shape)
            for value in self._session.get_inputs()
        }
        self.outputs = tuple(value.name for value in self._session.get_outputs())
        self.metadata = dict(self._session.get_modelmeta().custom_metadata_map)

    def run(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(self._session.run(None, dict(zip(self.inputs, inputs, strict=True))))


def _used(session: onnxruntime.InferenceSession) -> str:
    """The device that a session really runs on."""
    provider = session.get_providers()[0]
    return next((device for device, name in PROVIDERS.items() if name == provider), provider)
