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
torch = pytest.importorskip("torch")

from tiny_detector import squares, tiny_detector  # noqa: E402

from infrared_ir_ros.detection import load_detector  # noqa: E402
from infrared_ir_ros.detection.architecture import Architecture  # noqa: E402
from infrared_ir_ros.detection.files import SHIPPED_DETECTOR, Description, find_detector  # noqa: E402
from infrared_ir_ros.errors import InfraredError, OptionError, WeightsError  # noqa: E402
from infrared_ir_ros.records import DetectionOptions  # noqa: E402
from infrared_ir_ros.restoration.weights import SHIPPED  # noqa: E402

TINY = Architecture(depth=0.01, width=0.01, max_channels=16)
NAMES = ("person", "car")


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


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "architecture: {family: yolov8, depth: .nan, width: 1, max_channels: 64}\nnames: [a]\nversion: 1",
        "architecture: {family: os.system, depth: 1, width: 1, max_channels: 64}\nnames: [a]\nversion: 1",
        "architecture: {depth: 1, width: 999, max_channels: 64}\nnames: [a]\nversion: 1",
        "architecture: {depth: 1, width: 1, max_channels: 64, more: 1}\nnames: [a]\nversion: 1",
        "architecture: {depth: 1, width: 1, max_channels: 64}\nnames: []\nversion: 1",
        "a: &a [x, x]\nb: &b [*a, *a]\nnames: [*b, *b]\narchitecture: {}\nversion: 1",
        "!!python/object/apply:os.system [ls]",
    ],
)
def test_a_description_that_lies_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "detector.yaml").write_text(text)
    with pytest.raises(InfraredError) as caught:
        Description.read(tmp_path / "detector.yaml")
    assert "\n" not in str(caught.value)


# ---- with the network itself, where ultralytics is installed ---------------------------------------------------------


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("ultralytics")
    from infrared_ir_ros.detection.export import export_detector

    torch.manual_seed(0)
    model = TINY.build(len(NAMES)).eval()
    for part in model.modules():
        if isinstance(part, torch.nn.BatchNorm2d):  # normalisation that does something
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 2)
    folder = tmp_path_factory.mktemp("exported") / "detector"
    export_detector(model, NAMES, folder, "7")
    return folder


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("shape", [(64, 96), (256, 320)])
def test_the_graph_finds_what_the_network_finds(exported: Path, engine: str, shape: tuple[int, int]) -> None:
    pytest.importorskip(engine)
    from infrared_ir_ros.detection.files import load_network

    frame = np.random.default_rng(1).integers(0, 255, shape, np.uint8)
    detector = load_detector(str(exported), engine=engine)
    assert detector.names == NAMES
    image = torch.from_numpy(frame / np.float32(255)).expand(1, 3, -1, -1)
    with torch.no_grad():
        answer = load_network(exported).model(image)
    answer = (answer[0] if isinstance(answer, tuple) else answer)[0].numpy()
    best = answer[4:].max()
    found = detector.detect(frame, DetectionOptions(confidence=float(0.999 * best)))
    assert found and found[0].score == pytest.approx(best, rel=2e-3)
    rows = answer[:, answer[4:].max(axis=0) >= 0.998 * best]
    x, y, w, h = rows[:4]
    corners = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], -1).clip(0, (*shape[::-1], *shape[::-1]))
    assert np.abs(corners - found[0].box).max(axis=1).min() < 0.5


def test_safetensors_and_graph_are_the_same_detector(exported: Path, tmp_path: Path) -> None:
    for name in ("detector.safetensors", "detector.yaml"):
        (tmp_path / name).write_bytes((exported / name).read_bytes())
    frame = np.random.default_rng(2).integers(0, 255, (64, 96), np.uint8)
    options = DetectionOptions(confidence=0.0, iou=1.0)
    ours, theirs = (load_detector(str(p)).detect(frame, options) for p in (exported, tmp_path / "detector.safetensors"))
    assert [each.label for each in ours] == [each.label for each in theirs]
    np.testing.assert_allclose([each.box for each in ours], [each.box for each in theirs], atol=1e-3)
    (tmp_path / "detector.safetensors").write_bytes((exported / "detector.safetensors").read_bytes()[:-100])
    with pytest.raises(WeightsError, match="don't fit"):
        find_detector(str(tmp_path / "detector.safetensors"))


def test_weights_of_another_size_are_refused(exported: Path, tmp_path: Path) -> None:
    text = (exported / "detector.yaml").read_text()
    (tmp_path / "detector.yaml").write_text(text.replace("- car\n", "- car\n- dog\n"))
    (tmp_path / "detector.safetensors").write_bytes((exported / "detector.safetensors").read_bytes())
    with pytest.raises(WeightsError, match="with 3 classes"):
        find_detector(str(tmp_path / "detector.safetensors"))


def test_a_pickle_of_ultralytics_is_exported_where_that_is_allowed(exported: Path, tmp_path: Path) -> None:
    from infrared_ir_ros.commands.export_detector import export_detector
    from infrared_ir_ros.detection.files import load_network

    model = load_network(exported).model
    model.names = dict(enumerate(NAMES))
    torch.save({"model": model, "train_args": {}}, tmp_path / "yolo.pt")
    assert load_detector(str(tmp_path / "yolo.pt"), allow_pickle=True).names == NAMES
    export_detector(tmp_path / "yolo.pt", output=tmp_path / "out", allow_pickle=True)
    assert (tmp_path / "out/detector.safetensors").read_bytes() == (exported / "detector.safetensors").read_bytes()
    (tmp_path / "bad.pt").write_bytes(b"not a pickle")
    with pytest.raises(WeightsError, match="can't be loaded as a YOLOv8"):
        find_detector(str(tmp_path / "bad.pt"), allow_pickle=True)


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
