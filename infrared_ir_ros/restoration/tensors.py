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

"""Named tensors and their metadata in a safetensors file; the same content gives the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from infrared_ir_ros.errors import WeightsError, one_line

LARGEST_HEADER = 1 << 20  # bytes; a hundred thousand tensors without a number in them take many seconds to read
ABOUT = "infrared_ir_ros"  # the only key of the metadata: several would be written in random order


def write_tensors(tensors: dict[str, np.ndarray], about: dict[str, Any]) -> bytes:
    """The content of the file. about: metadata, anything that JSON can hold."""
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    return save(contiguous, {ABOUT: json.dumps(about, sort_keys=True)})


def digest(tensors: Mapping[str, np.ndarray], about: dict[str, Any] | None = None) -> str:
    """SHA-256 of tensors and metadata, whatever the order of their names."""
    return hashlib.sha256(write_tensors(dict(sorted(tensors.items())), about or {})).hexdigest()


def read_tensors(data: bytes, what: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The tensors as float32, and the metadata. what: the name of the file in errors.

    Raises WeightsError: not a safetensors file of ours, numbers that are not fp16 or fp32, NaN or infinity.
    """
    size = int.from_bytes(data[:8], "little")
    try:
        if size > LARGEST_HEADER:
            raise ValueError(f"a header of {size} bytes, at most {LARGEST_HEADER} are read")
        stored = load(data)
        header = json.loads(data[8 : 8 + size])
        about = json.loads(header["__metadata__"][ABOUT])
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        reason = one_line(error)
        raise WeightsError(f"{what} is no safetensors file of this package ({reason}): export it again") from error
    if not isinstance(about, dict):
        raise WeightsError(f"{what} says {str(about)[:80]!r} about itself, not a table: export it again")
    for name, tensor in stored.items():
        if tensor.dtype not in (np.float16, np.float32):
            raise WeightsError(f"{what}: {name!r} is {tensor.dtype}, not fp16 or fp32: export it again")
        if not np.isfinite(tensor).all():
            raise WeightsError(f"{what}: {name!r} holds NaN or infinity: it is damaged, or its training diverged")
    return {name: tensor.astype(np.float32) for name, tensor in sorted(stored.items())}, about
