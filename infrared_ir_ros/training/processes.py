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

"""Threads and processes of a training."""

from __future__ import annotations

from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor


def use_threads(count: int) -> None:
    """Set the number of threads that torch computes with in this process."""
    torch.set_num_threads(count)


def start_processes(precision: str, handlers: list[Any] | None = None) -> Accelerator:
    """Join the processes that a launcher started, if any. precision: fp32 or bf16, of forward passes.

    handlers: of accelerate. Without a GPU, processes communicate over gloo; accelerate does that only if told to stay
    on the CPU, and would otherwise let each process train by itself.
    """
    return Accelerator(
        cpu=not torch.accelerator.is_available(),
        mixed_precision="bf16" if precision == "bf16" else "no",
        kwargs_handlers=handlers,
    )


def agree(
    accelerator: Accelerator, terms: dict[str, Tensor], seconds: float, stop: bool
) -> tuple[dict[str, Tensor], float, bool]:
    """Loss terms and seconds, averaged over processes, and whether any of them should stop; the same in all."""
    if accelerator.num_processes == 1:
        return terms, seconds, stop
    own = torch.stack([*terms.values(), *torch.tensor([seconds, float(stop)], device=accelerator.device)])
    means = accelerator.reduce(own, "mean")
    return dict(zip(terms, means, strict=False)), float(means[-2]), bool(means[-1] > 0)
