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

"""What may be given to `load_restorer`, and what it refuses."""

import gc
import hashlib
import json
import os
import shutil
import weakref
from pathlib import Path

import pytest

from infrared_ir_ros.errors import OptionError, WeightsError
from infrared_ir_ros.restoration import Restorer, load_restorer
from infrared_ir_ros.restoration.weights import SHIPPED


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"engine": "abacus"}, "engine is 'abacus'"),
        ({"device": "moon"}, "device is 'moon'"),
        ({"precision": "fp4"}, "precision is 'fp4'"),
        ({"prior": "sd_huge"}, "prior is 'sd_huge'"),
        ({"prior": "sd_turbo"}, "'sd_turbo' without prior_path: give the folder"),
        ({"engine": "onnxruntime", "precision": "bf16"}, "precision is 'bf16'"),
    ],
)
def test_unknown_choices_are_refused_with_their_value(choice: dict, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        load_restorer(**choice)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED / "embedded", tmp_path / "prior"))


def load_copy(folder: Path) -> Restorer:
    return load_restorer(prior_path=str(folder), engine="onnxruntime")


def test_prior_path_loads_a_folder(copied: Path) -> None:
    assert load_copy(copied).description["weights"] == load_restorer(engine="onnxruntime").description["weights"]


def test_missing_weights_name_the_path(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="manifest.json can't be read"):
        load_copy(tmp_path / "nowhere")


@pytest.mark.parametrize("position", [0, 100, 5000, -1])
def test_a_flipped_bit_is_found_and_both_hashes_shown(copied: Path, position: int) -> None:
    path = copied / "restore.onnx"
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match="SHA-256 is [0-9a-f]{64}, the manifest says [0-9a-f]{64}"):
        load_copy(copied)


def forge(folder: Path, name: str, data: bytes) -> None:
    """Put other content under a manifest that vouches for it, as a careless or hostile author would."""
    (folder / name).write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256(data).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_truncated_and_foreign_graphs_are_refused(copied: Path) -> None:
    whole = (copied / "restore.onnx").read_bytes()
    for data in (b"", b"not a graph", whole[: len(whole) // 2], (copied / "estimate.onnx").read_bytes()):
        forge(copied, "restore.onnx", data)
        with pytest.raises(WeightsError):
            load_copy(copied)


def test_external_data_is_refused(copied: Path) -> None:
    forge(
        copied, "restore.onnx", (copied / "restore.onnx").read_bytes() + b"\x6a\x17\x0a\x08location\x12\x0b/etc/passwd"
    )
    with pytest.raises(WeightsError, match="other files"):
        load_copy(copied)


def test_a_fifo_or_folder_in_place_of_weights_does_not_hang(copied: Path) -> None:
    (copied / "estimate.onnx").unlink()
    os.mkfifo(copied / "estimate.onnx")
    with pytest.raises(WeightsError, match="not a regular file"):
        load_copy(copied)
    (copied / "estimate.onnx").unlink()
    (copied / "estimate.onnx").mkdir()
    with pytest.raises(WeightsError, match="not a regular file"):
        load_copy(copied)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"name": "embedded"}', "[" * 100000, '{"files": 3}'])
def test_broken_manifests_are_refused(copied: Path, content: str) -> None:
    (copied / "manifest.json").write_text(content)
    with pytest.raises(WeightsError, match="manifest.json"):
        load_copy(copied)


@pytest.mark.parametrize(("name", "digest"), [("../estimate.onnx", "0" * 64), ("estimate.onnx", "\x1b[2J")])
def test_a_manifest_may_not_name_files_elsewhere_nor_with_odd_hashes(copied: Path, name: str, digest: str) -> None:
    manifest = json.loads((copied / "manifest.json").read_text())
    manifest["files"][name] = digest
    (copied / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match="names the file") as caught:
        load_copy(copied)
    assert str(caught.value).isprintable()


def test_a_manifest_of_another_prior_or_without_a_file_is_refused(copied: Path) -> None:
    manifest = json.loads((copied / "manifest.json").read_text())
    for change, message in (({"name": "sd_turbo"}, "holds the prior 'sd_turbo', not 'embedded'"),
                            ({"files": {}}, "manifest.json names no ")):  # fmt: skip
        (copied / "manifest.json").write_text(json.dumps(manifest | change))
        with pytest.raises(WeightsError, match=message):
            load_copy(copied)


def test_engines_go_with_their_restorer() -> None:
    """A node that is configured again and again must not wait for a collection of cycles to free hundreds of MB."""
    restorer = load_restorer(engine="onnxruntime")
    engine = weakref.ref(restorer._switch.current.engine)
    gc.disable()
    try:
        del restorer
        assert engine() is None
    finally:
        gc.enable()
