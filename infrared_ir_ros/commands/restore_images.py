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

"""Restores pictures, videos and bags: the same model and options as the node's, from files to files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from infrared_ir_ros.commands.running import run_command


def restore_images(
    input: Path,
    *,
    output: Path,
    task: str = "restore",
    tone: str = "auto",
    strength: float = 1.0,
    smoothing: float = 0.0,
    pattern_memory: Literal["off", "on"] = "off",
    counts_mapping: str = "auto",
    counts_minimum: float = 0.0,
    counts_maximum: float = 65535.0,
    counts_resolution: float = 0.01,
    prior: str = "embedded",
    prior_path: str = "",
    engine: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    prompts: str = "",
) -> int:
    """Restore thermal pictures (png, jpg, tiff, bmp), videos and bags, a file or a folder with all that is below it.

    The output keeps name, relative folder and bit depth, and loses nothing: jpg becomes png, videos and npz sequences
    become FFV1 (.mkv, .avi) or, where OpenCV cannot write that, a folder of png; a bag's first image topic becomes one,
    too. Ends with 0, with 1 if a file failed, and with 130 after Ctrl-C: what is there by then is whole.

    Parameters
    ----------
    input
        File or folder.
    output
        Folder for the restored files; may not hold the input files themselves.
    task
        What the frames are restored for: a task that the prior or the file of `prompts` knows.
    tone
        restore undoes loss of contrast and brightness, preserve keeps level and contrast, auto preserves temperatures
        (counts mapping tlinear) and restores otherwise.
    strength
        Mix of input (0) and restored frame (1).
    smoothing
        Weight of the past in the estimates of a video, 0 to 0.99.
    pattern_memory
        on: learn what stays while the camera moves, and subtract it; in videos and bags, each for itself.
    counts_mapping
        How counts map to the range that the network sees: fixed, percentile, tlinear, auto.
    counts_minimum
        Counts that map to 0 when the mapping is fixed.
    counts_maximum
        Counts that map to 1 when the mapping is fixed.
    counts_resolution
        Kelvin per count of tlinear input: 0.01 or 0.1.
    prior
        The network: embedded ships with the package; sd_turbo needs a checkpoint, imported, and torch.
    prior_path
        Folder of the prior's weights; empty: those of the package.
    engine
        What runs the network: auto, onnxruntime, openvino, torch.
    device
        Where it runs: auto, cpu, cuda.
    precision
        Numbers that it computes with: auto, fp32, fp16, bf16.
    prompts
        File with more tasks, a bank of prompts trained for this prior.
    """
    from infrared_ir_ros.commands.restore_run import restore_files
    from infrared_ir_ros.records import Counts, Options

    counts = Counts(counts_mapping, counts_minimum, counts_maximum, resolution=counts_resolution)
    options = Options(task, tone, strength, smoothing, counts, pattern_memory)
    return restore_files(input, output, options, prior, prior_path, engine, device, precision, prompts)


def main() -> None:
    """Entry point `restore_images`."""
    run_command(restore_images)


if __name__ == "__main__":
    main()
