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

"""train_prior: train the embedded prior."""

from __future__ import annotations

from pathlib import Path

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.commands.stopping import stopper, tell_end


def train_prior(
    config: Path,
    *,
    pack: Path,
    output: Path,
    resume: bool = False,
    init: Path | None = None,
    minutes: float = 0.0,
) -> None:
    """Train the embedded prior: field head on thumbnails, then lines, log-SNR head and denoiser on frames.

    Several GPUs: `accelerate launch -m infrared_ir_ros.commands.train_prior ...`, several processes on CPUs:
    `torchrun --nproc_per_node 2 -m infrared_ir_ros.commands.train_prior ...`. Each takes a batch of the configuration's
    size, so two processes train like one with twice the batch.

    Parameters
    ----------
    config
        YAML file, such as config/train_prior.yaml.
    pack
        Clean frames, made by `pack_frames`.
    output
        Folder of the checkpoint, the logs (CSV, TensorBoard) and sample pictures.
    resume
        Continue from the checkpoint in `output`.
    init
        Folder of an exported prior to start from; if its denoiser has another size, from its heads alone.
    minutes
        Save and stop after this many minutes; Ctrl-C does so at any time. 0: train to the end of the schedule.
    """
    from infrared_ir_ros.restoration.weights import find_prior
    from infrared_ir_ros.training.config import read_config
    from infrared_ir_ros.training.pack import read_pack
    from infrared_ir_ros.training.train import train_prior as train

    start = find_prior("embedded", str(init)) if init else None
    finished = train(read_config(config), read_pack(pack), output, resume, stopper(minutes), start)
    tell_end(output, finished, f"export_prior {output} {config} --output FOLDER --version NAME exports its weights")


def main() -> None:
    run_command(train_prior)


if __name__ == "__main__":
    main()
