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

"""The semantic loss: that of a frozen detector or segmenter on the restored frame (design section 1.6).

The detector is a YOLOv8 with the loss of its own package, ultralytics. The segmenter is a SegFormer of `transformers`
(Apache-2.0). Frames are (batch, 1, height, width) in 0..1; the networks get three equal channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infrared_ir_ros.detection.files import detector_path
from infrared_ir_ros.errors import OptionError, WeightsError
from infrared_ir_ros.training.detector_network import load_network
from infrared_ir_ros.training.small_targets import SmallTargetLoss
from infrared_ir_ros.training.yolo import ultralytics

STRIDE = 32  # of the detector: sides of its frames must be multiples
DECAY = 0.9  # of the balance of gradients
IGNORED = 255  # label of pixels that are ignored
GAINS = {"box": 7.5, "cls": 0.5, "dfl": 1.5}  # of the three parts of the detector's loss, as it was trained
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, what SegFormers are trained with


class _Judgement(nn.Module):
    """The loss of a frozen network, which stays in evaluation mode to keep its normalisation statistics."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> _Judgement:
        super().train(mode)
        self.model.eval()
        return self


class DetectionLoss(_Judgement):
    """Loss of a frozen YOLOv8 on restored frames.

    model: a detection model of ultralytics (`ultralytics.nn.tasks.DetectionModel`), see `load_detection`. classes:
    the number of its classes.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.classes = len(model.names)
        if not isinstance(getattr(model, "args", None), SimpleNamespace):
            given = model.args if isinstance(getattr(model, "args", None), Mapping) else {}
            model.args = SimpleNamespace(**{**GAINS, **{k: given[k] for k in GAINS if k in given}})
        self._criterion: Any = None

    def forward(self, restored: Tensor, target: Mapping[str, Tensor]) -> Tensor:
        """Sum of box, class and distribution loss, per frame: a scalar.

        restored: sides of any size (padded to multiples of 32; boxes are adapted). target: `boxes` (n, 4), centre x,
        centre y, width, height as shares of the frame; `classes` (n,); `frames` (n,), the index in the batch.
        """
        if self._criterion is None or self._criterion.device != restored.device:
            self._criterion = ultralytics("utils.loss").v8DetectionLoss(self.model)
        padded = _padded(restored)
        shrink = restored.new_tensor([restored.shape[-1] / padded.shape[-1], restored.shape[-2] / padded.shape[-2]])
        batch = {
            "batch_idx": target["frames"].to(restored),
            "cls": target["classes"].to(restored)[:, None],
            "bboxes": target["boxes"].to(restored) * shrink.repeat(2),
        }
        answer = self.model(padded.expand(-1, 3, -1, -1))
        raw = answer[1] if isinstance(answer, tuple) else answer
        total, _ = self._criterion(raw, batch)
        return total.sum() / restored.shape[0]


class SegmentationLoss(_Judgement):
    """Cross-entropy of a frozen SegFormer (`transformers.SegformerForSemanticSegmentation`) on restored frames."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.classes: int = model.config.num_labels

    def forward(self, restored: Tensor, target: Tensor) -> Tensor:
        """target: (batch, height, width) int64 class of each pixel, 255 where unknown. A scalar."""
        logits = self.model(pixel_values=normalised(restored)).logits
        logits = F.interpolate(logits, size=target.shape[-2:], mode="bilinear", align_corners=False)
        return F.cross_entropy(logits, target.to(logits.device), ignore_index=IGNORED)


def load_detection(detector: str) -> DetectionLoss:
    """The loss of a frozen detector: `yolov8n`, the shipped one; a folder that export_detector wrote; a `.safetensors`
    beside its `.yaml`; or a `.pt` of ultralytics, which may run any code when it is loaded.

    Raises OptionError without ultralytics, WeightsError for missing or damaged files.
    """
    return DetectionLoss(load_network(detector_path(detector), allow_pickle=True).model)


def semantic_losses(detector: str = "", segmenter: Path | None = None) -> dict[str, nn.Module]:
    """The available losses by name: of planted targets, and of a detector and a segmenter, if given.

    Raises OptionError and WeightsError as `load_detection` and `load_segmenter`.
    """
    losses: dict[str, nn.Module] = {"small_target": SmallTargetLoss()}
    if detector:
        losses["detection"] = load_detection(detector)
    if segmenter is not None:
        losses["segmentation"] = SegmentationLoss(load_segmenter(segmenter))
    return losses


class GradientBalance:
    """Weight of the semantic loss that makes its gradient `share` times as large as the base loss's, after a warm-up.

    weight = share * ramp * |d base / d x| / (|d semantic / d x| + eps), x the last layer's weight or the restored frame
    (the adaptive weight of Esser et al., CVPR 2021). ramp: up to 1 over `warm_up` steps. The ratio of the norms is at
    most `limit` and smoothed over steps; the weight has no gradient.
    """

    def __init__(self, share: float, warm_up: int, limit: float) -> None:
        self.share, self.warm_up, self.limit = share, warm_up, limit
        self.ratio: float | None = None

    def ramp(self, step: int) -> float:
        """The share of the warm-up that is done at a step, 0..1."""
        return min(1.0, (step + 1) / (self.warm_up + 1))

    @property
    def active(self) -> bool:
        """Whether the semantic loss has a weight; otherwise it need not be computed."""
        return self.share > 0

    def weight(self, base: Tensor, semantic: Tensor, shared: Tensor, step: int) -> float:
        """The weight at a step, while `active`.

        base, semantic: scalar losses. shared: a tensor that both depend on, with requires_grad (the last layer's
        weight, or the restored frame). The graph is retained for the following backward pass.
        """
        norms = [_gradient_norm(loss, shared) for loss in (base, semantic)]
        ratio = min(norms[0] / (norms[1] + 1e-12), self.limit)
        self.ratio = ratio if self.ratio is None else DECAY * self.ratio + (1 - DECAY) * ratio
        return self.share * self.ramp(step) * self.ratio

    def state_dict(self) -> dict[str, float | None]:
        """The state for a checkpoint."""
        return {"ratio": self.ratio}

    def load_state_dict(self, state: Mapping[str, float | None]) -> None:
        self.ratio = state["ratio"]


def load_segmenter(path: Path | str) -> nn.Module:
    """A SegFormer from a local folder in the layout of transformers; nothing is downloaded.

    Raises OptionError if transformers is missing, WeightsError if the folder cannot be read.
    """
    try:
        from transformers import SegformerForSemanticSegmentation
    except ImportError as error:
        raise OptionError(f"a segmenter needs transformers ({error}): pip install transformers") from error
    try:
        return SegformerForSemanticSegmentation.from_pretrained(str(path), local_files_only=True)
    except (OSError, ValueError) as error:
        raise WeightsError(f"segmenter {path} can't be loaded: {error}") from error


def normalised(frames: Tensor) -> Tensor:
    """Frames (batch, 1, height, width) in 0..1 as input of a SegFormer: three channels, normalised as for ImageNet."""
    mean, spread = (frames.new_tensor(x)[:, None, None] for x in (MEAN, SPREAD))
    return (frames - mean) / spread


def _padded(frame: Tensor) -> Tensor:
    """Pad sides to multiples of STRIDE by repeating the last pixels at the bottom and the right."""
    bottom, right = (-side % STRIDE for side in frame.shape[-2:])
    return F.pad(frame, (0, right, 0, bottom), mode="replicate") if bottom or right else frame


def _gradient_norm(loss: Tensor, shared: Tensor) -> float:
    (gradient,) = torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True)
    return 0.0 if gradient is None else float(gradient.norm())
