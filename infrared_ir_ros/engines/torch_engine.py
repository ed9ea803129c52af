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

"""torch: the reference for the other engines, on any device of torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from infrared_ir_ros.engines.engine import MULTIPLE, described
from infrared_ir_ros.errors import OptionError, WeightsError, one_line
from infrared_ir_ros.priors import EmbeddedPrior

if TYPE_CHECKING:
    from infrared_ir_ros.restoration.weights import PriorFiles

TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class TorchEngine:
    """Runs `weights.safetensors` in the torch module. wiener: without the network (v = 0), for comparisons."""

    multiple, candidates = MULTIPLE, None

    def __init__(self, files: PriorFiles, device: str, precision: str, wiener: bool = False) -> None:
        device = torch_device(device)
        precision = "fp32" if precision == "auto" else precision
        self._device, self._type = torch.device(device), TYPES[precision]
        self._prior = load_prior(files).to(self._device, memory_format=torch.channels_last).eval()
        if wiener:
            self._prior.denoise = self._prior.wiener
        self.description = described(files, "torch", device, precision)

    def estimate(self, frame: np.ndarray) -> tuple[np.ndarray, ...]:
        return self._run(self._prior.estimate, frame)

    def restore(self, frame: np.ndarray, *estimate: np.ndarray) -> np.ndarray:
        return self._run(lambda *tensors: (self._prior.restore(*tensors),), frame, *estimate)[0]

    @torch.inference_mode()
    def _run(self, function: Callable[..., tuple[Tensor, ...]], *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        tensors = [torch.from_numpy(array).to(self._device) for array in arrays]
        with torch.autocast(self._device.type, self._type, enabled=self._type != torch.float32):
            return tuple(tensor.float().cpu().numpy() for tensor in function(*tensors))


def torch_device(device: str) -> str:
    """`cpu` or `cuda`; `auto` prefers `cuda`. Raises OptionError for a device that torch does not have here."""
    available = ("cuda", "cpu") if torch.cuda.is_available() else ("cpu",)
    if device != "auto" and device not in available:
        raise OptionError(f"device is {device!r}: torch has {' and '.join(available)} here")
    return available[0] if device == "auto" else device


def load_prior(files: PriorFiles) -> EmbeddedPrior:
    """The torch module with the weights of a prior, in fp32. Raises WeightsError if they do not fit the constructor."""
    try:
        tensors = load(files.read("weights.safetensors"))
        _check_fit(files.constructor, tensors)
        prior = EmbeddedPrior(**files.constructor)
        prior.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (RuntimeError, TypeError, ValueError, OSError, SafetensorError) as error:
        reason = one_line(error)
        raise WeightsError(f"{files.folder}/weights.safetensors does not fit its manifest: {reason}") from error
    return prior


def _check_fit(constructor: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Raises ValueError if the tensors cannot belong to this constructor, before it builds a network of absurd size.

    A layer of n channels has n x n weights for each of its 9 taps, and no two layers share a tensor.
    """
    widest = int((sum(tensor.numel() for tensor in tensors.values()) / 9) ** 0.5)
    for name, value in constructor.items():
        largest = widest if isinstance(value, list | tuple) else len(tensors)
        for number in value if isinstance(value, list | tuple) else [value]:
            if not isinstance(number, int) or not 1 <= number <= largest:
                raise ValueError(f"{name} is {value!r}: with these tensors, whole numbers from 1 to {largest}")
