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

"""The network behind a detector: what describes it, and that what is exported finds what it finds."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
torch = pytest.importorskip("torch")

from infrared_ir_ros.detection import load_detector  # noqa: E402
from infrared_ir_ros.detection.files import find_detector  # noqa: E402
from infrared_ir_ros.errors import InfraredError, WeightsError  # noqa: E402
from infrared_ir_ros.records import DetectionOptions  # noqa: E402
from infrared_ir_ros.training.detector_architecture import Architecture  # noqa: E402
from infrared_ir_ros.training.detector_export import export_detector  # noqa: E402
from infrared_ir_ros.training.detector_network import Description, load_network  # noqa: E402

TINY = Architecture(depth=0.01, width=0.01, max_channels=16)
NAMES = ("person", "car")


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


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("ultralytics")
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
    from infrared_ir_ros.commands.export_detector import export_detector as command

    model = load_network(exported).model
    model.names = dict(enumerate(NAMES))
    torch.save({"model": model, "train_args": {}}, tmp_path / "yolo.pt")
    assert load_detector(str(tmp_path / "yolo.pt"), allow_pickle=True).names == NAMES
    command(tmp_path / "yolo.pt", output=tmp_path / "out", allow_pickle=True)
    assert (tmp_path / "out/detector.safetensors").read_bytes() == (exported / "detector.safetensors").read_bytes()
    (tmp_path / "bad.pt").write_bytes(b"not a pickle")
    with pytest.raises(WeightsError, match="can't be loaded as a YOLOv8"):
        find_detector(str(tmp_path / "bad.pt"), allow_pickle=True)
