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

"""train_segmenter: train a small segmenter, for the training of the task `segment`."""

from __future__ import annotations

from pathlib import Path

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.commands.stopping import stopper


def train_segmenter(pack: Path, *, output: Path, minutes: float = 5.0, width: int = 24, seed: int = 0) -> None:
    """Train a small SegFormer on the clean frames of a pack that have masks.

    Parameters
    ----------
    pack
        Clean frames and their labels, made by `pack_frames`.
    output
        Folder of the segmenter, for `train_tasks --segmenter`.
    minutes
        Duration of the training; Ctrl-C ends it early and saves it.
    width
        Channels of its first scale, a multiple of 8.
    seed
        Seed of its first weights and of its frames.
    """
    from infrared_ir_ros.training.pack import read_labels, read_pack
    from infrared_ir_ros.training.segmenter import train_segmenter as train

    loss = train(read_pack(pack), read_labels(pack), output, minutes, width, seed, stopper(0))
    print(f"{output}: loss {loss:.3f} at the end")


def main() -> None:
    run_command(train_segmenter)


if __name__ == "__main__":
    main()
