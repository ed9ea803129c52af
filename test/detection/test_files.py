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

"""Where a detector comes from: files and folders, each checked; pickles only where they are allowed."""

import hashlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("torch")

from tiny_detector import squares, tiny_detector  # noqa: E402

from infrared_ir_ros.detection import load_detector  # noqa: E402
from infrared_ir_ros.detection.files import (  # noqa: E402
    LONGEST_NAME,
    MOST_NAMES,
    SHIPPED_DETECTOR,
    checked_names,
    find_detector,
)
from infrared_ir_ros.errors import OptionError, WeightsError  # noqa: E402
from infrared_ir_ros.restoration.weights import SHIPPED  # noqa: E402


def _folder(path: Path, data: bytes, **manifest: object) -> Path:
    path.mkdir()
    (path / "detector.onnx").write_bytes(data)
    files = {"detector.onnx": hashlib.sha256(data).hexdigest()}
    (path / "manifest.json").write_text(json.dumps({"files": files} | manifest))
    return path


def test_a_folder_is_checked_against_its_manifest(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "good", tiny_detector())
    assert load_detector(str(folder)).names == ("hot", "warm")
    data = bytearray(tiny_detector())
    data[len(data) // 2] ^= 1
    (folder / "detector.onnx").write_bytes(bytes(data))
    with pytest.raises(WeightsError, match="is damaged or not the file that its manifest names"):
        find_detector(str(folder))
    with pytest.raises(WeightsError, match="is damaged or not the file that its manifest names"):
        find_detector(str(folder / "detector.onnx"))


def test_a_graph_that_was_flipped_or_cut_is_refused_or_detects(tmp_path: Path) -> None:
    """At 64 places, without a manifest to tell; a process that ends is no answer."""
    path, whole, refused = tmp_path / "detector.onnx", tiny_detector(), 0
    for place in np.linspace(1, len(whole) - 1, 64).astype(int):
        flipped = bytearray(whole)
        flipped[place] ^= 0x10
        for data in (bytes(flipped), whole[:place]):
            path.write_bytes(data)
            try:
                load_detector(str(path), engine="onnxruntime").detect(squares())
            except WeightsError:
                refused += 1
    assert refused >= 64  # of 128: all that are cut short, at least


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"files": 3}', "[" * 100000, '{"files": {"other": "0"}}'])
def test_a_folder_with_another_manifest_is_refused(manifest: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(WeightsError, match="export"):
        find_detector(str(tmp_path))


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    for name in ("pipe.onnx", "missing.onnx", "missing", "missing.safetensors"):
        with pytest.raises(WeightsError, match="give detector.model the path") as caught:
            find_detector(str(tmp_path / name))
        assert str(tmp_path / name) in str(caught.value)
    with pytest.raises(WeightsError):
        find_detector(str(tmp_path))


def test_tensors_outside_the_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "detector.onnx"
    path.write_bytes(tiny_detector() + b"\x6a\x08location")
    with pytest.raises(WeightsError, match="in other files"):
        find_detector(str(path))


def test_a_file_that_is_there_is_not_said_to_be_missing(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    engine = tmp_path / "yolov8n.engine"
    with pytest.raises(WeightsError, match="there is no detector '.*yolov8n.engine'"):
        find_detector(str(engine))
    engine.write_bytes(b"of another program")
    with pytest.raises(WeightsError, match="yolov8n.engine is neither a folder nor an .onnx, .safetensors or .pt"):
        find_detector(str(engine))


def test_the_shipped_detector_goes_by_its_name() -> None:
    """Its folder may be deleted, since its licence is not the package's."""
    if not (SHIPPED / f"detector_{SHIPPED_DETECTOR}").exists():
        with pytest.raises(WeightsError, match="there is no detector"):
            find_detector(SHIPPED_DETECTOR)
        return
    detector = load_detector(SHIPPED_DETECTOR)
    assert detector.names == ("person", "car", "bicycle", "other_vehicle")
    assert "GNU AFFERO" in (SHIPPED / f"detector_{SHIPPED_DETECTOR}" / "LICENSE").read_text()


class _Payload:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:  # type: ignore[type-arg]
        return os.mkdir, (str(self.path),)


def test_a_pickle_is_not_loaded_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "yolo.pt"
    path.write_bytes(pickle.dumps(_Payload(tmp_path / "touched")))
    with pytest.raises(OptionError, match="is a pickle, which runs code.*detector.allow_pickle"):
        find_detector(str(path))
    assert not (tmp_path / "touched").exists()
    with pytest.raises(WeightsError, match="none.pt can't be read"):
        find_detector(str(tmp_path / "none.pt"))


def test_the_command_wants_permission_too(tmp_path: Path) -> None:
    (tmp_path / "yolo.pt").write_bytes(pickle.dumps(_Payload(tmp_path / "touched")))
    command = [sys.executable, "-m", "infrared_ir_ros.commands.export_detector", "yolo.pt", "-o", str(tmp_path / "out")]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and "is a pickle" in done.stderr
    assert not (tmp_path / "touched").exists() and not (tmp_path / "out").exists()


def test_neither_torch_nor_ultralytics_is_imported_for_a_graph(tmp_path: Path) -> None:
    (tmp_path / "detector.onnx").write_bytes(tiny_detector())
    code = (
        "import sys; from infrared_ir_ros.detection import load_detector; load_detector('detector.onnx'); "
        "print({'torch', 'ultralytics', 'onnx'} & set(sys.modules))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("names", [["x"], ["traffic light", "ä" * LONGEST_NAME], [str(n) for n in range(MOST_NAMES)]])
def test_names_of_one_class_or_many_are_kept(names: list[str]) -> None:
    assert checked_names(names) == tuple(names)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "0 classes: 1 to 1000 are possible"),
        ([str(n) for n in range(MOST_NAMES + 1)], "1001 classes"),
        (["x" * (LONGEST_NAME + 1)], "short printable text"),
        (["  "], "short printable text"),
        (["a\nb"], "short printable text"),
        ([7], "short printable text"),
        (["a", "b", "a"], "the same name"),
    ],
)
def test_names_that_cannot_be_shown_or_told_apart_are_refused(names: list[object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        checked_names(names)
