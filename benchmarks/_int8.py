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

"""The shipped prior in int8: ONNX Runtime's static quantisation after training, which OpenVINO runs, too."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from infrared_ir_ros.engines import create_engine
from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import Restorer
from infrared_ir_ros.restoration.folding import ADAPTERS, PROMPTS, Tasks
from infrared_ir_ros.restoration.weights import SHIPPED, find_prior
from infrared_ir_ros.simulation import degrade, layout, stretch

GRAPH = "restore.onnx"
PRESETS = ("hm_tir_normal", "hm_tir_hard", "hm_tir_single", "sensor_light", "sensor_normal", "sensor_hard")
SHAPE = (256, 320)
SCENES, FIRST_SEED = 3, 1000  # per preset, other frames than those compared later
KEPT = ("stem", "head", "context")  # first and last layer, and the 1x1 layers on means: cheap and sensitive


def write_int8(folder: Path) -> None:
    """Write the shipped prior into `folder`, folded for its default task, its denoiser's 3x3 convolutions in int8.

    Weights are quantised per channel, activations per tensor by their extremes.
    """
    shutil.copytree(SHIPPED / "embedded", folder, ignore=shutil.ignore_patterns(ADAPTERS, PROMPTS))
    prepared, graph = folder / "prepared.onnx", folder / GRAPH
    graph.write_bytes(Tasks(find_prior("embedded")).fold(Options().task).read(GRAPH))
    quant_pre_process(graph, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared, graph, Calibration(), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=not _has_vnni(),
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_quantize=_convolutions(prepared),
    )  # fmt: skip
    prepared.unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] = {name: digest for name, digest in manifest["files"].items() if (folder / name).exists()}
    manifest["files"][GRAPH] = hashlib.sha256(graph.read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


class Calibration(CalibrationDataReader):
    """The denoiser's inputs for degraded procedural frames."""

    def __init__(self) -> None:
        self._inputs = _inputs()

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The inputs of the next frame by name; None after the last."""
        return next(self._inputs, None)


class _Tap:
    """An engine that records the inputs of its restore."""

    def __init__(self) -> None:
        files = find_prior("embedded")
        self._engine = create_engine(files, "onnxruntime")
        self.names = [value.name for value in onnx.load_from_string(files.read(GRAPH)).graph.input]
        self.description = self._engine.description
        self.multiple, self.candidates = self._engine.multiple, self._engine.candidates
        self.estimate = self._engine.estimate
        self.given: dict[str, np.ndarray] = {}

    def restore(self, frame: np.ndarray, *estimate: np.ndarray) -> np.ndarray:
        self.given = dict(zip(self.names, (frame, *estimate), strict=True))
        return self._engine.restore(frame, *estimate)


def _inputs() -> Iterator[dict[str, np.ndarray]]:
    tap = _Tap()
    restorer = Restorer(tap)
    for seed in range(FIRST_SEED, FIRST_SEED + SCENES):
        clean = stretch(layout(np.random.default_rng(seed), *SHAPE))
        for preset in PRESETS:
            restorer.restore(degrade(clean, preset, np.random.default_rng(seed)).astype(np.uint8))
            restorer.reset()
            yield tap.given


def _convolutions(graph: Path) -> list[str]:
    nodes = [node.name for node in onnx.load(graph).graph.node if node.op_type == "Conv" and "denoiser" in node.name]
    return [name for name in nodes if not any(part in name for part in KEPT)]


def _has_vnni() -> bool:
    """Without it, products of int8 overflow unless the weights are of 7 bits."""
    try:
        return "vnni" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
