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

"""The model, frames and loss of `train_tasks`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from torch import Tensor, nn

from infrared_ir_ros.priors.adapters import AdaptedPrior
from infrared_ir_ros.training.frames import Pairs, Scene, WholeFrames
from infrared_ir_ros.training.labels import Labels
from infrared_ir_ros.training.losses import stretched
from infrared_ir_ros.training.pack import FrameSets
from infrared_ir_ros.training.perceptual import st_lpips
from infrared_ir_ros.training.semantic import GradientBalance
from infrared_ir_ros.training.spectral import SpectralLoss
from infrared_ir_ros.training.stages import Terms, base_terms
from infrared_ir_ros.training.task_config import TaskConfig, TasksConfig
from infrared_ir_ros.training.task_labels import Target, with_target

SemanticLosses = Mapping[str, nn.Module]  # by name of SEMANTIC: (restored frames, label of the target) -> scalar


STEEPEST = 50.0  # limit of the gradient ratio: if no planted target lost contrast, the semantic gradient vanishes


class Trained(nn.Module):
    """A frozen prior with adapters, and the prompts of its tasks. of: SHA-256 of the prior's weights.safetensors."""

    def __init__(self, adapted: AdaptedPrior, prompts: dict[str, Tensor], optimise: str, of: str) -> None:
        super().__init__()
        self.adapted, self.of = adapted, of
        self.prompts = nn.ParameterDict(prompts)
        adapted.adapters.requires_grad_(optimise == "all")

    def state(self) -> dict[str, Tensor]:
        """The trained parameters, without the prior's."""
        return {name: tensor for name, tensor in self.state_dict().items() if not name.startswith("adapted._step.")}

    def parameter_groups(self, config: TasksConfig) -> list[dict]:
        groups = [{"params": list(self.prompts.values()), "lr": config.prompt_rate, "weight_decay": 0.0}]
        if config.optimise == "all":
            groups.append({"params": list(self.adapted.adapters.parameters()), "lr": config.rate})
        return groups


class TaskLoss(nn.Module):
    """A task's loss as the forward pass of a module, as data-parallel wrappers need it."""

    def __init__(self, trained: Trained, tasks: list[TaskConfig], semantic: SemanticLosses) -> None:
        super().__init__()
        self.trained = trained
        self._semantic = dict(semantic)  # a dict, so that these frozen networks are neither saved nor synchronised
        self._spectral = nn.ModuleDict({task.name: SpectralLoss(task.spectral_kind) for task in tasks if task.spectral})
        self.balances = {
            task.name: GradientBalance(task.semantic_weight, task.semantic_warm_up, STEEPEST)
            for task in tasks
            if task.semantic
        }

    def forward(
        self, clean: Tensor, degraded: Tensor, known: Target | None, task: TaskConfig, step: int
    ) -> tuple[Tensor, Terms]:
        restored = self.trained.adapted(degraded, self.trained.prompts[task.name]).float()
        terms = base_terms(restored, clean)
        final = stretched(restored)
        if task.spectral:
            terms["spectral"] = task.spectral * self._spectral[task.name](final, clean)
        if task.perceptual:
            terms["perceptual"] = task.perceptual * st_lpips().to(clean.device)(final, clean).mean()
        if task.semantic and self.balances[task.name].active:
            if known is None:
                terms["semantic"] = restored.new_zeros(())  # every process has the same terms
            else:
                semantic = self._semantic[task.semantic](final[known.frames], known.label)
                weight = self.balances[task.name].weight(sum(terms.values()), semantic, restored, step)
                terms["semantic"] = weight * semantic
        return sum(terms.values()), {name: term.detach() for name, term in terms.items()}


class TaskFrames:
    """The scenes of each step, from the mix of its task."""

    def __init__(self, config: TasksConfig, frames: FrameSets) -> None:
        self._config = config
        self._of = {
            task.name: WholeFrames(frames, task.mix, (config.seed, index)) for index, task in enumerate(config.tasks)
        }

    def count(self, step: int) -> int:
        return self._of[self._config.task_at(step).name].count(step)

    def draw(self, step: int, index: int) -> Scene:
        return self._of[self._config.task_at(step).name].draw(step, index)

    def degrade(self, scene: Scene) -> np.ndarray:
        return next(iter(self._of.values())).degrade(scene)


class TaskBatches(Pairs):
    """Batches (clean, degraded, target); target: of a semantic loss, None without labels."""

    def __init__(self, config: TasksConfig, frames: FrameSets, labels: Labels, process: int = 0) -> None:
        super().__init__(TaskFrames(config, frames), process)
        self._config, self._labels = config, labels

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor, Target | None]:
        scenes, target = with_target(self.scenes(step), self._config.task_at(step).semantic, self._labels)
        return *self.of(scenes), target


def digest(module: nn.Module) -> str:
    """SHA-256 of all of a module's tensors."""
    content = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        content.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return content.hexdigest()
