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

"""ONNX graphs on ONNX Runtime or OpenVINO: the two of a prior, and the one of a detector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from infrared_ir_ros.engines.engine import MULTIPLE, check_choices, choose, described
from infrared_ir_ros.errors import InfraredError, OptionError, WeightsError, one_line

if TYPE_CHECKING:
    from infrared_ir_ros.restoration.weights import PriorFiles


class Graph(Protocol):
    """A loaded graph.

    inputs: name -> shape, in the order of `run`; None for a dynamic side. outputs: names. metadata: of the file.
    engine, device, precision: in use.
    """

    inputs: dict[str, tuple[int | None, ...]]
    outputs: tuple[str, ...]
    metadata: dict[str, str]
    engine: str
    device: str
    precision: str

    def run(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]: ...


def load_graph(data: bytes, engine: str = "auto", device: str = "auto", precision: str = "auto") -> Graph:
    """Load the bytes of an ONNX file with inline data.

    engine: auto, onnxruntime or openvino. Raises OptionError for an unknown or unavailable engine, device or precision,
    WeightsError if the bytes are not a graph that the engine can load.
    """
    check_choices(engine, device, precision)
    if engine == "torch":
        raise OptionError("engine is 'torch': a graph runs on onnxruntime or openvino, use one of them or auto")
    chosen = choose(engine, device)
    if chosen == "torch":
        remedy = "onnxruntime-gpu, or use device: cpu" if device == "cuda" else "openvino or onnxruntime"
        raise OptionError(f"no engine for graphs on device {device!r} is installed: pip install {remedy}")
    try:
        return _graph(data, chosen, device, precision)
    except InfraredError:
        raise
    except Exception as error:  # each engine has its own exception types
        reason = one_line(error)
        raise WeightsError(f"{chosen} can't load the graph: {reason}. Export it again or use another engine") from error


class GraphEngine:
    """Runs `estimate.onnx` and `restore.onnx` of a prior. engine: onnxruntime or openvino.

    `precision: auto` means bf16 where OpenVINO runs on a processor that computes in it. Only the denoiser does then:
    tone and shading are whole levels of a frame, and would lose 0.3 dB.
    """

    multiple, candidates = MULTIPLE, None

    def __init__(self, files: PriorFiles, engine: str, device: str, precision: str) -> None:
        exact = "auto" if precision == "bf16" else precision
        self._estimate = _graph(files.read("estimate.onnx"), engine, device, exact)
        self._restore = _graph(files.read("restore.onnx"), engine, device, _of_denoiser(engine, device, precision))
        self.description = described(files, engine, self._restore.device, self._restore.precision)

    def estimate(self, frame: np.ndarray) -> tuple[np.ndarray, ...]:
        return self._estimate.run(frame)

    def restore(self, frame: np.ndarray, *estimate: np.ndarray) -> np.ndarray:
        return self._restore.run(frame, *estimate)[0]


def _of_denoiser(engine: str, device: str, precision: str) -> str:
    if (engine, precision) == ("openvino", "auto") and device in ("auto", "cpu"):
        from infrared_ir_ros.engines.openvino_engine import computes_in_bf16

        return "bf16" if computes_in_bf16() else precision
    return precision


def _graph(data: bytes, engine: str, device: str, precision: str) -> Graph:
    if engine == "openvino":
        from infrared_ir_ros.engines.openvino_engine import OpenVinoGraph

        return OpenVinoGraph(data, device, precision)
    from infrared_ir_ros.engines.onnxruntime_engine import OnnxRuntimeGraph

    return OnnxRuntimeGraph(data, device, precision)
