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

"""train_detector: train a detector for restored frames."""

from __future__ import annotations

from pathlib import Path

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.commands.stopping import stopper, tell_end


def train_detector(config: Path, *, data: Path, output: Path, resume: bool = False, minutes: float = 0.0) -> None:
    """Train a detector on labelled frames, unchanged and degraded and restored.

    It needs ultralytics, which is AGPL-3.0, as are the weights: `run/weights/best.pt` in `output`.

    Parameters
    ----------
    config
        YAML file, such as config/train_detector.yaml.
    data
        Folder with `images` and `labels` in the layout of YOLO.
    output
        Folder of the tiles, the checkpoints and the log.
    resume
        Continue from the last epoch in `output`.
    minutes
        Save and stop after the first epoch that ends after this many minutes; Ctrl-C does so at any time. 0: train to
        the end of the schedule.
    """
    from infrared_ir_ros.training.detector import train_detector as train
    from infrared_ir_ros.training.detector_config import read_detector_config

    best, finished = train(read_detector_config(config), data, output, resume, stopper(minutes))
    tell_end(output, finished, f"export_detector {best} --allow-pickle --output FOLDER exports it for the node")


def main() -> None:
    run_command(train_detector)


if __name__ == "__main__":
    main()
