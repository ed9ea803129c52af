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

"""Writes a trained prior: safetensors in fp16, two ONNX graphs, a manifest with their hashes."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from safetensors.torch import save
from torch import Tensor, nn

from infrared_ir_ros.priors.embedded import EmbeddedPrior
from infrared_ir_ros.priors.halves import store_in_half
from infrared_ir_ros.priors.manifest import write_with_manifest
from infrared_ir_ros.restoration.folding import ADAPTERS, GRAPH, PROMPTS, WEIGHTS
from infrared_ir_ros.restoration.prompts import PromptBank
from infrared_ir_ros.restoration.weights import MANIFEST, PriorFiles

OPSET = 17
OUTPUTS = ("gain", "offset", "shading", "columns", "rows", "log_snr_bands", "log_snr")


class _Method(nn.Module):
    """A method of the prior as the forward pass of a module, as the exporter needs it."""

    def __init__(self, prior: EmbeddedPrior, method: Callable) -> None:
        super().__init__()
        self.prior = prior
        self._method = method

    def forward(self, *inputs: Tensor) -> Any:
        return self._method(*inputs)


def export_prior(prior: EmbeddedPrior, constructor: dict[str, Any], folder: Path, version: str) -> None:
    """Write `weights.safetensors`, `estimate.onnx`, `restore.onnx` and `manifest.json` into `folder`.

    Weights are rounded to fp16 first, so that torch and the graphs compute with the same numbers.
    """
    prior = prior.eval().float()
    with torch.no_grad():
        for tensor in (*prior.parameters(), prior.latent_scale):
            tensor.copy_(tensor.half().float())
    state = {name: tensor.half().contiguous() for name, tensor in prior.state_dict().items()}
    files = {
        WEIGHTS: save(state),
        "estimate.onnx": _graph(prior, prior.estimate, ("frame",), OUTPUTS),
        GRAPH: _graph(prior, prior.restore, ("frame", *OUTPUTS[:6]), ("restored",)),
    }
    manifest = {
        "name": "embedded",
        "version": version,
        "tasks": ["restore"],
        "constructor": constructor,
    }
    write_with_manifest(folder, files, manifest)


def export_tasks(files: PriorFiles, adapters: bytes, prompts: dict[str, np.ndarray], folder: Path) -> None:
    """Write the prior with its tasks into `folder`: `files` unchanged, adapters, prompts, a manifest of all of them.

    adapters: `adapters.safetensors`, trained on this prior. prompts: (512,) float32 by task.
    """
    contents = {name: files.read(name) for name in files.hashes if name not in (ADAPTERS, PROMPTS)}
    contents[ADAPTERS] = adapters
    bank = PromptBank(files.hashes[WEIGHTS], hashlib.sha256(adapters).hexdigest(), prompts)
    contents[PROMPTS] = bank.to_bytes()
    write_with_manifest(folder, contents, json.loads((files.folder / MANIFEST).read_bytes()))


def _graph(prior: EmbeddedPrior, method: Callable, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> bytes:
    frame = torch.rand(1, 1, 128, 160)
    estimate = dict(zip(OUTPUTS, prior.estimate(frame), strict=True))
    example = tuple({"frame": frame, **estimate}[name].detach() for name in inputs)
    sizes = {
        "frame": {2: "height", 3: "width"},
        "columns": {3: "width"},
        "rows": {2: "height"},
        "restored": {2: "height", 3: "width"},
    }
    buffer = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the traced values do not depend on the size of the frame
        torch.onnx.export(
            _Method(prior, method), example, buffer, input_names=list(inputs), output_names=list(outputs),
            dynamic_axes={name: axes for name, axes in sizes.items() if name in (*inputs, *outputs)},
            opset_version=OPSET, dynamo=False,
        )  # fmt: skip
    model = onnx.load_from_string(buffer.getvalue())
    store_in_half(model)
    onnx.checker.check_model(model)
    return model.SerializeToString()
