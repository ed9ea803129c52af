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

"""Trains a small SegFormer in minutes on frames with masks; its loss then trains the task `segment`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from infrared_ir_ros.errors import OptionError, SourceError
from infrared_ir_ros.media.atomic import write_atomically
from infrared_ir_ros.training.drawing import draw_view
from infrared_ir_ros.training.labels import Labels, mask_in_view
from infrared_ir_ros.training.pack import FrameSets
from infrared_ir_ros.training.semantic import normalised
from infrared_ir_ros.training.train import schedule

SIZES = ((120, 160, 12), (240, 320, 6))  # height, width and frames of a batch: small ones first, then the final size
SMALL_SHARE = 0.6  # of the time
RATE = 1e-3


def train_segmenter(
    frames: FrameSets,
    labels: Labels,
    folder: Path,
    minutes: float,
    width: int = 24,
    seed: int = 0,
    stop: Callable[[], bool] = lambda: False,
) -> float:
    """Train on clean frames of the sets that have masks; writes a SegFormer in the layout of transformers to `folder`.

    For frames of about 240x320. width: channels of the first scale; 24 gives 0.7 M parameters. stop: called after every
    step; True ends the training. Returns the mean loss of the last steps. Raises SourceError if there are no masks,
    OptionError for invalid numbers or if transformers is missing.
    """
    sets = {name: 1.0 for name in labels.masks if name in frames}
    if not sets:
        raise SourceError("the pack has no masks: make it again with `pack_frames`")
    if not 0 < minutes < float("inf") or width < 8 or width % 8 or seed < 0:
        raise OptionError(
            f"minutes is {minutes}, width {width} and seed {seed}: use minutes above 0, a width that is a multiple of "
            "8, and a seed of 0 or more"
        )
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = _new_model(1 + max(int(mask.max()) for name in sets for mask in labels.masks[name]), width).train()
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.01)
    losses: list[float] = []
    start, passed = time.monotonic(), 0.0
    bar = tqdm(total=round(60 * minutes), unit="s", desc="segmenter")
    while passed < 60 * minutes and not stop():
        for group in optimizer.param_groups:
            group["lr"] = RATE * schedule(passed / (60 * minutes), len(losses))
        size = SIZES[passed > SMALL_SHARE * 60 * minutes]
        loss = _loss(model, *_batch(frames, labels, sets, size, rng))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        passed = time.monotonic() - start
        bar.update(min(round(passed), bar.total) - bar.n)
        bar.set_postfix(loss=f"{losses[-1]:.3f}")
    bar.close()
    _save(model, folder)
    return float(np.mean(losses[-50:]))


def _new_model(classes: int, width: int) -> nn.Module:
    try:
        from transformers import SegformerConfig, SegformerForSemanticSegmentation
    except ImportError as error:
        raise OptionError(f"a segmenter needs transformers ({error}): pip install transformers") from error
    config = SegformerConfig(
        num_labels=classes, depths=[1, 1, 2, 1], hidden_sizes=[width, 2 * width, 4 * width, 4 * width],
        num_attention_heads=[1, 2, 4, 4], decoder_hidden_size=2 * width,
    )  # fmt: skip
    return SegformerForSemanticSegmentation(config)


def _batch(
    frames: FrameSets, labels: Labels, sets: dict[str, float], size: tuple[int, int, int], rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Frames (batch, 1, height, width) in 0..1 and the class of each pixel."""
    height, width, batch = size
    clean, masks = [], []
    for _ in range(batch):
        image, view = draw_view(frames, sets, rng, height, width)
        clean.append(image / np.float32(255))
        masks.append(mask_in_view(labels.masks[view.set_name][view.index], view, height, width))
    return torch.from_numpy(np.stack(clean)[:, None]), torch.from_numpy(np.stack(masks)).long()


def _loss(model: nn.Module, clean: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy plus one minus the mean Dice coefficient of the classes, for small objects (Milletari 2016)."""
    logits = model(pixel_values=normalised(clean)).logits
    logits = F.interpolate(logits, size=masks.shape[-2:], mode="bilinear", align_corners=False)
    truth = F.one_hot(masks, logits.shape[1]).movedim(-1, 1).float()
    share = logits.softmax(1)
    dice = 2 * (share * truth).sum((0, 2, 3)) / (share + truth).sum((0, 2, 3)).clamp_min(1)
    return F.cross_entropy(logits, masks) + 1 - dice.mean()


def _save(model: nn.Module, folder: Path) -> None:
    from safetensors.torch import save

    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    write_atomically(folder / "model.safetensors", save(tensors, {"format": "pt"}))
    write_atomically(folder / "config.json", model.config.to_json_string().encode())
