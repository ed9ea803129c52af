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

"""Prompts of tasks: 512 numbers each, valid only for the prior and the adapters that they were trained with.

A task that was adapted further has, instead of a prompt, the operators that the hypernetwork would make of one, and may
have its own bases A and B.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from infrared_ir_ros.errors import OptionError, WeightsError
from infrared_ir_ros.restoration.tensors import digest, read_tensors, write_tensors
from infrared_ir_ros.restoration.weights import read_regular

PROMPT = 512
LARGEST_BANK = 1 << 26  # bytes
REMEDY = "give the prompts.safetensors that adapt_prompt wrote"
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
OWN = ":"  # in the file, between a task and the name of its own base


def check_name(task: str) -> None:
    """Raises OptionError for a task that no bank can hold: names become those of files and parameters."""
    if not NAME.fullmatch(task):
        raise OptionError(
            f"the task is named {task[:80]!r}: use a lower-case letter, then up to 63 letters, digits and _"
        )


@dataclass(frozen=True)
class PromptBank:
    """prior, adapters: SHA-256 of the prior's weights.safetensors and adapters.safetensors that the prompts belong to.

    prompts: (512,) float32 by task, or its operators C, (groups, rank, rank). bases: by task, its own A and B by their
    names in `adapters.safetensors`, all float32. Raises OptionError for an invalid name, prompt or base.
    """

    prior: str
    adapters: str
    prompts: Mapping[str, np.ndarray] = field(default_factory=dict)
    bases: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for task, prompt in self.prompts.items():
            check_name(task)
            operators = prompt.ndim == 3 and prompt.shape[1] == prompt.shape[2]
            if not (prompt.shape == (PROMPT,) or operators) or not np.isfinite(prompt).all():
                raise OptionError(
                    f"the prompt of {task!r} has the shape {prompt.shape}: give {PROMPT} finite numbers in one row, or "
                    "a square operator for each block group"
                )
        if strangers := set(self.bases) - set(self.prompts):
            raise OptionError(f"there are bases for {', '.join(sorted(strangers))[:200]}, but no such task")

    def with_prompt(self, task: str, prompt: np.ndarray, bases: Mapping[str, np.ndarray] | None = None) -> PromptBank:
        """This bank with one more task, or with another prompt for one that it has."""
        prompts = {**self.prompts, task: np.array(prompt, np.float32)}
        others = {name: own for name, own in self.bases.items() if name != task}
        own = {task: {name: np.array(base, np.float32) for name, base in bases.items()}} if bases else {}
        return PromptBank(self.prior, self.adapters, prompts, others | own)

    def check(self, prior: str, adapters: str, what: str) -> None:
        """WeightsError, with both hashes, unless the prompts belong to this prior and these adapters."""
        for kind, ours, theirs in (("prior", self.prior, prior), ("adapters", self.adapters, adapters)):
            if ours != theirs:
                raise WeightsError(
                    f"{what} belongs to the {kind} with SHA-256 {ours}, but in use is {theirs}: "
                    f"train its prompts again, or use the {kind} that they were trained with"
                )

    def to_bytes(self) -> bytes:
        """The bank as a safetensors file; write it with `write_atomically`."""
        tensors = {task: np.asarray(prompt, np.float32) for task, prompt in self.prompts.items()}
        for task, bases in self.bases.items():
            tensors |= {f"{task}{OWN}{name}": np.asarray(base, np.float32) for name, base in bases.items()}
        about = {"kind": "prompts", "prior": self.prior, "adapters": self.adapters}
        return write_tensors(tensors, about | {"sha256": digest(tensors)})

    @classmethod
    def from_bytes(cls, data: bytes, what: str) -> PromptBank:
        """Read a bank. what: names the file in errors. Raises WeightsError if it holds none."""
        tensors, about = read_tensors(data, what)
        prior, adapters = about.get("prior"), about.get("adapters")
        if about.get("kind") != "prompts" or not isinstance(prior, str) or not isinstance(adapters, str):
            raise WeightsError(f"{what} is no bank of prompts: give a prompts.safetensors")
        if "sha256" in about and about["sha256"] != digest(tensors):  # older files have none
            raise WeightsError(
                f"{what} is damaged: its numbers are not those that were written; copy or train it again"
            )
        prompts = {name: tensor for name, tensor in tensors.items() if OWN not in name}
        bases: dict[str, dict[str, np.ndarray]] = {}
        for name in tensors.keys() - prompts.keys():
            task, _, base = name.partition(OWN)
            bases.setdefault(task, {})[base] = tensors[name]
        try:
            return cls(prior, adapters, prompts, bases)
        except OptionError as error:
            raise WeightsError(f"{what}: {error}") from error


def read_bank(path: str) -> PromptBank:
    """The bank in a file. Raises WeightsError: missing, too large, no bank."""
    return PromptBank.from_bytes(read_regular(Path(path), LARGEST_BANK, REMEDY), path)
