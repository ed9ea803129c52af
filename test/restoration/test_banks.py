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

"""The file of a bank of prompts: what comes back from it, and what is refused."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from infrared_ir_ros.errors import OptionError, WeightsError
from infrared_ir_ros.media.atomic import write_atomically
from infrared_ir_ros.restoration.prompts import PROMPT, PromptBank
from infrared_ir_ros.restoration.tensors import write_tensors

ONES = np.ones(PROMPT, np.float32)


def test_a_bank_comes_back_from_its_file(tmp_path: Path) -> None:
    bank = PromptBank("a" * 64, "b" * 64).with_prompt("restore", ONES).with_prompt("my_drone_2", 2 * ONES)
    write_atomically(tmp_path / "bank.safetensors", bank.to_bytes())
    again = PromptBank.from_bytes((tmp_path / "bank.safetensors").read_bytes(), "bank")
    assert (again.prior, again.adapters, list(again.prompts)) == ("a" * 64, "b" * 64, sorted(bank.prompts))
    assert all(np.array_equal(again.prompts[task], prompt) for task, prompt in bank.prompts.items())
    assert bank.to_bytes() == again.to_bytes()


def test_operators_and_bases_come_back_too(tmp_path: Path) -> None:
    operators, bases = np.ones((6, 4, 4), np.float32), {"A.stem": np.ones((4, 3), np.float32)}
    bank = PromptBank("a", "b").with_prompt("plain", ONES).with_prompt("mine", operators, bases)
    again = PromptBank.from_bytes(bank.to_bytes(), "bank")
    assert list(again.prompts) == ["mine", "plain"] and list(again.bases) == ["mine"]
    assert np.array_equal(again.prompts["mine"], operators)
    assert np.array_equal(again.bases["mine"]["A.stem"], bases["A.stem"])
    assert not again.with_prompt("mine", ONES).bases


@pytest.mark.parametrize("task", ["", "Detect", "../detect", "a b", "9x", "x" * 65, "ä"])
def test_bad_names_are_refused(task: str) -> None:
    with pytest.raises(OptionError, match="the task is named"):
        PromptBank("a", "b").with_prompt(task, ONES)


@pytest.mark.parametrize("prompt", [np.ones(511), np.ones((1, 512)), np.full(512, np.nan), np.ones((6, 4, 5))])
def test_bad_prompts_are_refused(prompt: np.ndarray) -> None:
    with pytest.raises(OptionError, match="512 finite numbers"):
        PromptBank("a", "b").with_prompt("detect", prompt)


def hostile_banks() -> dict[str, bytes]:
    """Files that are no banks, or banks that nobody should write."""
    about = {"kind": "prompts", "prior": "a", "adapters": "b"}
    good = PromptBank("a", "b", {"detect": ONES}).to_bytes()
    return {
        "empty": b"",
        "pickle": pickle.dumps({"detect": ONES}),
        "header of 2^63": b"\xff" * 8 + b"{}",
        "deep header": (20000).to_bytes(8, "little") + b"[" * 20000,
        "cut": good[:-7],
        "a flipped bit": good[:-7] + bytes([good[-7] ^ 1]) + good[-6:],
        "no metadata": save({"detect": ONES}),
        "metadata of others": save({"detect": ONES}, {"format": "pt"}),
        "a list about itself": write_tensors({"detect": ONES}, []),  # type: ignore[arg-type]
        "other kind": write_tensors({"detect": ONES}, about | {"kind": "adapters"}),
        "a number as hash": write_tensors({"detect": ONES}, about | {"prior": 3}),
        "integers": write_tensors({"detect": np.ones(512, np.int64)}, about),
        "NaN": write_tensors({"detect": ONES * np.nan}, about),
        "NaN in a base": write_tensors({"detect": ONES, "detect:A.stem": ONES * np.nan}, about),
        "short": write_tensors({"detect": ONES[1:]}, about),
        "bad name": write_tensors({"../x": ONES}, about),
        "bases of no task": write_tensors({"x:A.stem": ONES}, about),
    }


@pytest.mark.parametrize("name", hostile_banks())
def test_hostile_banks_are_refused(name: str) -> None:
    with pytest.raises(WeightsError, match="bank.safetensors"):
        PromptBank.from_bytes(hostile_banks()[name], "bank.safetensors")
