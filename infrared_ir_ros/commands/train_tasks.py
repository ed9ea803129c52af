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

"""train_tasks: train the tasks of a prior."""

from __future__ import annotations

from pathlib import Path

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.commands.stopping import stopper, tell_end


def train_tasks(
    config: Path,
    *,
    pack: Path,
    output: Path,
    prior_path: str = "",
    resume: bool = False,
    init: str = "",
    detector: str = "",
    segmenter: Path | None = None,
    minutes: float = 0.0,
) -> None:
    """Train the tasks of the embedded prior: adapters and hypernetwork shared by all tasks, and a prompt for each.

    The prior's own weights are not changed. When the training ends or is stopped, the prior with its tasks is written
    to the folder `prior` in `output`, for the parameter prior_path.

    Parameters
    ----------
    config
        YAML file, such as config/train_tasks.yaml.
    pack
        Clean frames, made by `pack_frames`.
    output
        Folder of the checkpoint, the logs (CSV, TensorBoard), sample pictures and the prior with its tasks.
    prior_path
        Folder of the exported prior; empty: the one of the package.
    resume
        Continue from the checkpoint in `output`.
    init
        Folder of an earlier state of the prior with tasks, whose adapters and prompts to start from.
    detector
        For tasks with `semantic: detection`: yolov8n (the shipped one), a folder that export_detector wrote, or a .pt
        of ultralytics. Such a file is a pickle, which may run any code: only from people you trust.
    segmenter
        Folder of a SegFormer of transformers (`train_segmenter` makes one), for tasks with `semantic: segmentation`.
    minutes
        Save and stop after this many minutes; Ctrl-C does so at any time. 0: train to the end of the schedule.
    """
    from infrared_ir_ros.restoration.weights import find_prior
    from infrared_ir_ros.training.pack import read_labels, read_pack
    from infrared_ir_ros.training.semantic import semantic_losses
    from infrared_ir_ros.training.task_config import read_tasks_config
    from infrared_ir_ros.training.tasks import train_tasks as train

    files = find_prior("embedded", prior_path)
    start = find_prior("embedded", init) if init else None
    finished = train(
        read_tasks_config(config), read_pack(pack), files, output, resume, stopper(minutes),
        semantic=semantic_losses(detector, segmenter), init=start, labels=read_labels(pack),
    )  # fmt: skip
    tell_end(output, finished, f"{output / 'prior'} is the prior with its tasks, for prior_path")


def main() -> None:
    run_command(train_tasks)


if __name__ == "__main__":
    main()
