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

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from infrared_ir_ros.detection import load_detector  # noqa: E402
from infrared_ir_ros.errors import WeightsError  # noqa: E402
from infrared_ir_ros.training import semantic  # noqa: E402
from infrared_ir_ros.training.semantic import DetectionLoss, GradientBalance, SegmentationLoss, load_detection  # noqa: E402
from infrared_ir_ros.training.yolo import load_yolo  # noqa: E402

LIMIT = 1e4  # of the weight


@pytest.fixture
def restored() -> torch.Tensor:
    return torch.rand(2, 1, 64, 80, generator=torch.Generator().manual_seed(0)).requires_grad_()


def boxes(width: float = 0.98) -> dict[str, torch.Tensor]:
    """Boxes about as large as an untrained detector's own, or it would not see that they are there."""
    return {
        "boxes": torch.tensor([[0.5, 0.5, width, 0.98], [0.5, 0.5, 0.9, 0.9]]),
        "classes": torch.tensor([0, 1]),
        "frames": torch.tensor([0, 1]),
    }


@pytest.fixture(scope="module")
def detector() -> DetectionLoss:
    pytest.importorskip("ultralytics")
    torch.manual_seed(0)
    return DetectionLoss(load_yolo("yolov8n.yaml"))


@pytest.fixture(scope="module")
def segmenter() -> SegmentationLoss:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.SegformerConfig(
        num_labels=2, depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 16, 16], num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=16,
    )  # fmt: skip
    return SegmentationLoss(transformers.SegformerForSemanticSegmentation(config))


def assert_only_the_frame_learns(loss: torch.nn.Module, restored: torch.Tensor, target: object) -> None:
    before = {name: value.clone() for name, value in loss.state_dict().items()}
    loss.train()
    value = loss(restored, target)
    value.backward()
    assert value.ndim == 0 and value.isfinite() and value > 0
    assert restored.grad.isfinite().all() and restored.grad.abs().sum() > 0
    assert all(torch.equal(before[name], after) for name, after in loss.state_dict().items())
    assert all(parameter.grad is None for parameter in loss.parameters())


def test_a_frozen_detector_teaches_the_frame(detector: DetectionLoss, restored: torch.Tensor) -> None:
    assert_only_the_frame_learns(detector, restored, boxes())


def test_the_shipped_detector_teaches_under_its_own_class_names(restored: torch.Tensor) -> None:
    pytest.importorskip("ultralytics")
    shipped = load_detection("yolov8n")
    assert list(shipped.model.names.values()) == list(load_detector("yolov8n").names)
    assert_only_the_frame_learns(shipped, restored, boxes())


def test_a_missing_detector_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="there is no detector '.*/none'"):
        load_detection(str(tmp_path / "none"))


def test_a_frame_without_objects_has_a_loss_too(detector: DetectionLoss, restored: torch.Tensor) -> None:
    nothing = {"boxes": torch.zeros(0, 4), "classes": torch.zeros(0), "frames": torch.zeros(0)}
    assert detector(restored, nothing).isfinite()


def test_the_detector_cares_where_the_boxes_are(detector: DetectionLoss, restored: torch.Tensor) -> None:
    with torch.no_grad():
        assert detector(restored, boxes()) != detector(restored, boxes(0.7))


def test_a_frozen_segmenter_teaches_the_frame(segmenter: SegmentationLoss, restored: torch.Tensor) -> None:
    mask = torch.zeros(2, 64, 80, dtype=torch.long)
    mask[:, 20:40, 30:60] = 1
    assert_only_the_frame_learns(segmenter, restored, mask)


def test_unknown_pixels_teach_nothing(segmenter: SegmentationLoss, restored: torch.Tensor) -> None:
    mask = torch.zeros(2, 64, 80, dtype=torch.long)
    with torch.no_grad():
        whole = segmenter(restored, mask)
        mask[:, 32:] = semantic.IGNORED
        half = segmenter(restored, mask)
        logits = segmenter.model(pixel_values=semantic.normalised(restored)).logits
        upper = torch.nn.functional.interpolate(logits, size=(64, 80), mode="bilinear")[:, :, :32]
        expected = torch.nn.functional.cross_entropy(upper, mask[:, :32])
    assert half == pytest.approx(float(expected), rel=1e-5) and half != whole


def test_the_balance_makes_both_gradients_equally_strong() -> None:
    shared = torch.tensor([1.0, 2.0], requires_grad=True)
    base, other = (shared * torch.tensor([3.0, 4.0])).sum(), (shared * torch.tensor([0.0, 0.5])).sum()
    balance = GradientBalance(0.5, 0, LIMIT)
    assert balance.weight(base, other, shared, 0) == pytest.approx(0.5 * 5 / 0.5)
    (base + other).backward()  # the graph is still there


def test_the_weight_rises_over_the_warm_up() -> None:
    shared = torch.ones(1, requires_grad=True)
    balance = GradientBalance(1.0, 4, LIMIT)
    weights = [balance.weight(shared.sum(), shared.sum(), shared, step) for step in (0, 2, 4, 99)]
    assert weights == pytest.approx([0.2, 0.6, 1, 1])


def test_a_vanishing_semantic_gradient_does_not_blow_up_the_weight() -> None:
    shared = torch.ones(1, requires_grad=True)
    assert GradientBalance(1.0, 0, limit=100).weight(shared.sum(), 0 * shared.sum(), shared, 0) == 100


def test_the_balance_resumes_where_it_was() -> None:
    shared = torch.ones(1, requires_grad=True)
    first, second = GradientBalance(1.0, 0, LIMIT), GradientBalance(1.0, 0, LIMIT)
    first.weight(3 * shared.sum(), shared.sum(), shared, 0)
    second.load_state_dict(first.state_dict())
    weights = [balance.weight(shared.sum(), shared.sum(), shared, 1) for balance in (first, second)]
    assert weights[0] == weights[1] == pytest.approx(0.9 * 3 + 0.1)


def test_ultralytics_is_imported_only_when_a_detector_is_asked_for() -> None:
    code = "import sys, infrared_ir_ros.training.semantic; print('ultralytics' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_missing_weights_are_named(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(WeightsError, match="segmenter .*nowhere can't be loaded"):
        semantic.load_segmenter(tmp_path / "nowhere")
