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

"""Banks of prompts belong to one prior and its adapters; hostile files are refused; tasks switch between two frames."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infrared_ir_ros.engines import Engine
from infrared_ir_ros.errors import OptionError, WeightsError
from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import Restorer, load_restorer
from infrared_ir_ros.restoration import tensors as safetensors_file
from infrared_ir_ros.restoration.library import Library, open_library
from infrared_ir_ros.restoration.prompts import PROMPT, PromptBank
from infrared_ir_ros.restoration.tensors import read_tensors, write_tensors

ONES = np.ones(PROMPT, np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from tiny_tasks import write_prior

    return write_prior(tmp_path_factory.mktemp("prior")).folder


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def load(folder: Path, prompts: Path | str = "", task: str = "restore") -> Restorer:
    return load_restorer(prior_path=str(folder), engine="onnxruntime", options=Options(task), prompts=str(prompts))


def frame(seed: int = 0) -> np.ndarray:
    unit = np.random.default_rng(seed).random((64, 64)) * 0.2 + np.linspace(0, 0.8, 64)
    return (29000 + 2000 * unit).astype(np.uint16)


def hashes(folder: Path) -> tuple[str, str]:
    names = ("weights.safetensors", "adapters.safetensors")
    return tuple(hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names)  # type: ignore[return-value]


def forge(folder: Path, name: str, data: bytes) -> None:
    """Other content that the manifest vouches for."""
    (folder / name).write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256(data).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_users_bank_adds_tasks_and_one_of_others_is_refused_with_both_hashes(folder: Path, tmp_path: Path) -> None:
    prior, adapters = hashes(folder)
    mine = tmp_path / "mine.safetensors"
    mine.write_bytes(PromptBank(prior, adapters, {"my_drone": -ONES}).to_bytes())
    restored = load(folder, mine, "my_drone").restore(frame())
    assert restored.task == "my_drone"
    assert not np.array_equal(restored.image, load(folder).restore(frame()).image)
    with pytest.raises(OptionError, match="task is 'my_drone': this prior knows restore, detect"):
        load(folder, task="my_drone")
    for wrong, ours in ((PromptBank("f" * 64, adapters), prior), (PromptBank(prior, "f" * 64), adapters)):
        mine.write_bytes(wrong.with_prompt("my_drone", ONES).to_bytes())
        with pytest.raises(WeightsError, match=f"SHA-256 {'f' * 64}.*{ours}"):
            load(folder, mine)


def test_operators_and_bases_that_do_not_fit_are_refused(folder: Path, tmp_path: Path) -> None:
    empty, mine = PromptBank(*hashes(folder)), tmp_path / "mine.safetensors"
    operators = np.zeros((6, 4, 4), np.float32)
    mine.write_bytes(empty.with_prompt("none", operators).to_bytes())
    assert np.array_equal(
        load(folder, mine, "none").restore(frame()).image, load(folder.parent / "plain").restore(frame()).image
    )
    wrong = {
        "the adapters have": empty.with_prompt("x", operators[:5]),
        "fits no adapter": empty.with_prompt("x", ONES, {"A.stem": ONES}),
        "'C.stem'": empty.with_prompt("x", ONES, {"C.stem": ONES}),
    }
    for says, bank in wrong.items():
        mine.write_bytes(bank.to_bytes())
        with pytest.raises(WeightsError, match=says):
            load(folder, mine)


def test_a_prior_without_adapters_takes_no_prompts(folder: Path, tmp_path: Path) -> None:
    plain, mine = folder.parent / "plain", tmp_path / "mine.safetensors"
    assert load(plain).restore(frame()).task == "restore"
    mine.write_bytes(PromptBank(*hashes(folder), {"detect": ONES}).to_bytes())
    with pytest.raises(WeightsError, match="has no adapters"):
        load(plain, mine)


def test_odd_paths_of_a_bank_do_not_hang(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path, says in (
        (tmp_path / "fifo", "regular file"),
        (tmp_path, "regular"),
        (tmp_path / "none", "can't be read"),
    ):
        with pytest.raises(WeightsError, match=says):
            load(folder, path)


def test_a_bank_of_a_hundred_thousand_names_is_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {f"a{number}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for number in range(100_000)}
    header = json.dumps(names).encode()
    monkeypatch.setattr(safetensors_file, "load", lambda _: pytest.fail("read"))
    with pytest.raises(WeightsError, match=f"a header of {len(header)} bytes, at most 1048576"):
        PromptBank.from_bytes(len(header).to_bytes(8, "little") + header, "bank")


def changed_adapters(data: bytes) -> dict[str, tuple[bytes, str]]:
    tensors, about = read_tensors(data, "adapters")
    tensors = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    fewer = {name: tensor for name, tensor in tensors.items() if name != "A.stem"}
    last = "hypernetwork.5.weight"
    return {
        "of another prior": (write_tensors(tensors, about | {"prior": "f" * 64}), "f" * 64),
        "a layer missing": (write_tensors(fewer, about), "A.stem"),
        "a wide hypernetwork": (write_tensors(tensors | {last: tensors[last][1:]}, about), last),
        "rank of another": (write_tensors(tensors, about | {"rank": 5}), "lacks or misspells"),
        "huge rank": (write_tensors(tensors, about | {"rank": 2**70}), "lacks or misspells"),
        "a group of none": (write_tensors(tensors, about | {"groups": about["groups"][:-1]}), "lacks or misspells"),
        "groups as a number": (write_tensors(tensors, about | {"groups": 6}), "lacks or misspells"),
        "a layer of another network": (
            write_tensors(
                tensors | {"A.tail": tensors["A.stem"], "B.tail": tensors["B.stem"]},
                about | {"layers": about["layers"] | {"tail": "mid"}},
            ),
            "don't fit the prior",
        ),
        "a scale beyond fp16": (write_tensors(tensors, about | {"scale": 1e9}), "beyond fp16"),
        "NaN": (write_tensors(tensors | {"A.stem": tensors["A.stem"] * np.float16(np.nan)}, about), "NaN"),
    }


def test_changed_adapters_are_refused(copied: Path) -> None:
    prior, _ = hashes(copied)
    for name, (data, says) in changed_adapters((copied / "adapters.safetensors").read_bytes()).items():
        forge(copied, "adapters.safetensors", data)
        digest = hashlib.sha256(data).hexdigest()
        forge(copied, "prompts.safetensors", PromptBank(prior, digest, {"restore": ONES}).to_bytes())
        with pytest.raises(WeightsError, match=says):
            load(copied)
            pytest.fail(f"{name} was taken")


def test_a_flipped_bit_is_found(copied: Path) -> None:
    for name in ("adapters.safetensors", "prompts.safetensors"):
        good = (copied / name).read_bytes()
        (copied / name).write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        with pytest.raises(WeightsError, match="SHA-256 is [0-9a-f]{64}, the manifest says [0-9a-f]{64}"):
            load(copied)
        (copied / name).write_bytes(good)


# ---- the switch -----------------------------------------------------------------------------------------------------


class Workshop:
    """Makes a task's engine only when it is let, and can be told to fail."""

    def __init__(self, engines: dict[str, Engine]) -> None:
        self.engines, self.asked = engines, []
        self.may, self.fails = threading.Event(), False

    def __call__(self, task: str) -> Engine:
        self.asked.append(task)
        assert self.may.wait(60)
        if self.fails:
            raise WeightsError("the disk is gone")
        return self.engines[task]


@pytest.fixture
def workshop(folder: Path) -> Workshop:
    return Workshop({task: load(folder, task=task)._switch.current.engine for task in ("restore", "detect")})


@pytest.fixture
def switching(workshop: Workshop) -> Restorer:
    return Restorer(workshop.engines["restore"], Options(), Library(("restore", "detect"), workshop))


def test_frames_go_on_for_the_old_task_until_the_new_one_is_ready(switching: Restorer, workshop: Workshop) -> None:
    references = {task: Restorer(engine).restore(frame()).image for task, engine in workshop.engines.items()}
    switching.options = Options("detect")
    for _ in range(3):
        old = switching.restore(frame())
        assert old.task == "restore" and np.array_equal(old.image, references["restore"])
    workshop.may.set()
    switching.wait_for_task(60)
    new = switching.restore(frame())
    assert new.task == switching.description["task"] == "detect" and np.array_equal(new.image, references["detect"])
    assert not np.array_equal(*references.values())


def test_no_frame_of_the_old_task_is_mixed_into_those_of_the_new_one(switching: Restorer, workshop: Workshop) -> None:
    alone = {task: Restorer(engine).restore(frame()).image.astype(int) for task, engine in workshop.engines.items()}
    for task in workshop.engines:
        switching.options = Options(task, smoothing=0.9)
        workshop.may.set()
        switching.wait_for_task(60)
        first = switching.restore(frame()).image
    assert np.abs(first - alone["detect"]).max() <= 1 < np.abs(first - alone["restore"]).max()


def test_the_newest_wish_wins(switching: Restorer, workshop: Workshop) -> None:
    for task in ("detect", "restore", "detect", "restore"):
        switching.options = Options(task)
    workshop.may.set()
    switching.wait_for_task(60)
    assert switching.restore(frame()).task == "restore"
    switching.options = Options("detect")
    switching.wait_for_task(60)
    switching.options = Options("restore", strength=0.5)  # before a frame has taken it
    switching.wait_for_task(60)
    assert switching.restore(frame()).task == "restore" and switching.failure == ""


def test_a_fold_that_fails_is_told_and_the_old_task_stays(switching: Restorer, workshop: Workshop) -> None:
    workshop.fails = True
    workshop.may.set()
    switching.options = Options("detect")
    switching.wait_for_task(60)
    assert switching.failure == "task 'detect' can't be folded, 'restore' stays: the disk is gone"
    assert switching.restore(frame()).task == "restore"
    workshop.fails = False
    switching.options = replace(switching.options)  # asked again
    switching.wait_for_task(60)
    assert switching.restore(frame()).task == "detect" and switching.failure == ""


def test_a_program_that_ends_waits_for_the_fold() -> None:
    """ONNX Runtime would abort it: a thread that is ended inside of it cannot be unwound."""
    script = """
import time
from infrared_ir_ros.restoration.task_switch import Loaded, TaskSwitch

def make():
    time.sleep(0.5)
    print("made", flush=True)

TaskSwitch(Loaded("restore", None)).want("detect", make)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "made\n", "")


def test_another_library_is_taken_between_two_frames(folder: Path, tmp_path: Path) -> None:
    mine, empty = tmp_path / "mine.safetensors", PromptBank(*hashes(folder))
    seen, restorer = [], load(folder)
    for prompt in (-ONES, np.linspace(-2, 2, PROMPT, dtype=np.float32)):  # the second time under the same name
        mine.write_bytes(empty.with_prompt("my_drone", prompt).to_bytes())
        library = open_library(prior_path=str(folder), engine="onnxruntime", prompts=str(mine))
        with pytest.raises(OptionError, match="task is 'juggle'"):
            restorer.take(library, Options("juggle"))
        restorer.take(library, Options("my_drone"))
        restorer.wait_for_task(60)
        seen.append(restorer.restore(frame()).image)
        assert np.array_equal(seen[-1], load(folder, mine, "my_drone").restore(frame()).image)
    assert not np.array_equal(*seen)
