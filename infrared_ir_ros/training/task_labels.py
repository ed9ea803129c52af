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

"""The targets of the semantic losses in the scenes of a step: boxes, masks, or the places of planted targets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.training.frames import Scene
from infrared_ir_ros.training.labels import Labels, boxes_in_view, mask_in_view
from infrared_ir_ros.training.small_targets import plant
from infrared_ir_ros.training.task_config import TasksConfig


class Target(NamedTuple):
    """frames: (n,) int64, indices of the labelled frames in the batch. label: the loss's target for these n frames."""

    frames: Tensor
    label: Tensor | dict[str, Tensor]


def with_target(scenes: list[Scene], kind: str | None, labels: Labels) -> tuple[list[Scene], Target | None]:
    """The scenes, and the target of a loss of `kind`; None if no scene is labelled.

    For small_target, targets are planted into the scenes; for other kinds the scenes are unchanged.
    """
    if kind == "small_target":
        planted = [plant(scene.clean, scene.rng) for scene in scenes]
        scenes = [scene._replace(clean=clean) for scene, (clean, _) in zip(scenes, planted, strict=True)]
        return scenes, Target(torch.arange(len(scenes)), _places([scene.clean for scene in scenes], planted))
    of_kind = {"detection": labels.boxes, "segmentation": labels.masks}.get(kind or "", {})
    frames = [index for index, scene in enumerate(scenes) if scene.view and scene.view.set_name in of_kind]
    if not frames:
        return scenes, None
    known = [(of_kind[scenes[i].view.set_name][scenes[i].view.index], scenes[i]) for i in frames]
    return scenes, Target(torch.tensor(frames), _boxes(known) if kind == "detection" else _masks(known))


def check_labels(config: TasksConfig, semantic: Mapping[str, nn.Module], labels: Labels) -> None:
    """Raises OptionError if a task needs a semantic loss that is missing, or labels that its sets or model lack."""
    for task in config.tasks:
        if task.semantic is None:
            continue
        wants = f"task {task.name} needs the {task.semantic} loss"
        if task.semantic not in semantic:
            option = {"detection": ": give --detector", "segmentation": ": give --segmenter"}.get(task.semantic, "")
            raise OptionError(f"{wants}, which is not available{option}, or set semantic: null")
        if task.semantic == "small_target":
            continue
        classes = _highest_classes(task.semantic, labels, task.mix.sets)
        if not classes:
            raise OptionError(
                f"{wants}, but the pack has no labels for any of {', '.join(task.mix.sets)}: make it again with "
                "`pack_frames`, or choose sets with labels"
            )
        if max(classes) >= (known := semantic[task.semantic].classes):
            raise OptionError(f"{wants} for labels of class {max(classes)}, but the model has {known} classes, from 0")


def _highest_classes(kind: str, labels: Labels, sets: Collection[str]) -> list[int]:
    """The highest class of each set that has labels; -1 if it has no object."""
    of_kind, column = (labels.boxes, np.s_[:, 0]) if kind == "detection" else (labels.masks, np.s_[:])
    return [
        max((int(label[column].max()) for label in of_kind[name] if label.size), default=-1)
        for name in sets
        if name in of_kind
    ]


def _boxes(known: list[tuple[np.ndarray, Scene]]) -> dict[str, Tensor]:
    boxes = [boxes_in_view(of_frame, scene.view) for of_frame, scene in known]
    frames = np.repeat(np.arange(len(boxes)), [len(of_frame) for of_frame in boxes])
    together = torch.from_numpy(np.concatenate(boxes))
    return {"boxes": together[:, 1:], "classes": together[:, 0], "frames": torch.from_numpy(frames)}


def _masks(known: list[tuple[np.ndarray, Scene]]) -> Tensor:
    return torch.from_numpy(np.stack([mask_in_view(mask, s.view, *s.clean.shape) for mask, s in known])).long()


def _places(clean: list[np.ndarray], planted: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, Tensor]:
    numbered = [np.insert(places, 0, number, axis=1) for number, (_, places) in enumerate(planted)]
    frames = torch.from_numpy(np.stack(clean)[:, None] / np.float32(255))
    return {"clean": frames, "places": torch.from_numpy(np.concatenate(numbered))}
