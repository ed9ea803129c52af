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

"""Fold the prompt of a task into the weights of a prior. Needs only numpy, so that it runs on a robot.

W = W0 + scale * A C(prompt) B (design section 1.5), rounded to fp16 like W0: in `weights.safetensors`, which the torch
engine reads, and in place of the same numbers in `restore.onnx`, which the other engines read, so that all run the same
weights. The files on disk are not changed, so unfolding is exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from safetensors.numpy import load, save

from infrared_ir_ros.errors import OptionError, WeightsError, one_line
from infrared_ir_ros.restoration.prompts import PROMPT, PromptBank, read_bank
from infrared_ir_ros.restoration.tensors import read_tensors
from infrared_ir_ros.restoration.weights import PriorFiles

WEIGHTS, GRAPH, ADAPTERS, PROMPTS = "weights.safetensors", "restore.onnx", "adapters.safetensors", "prompts.safetensors"
LINEAR_LAYERS = (0, 2, 5)  # of the hypernetwork; 4 is its LayerNorm
HYPERNETWORK = tuple(f"hypernetwork.{layer}.{kind}" for layer in (0, 2, 4, 5) for kind in ("weight", "bias"))


@dataclass(frozen=True)
class Adapters:
    """The bases A (rank, in[, kh, kw]) and B (out, rank) of each layer, and the hypernetwork, all float32.

    prior: SHA-256 of the prior's weights. groups: names, in the order of the hypernetwork's operators.
    layers: the group of each adapted layer of the denoiser.
    """

    prior: str
    rank: int
    scale: float
    groups: tuple[str, ...]
    layers: dict[str, str]
    tensors: dict[str, np.ndarray]

    @classmethod
    def from_bytes(cls, data: bytes, what: str) -> Adapters:
        """Read `adapters.safetensors`. Raises WeightsError unless all that it names is present with the right shape."""
        tensors, about = read_tensors(data, what)
        try:
            adapters = cls(
                prior=str(about["prior"]),
                rank=int(about["rank"]),
                scale=float(about["scale"]),
                groups=tuple(str(group) for group in about["groups"]),
                layers={str(layer): str(group) for layer, group in about["layers"].items()},
                tensors=tensors,
            )
            adapters._check()
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise WeightsError(f"{what} lacks or misspells {error}: export the tasks again") from error
        return adapters

    def _check(self) -> None:
        """Raises KeyError or ValueError that says what is wrong."""
        rank, width = self.rank, len(self.groups) * self.rank**2
        if not 1 <= rank <= 1024 or not math.isfinite(self.scale) or not set(self.layers.values()) <= set(self.groups):
            raise ValueError(f"rank {rank}, scale {self.scale} or a group")
        shapes = [(PROMPT, PROMPT), (PROMPT,)] * 2 + [(PROMPT,)] * 2 + [(width, PROMPT), (width,)]
        expected = dict(zip(HYPERNETWORK, shapes, strict=True))
        for name, shape in expected.items():
            if self.tensors[name].shape != shape:
                raise ValueError(f"{name} of shape {self.tensors[name].shape}, which should be {shape}")
        for layer in self.layers:
            down, up = self.tensors[f"A.{layer}"], self.tensors[f"B.{layer}"]
            if down.ndim not in (2, 4) or down.shape[0] != rank or up.ndim != 2 or up.shape[1] != rank:
                raise ValueError(f"{layer} with A of {down.shape} and B of {up.shape} at rank {rank}")

    def with_bases(self, bases: Mapping[str, np.ndarray], what: str) -> Adapters:
        """These adapters with other bases A and B. Raises WeightsError for a base that does not fit."""
        for name, base in bases.items():
            if name[:2] not in ("A.", "B.") or getattr(self.tensors.get(name), "shape", None) != base.shape:
                raise WeightsError(f"{what}: {name[:80]!r} of shape {base.shape} fits no adapter of this prior")
        return replace(self, tensors={**self.tensors, **bases})

    def operators(self, prompt: np.ndarray) -> dict[str, np.ndarray]:
        """The operator C (rank, rank) of each group, by the hypernetwork of `priors/hypernetwork.py` in numpy, unless
        `prompt` already holds the operators."""
        if prompt.ndim == 3:
            return dict(zip(self.groups, prompt, strict=True))
        first, second, last = (
            (self.tensors[f"hypernetwork.{layer}.weight"], self.tensors[f"hypernetwork.{layer}.bias"])
            for layer in LINEAR_LAYERS
        )
        x = _gelu(second[0] @ _gelu(first[0] @ prompt + first[1]) + second[1])
        x = (x - x.mean()) / np.sqrt(x.var() + np.float32(1e-5))
        x = x * self.tensors["hypernetwork.4.weight"] + self.tensors["hypernetwork.4.bias"]
        flat = last[0] @ x + last[1]
        return dict(zip(self.groups, flat.reshape(len(self.groups), self.rank, self.rank), strict=True))

    def weight_change(self, layer: str, operators: dict[str, np.ndarray]) -> np.ndarray:
        """dW = scale * A C B in the shape of the layer's weight; between A and B, h_r = sum_k (A x)_k C[k, r]."""
        down, up = self.tensors[f"A.{layer}"], self.tensors[f"B.{layer}"]
        change = up @ operators[self.layers[layer]].T @ down.reshape(self.rank, -1)
        return self.scale * change.reshape(up.shape[0], *down.shape[1:])


def _gelu(x: np.ndarray) -> np.ndarray:
    return x * (0.5 + 0.5 * np.array([math.erf(value / math.sqrt(2)) for value in x], np.float32))


class Tasks:
    """The tasks of a prior, and its files with the weights of each.

    The tasks of the manifest use the weights as they are. A prior with adapters also has the tasks of its own prompts
    and of the user's bank `prompts`, which take precedence.
    """

    def __init__(self, files: PriorFiles, prompts: str = "") -> None:
        """Raises WeightsError: files damaged, or adapters or prompts of another prior."""
        self._files = files
        self._adapters: Adapters | None = None
        self._folded: dict[str, tuple[Adapters, np.ndarray]] = {}  # adapters and prompt by task
        if ADAPTERS in files.hashes:
            self._adapters = read_adapters(files)
            if PROMPTS in files.hashes:
                what = str(files.folder / PROMPTS)
                self._take(PromptBank.from_bytes(files.read(PROMPTS), what), what)
        if prompts:
            self._take(read_bank(prompts), prompts)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._files.tasks, *self._folded)))

    def fold(self, task: str) -> PriorFiles:
        """The prior's files with the weights of a task.

        Raises OptionError for an unknown task, WeightsError for files that have changed or do not fit the adapters.
        """
        if task not in self.names:
            raise OptionError(f"task is {one_line(repr(task))}: this prior knows {', '.join(self.names)}")
        if task not in self._folded:
            return self._files
        return fold(self._files, *self._folded[task])

    def _take(self, bank: PromptBank, what: str) -> None:
        if self._adapters is None:
            raise WeightsError(f"{what} holds prompts, but the prior in {self._files.folder} has no adapters for them")
        bank.check(self._files.hashes[WEIGHTS], self._files.hashes[ADAPTERS], what)
        operators = (len(self._adapters.groups), self._adapters.rank, self._adapters.rank)
        for task, prompt in bank.prompts.items():
            if prompt.ndim == 3 and prompt.shape != operators:
                raise WeightsError(f"{what}: operators of {task!r} are {prompt.shape}, the adapters have {operators}")
            self._folded[task] = (self._adapters.with_bases(bank.bases.get(task, {}), what), prompt)


def read_adapters(files: PriorFiles) -> Adapters:
    """The adapters of a prior. Raises WeightsError if there are none, or if they belong to another prior."""
    what = str(files.folder / ADAPTERS)
    adapters = Adapters.from_bytes(files.read(ADAPTERS), what)
    if adapters.prior != files.hashes.get(WEIGHTS):
        raise WeightsError(
            f"{what} belongs to the prior with SHA-256 {adapters.prior}, but {WEIGHTS} here is "
            f"{files.hashes.get(WEIGHTS)}: train the tasks again, or use the prior that they were trained with"
        )
    return adapters


def fold(files: PriorFiles, adapters: Adapters, prompt: np.ndarray) -> PriorFiles:
    """`files` with the weights W0 + scale * A C(prompt) B. Raises WeightsError.

    prompt: (512,) float32, or the operators (groups, rank, rank).
    """
    weights, graph = load(files.read(WEIGHTS)), bytearray(files.read(GRAPH))
    operators = adapters.operators(prompt)
    original = bytes(graph)
    for layer in adapters.layers:
        name = f"denoiser.{layer}.weight"
        change = adapters.weight_change(layer, operators)
        before = weights.get(name, np.empty(0, np.float16))
        if before.shape != change.shape or before.dtype != np.float16:
            raise WeightsError(f"the adapters of {layer} don't fit the prior in {files.folder}: train the tasks again")
        with np.errstate(over="ignore"):
            after = (before.astype(np.float32) + change).astype(np.float16)
        if not np.isfinite(after).all():
            raise WeightsError(f"folded weights of {layer} are beyond fp16: the training of this prompt diverged")
        start = _place(original, before.tobytes(), layer, files)
        graph[start : start + after.nbytes] = after.tobytes()
        weights[name] = after
    return replace(files, contents={WEIGHTS: save(weights), GRAPH: bytes(graph)})


def check_places(files: PriorFiles, layers: Iterable[str]) -> None:
    """Raises WeightsError unless prompts can be folded into these layers; hardly trained ones may be identical."""
    weights, graph = load(files.read(WEIGHTS)), files.read(GRAPH)
    for layer in layers:
        _place(graph, weights[f"denoiser.{layer}.weight"].tobytes(), layer, files)


def _place(graph: bytes, values: bytes, layer: str, files: PriorFiles) -> int:
    """Offset of a layer's fp16 weights in the ONNX file: export writes each large tensor there once, unchanged."""
    start = graph.find(values)
    if start < 0 or graph.find(values, start + 1) >= 0:
        found = "not" if start < 0 else "more than once"
        raise WeightsError(
            f"the weights of {layer} are {found} in {files.folder / GRAPH}: export the prior, once trained, again"
        )
    return start
