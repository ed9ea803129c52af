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

"""restore_images: restores pictures, videos and bags, with the model and options of the node."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from infrared_ir_ros.commands.restoring import DEFAULTS, Restoring
from infrared_ir_ros.commands.running import run_command


def restore_images(
    input: Path,
    *,
    output: Path,
    task: str = "restore",
    smoothing: float = 0.0,
    passes: Literal[1, 2] = 1,
    format: Literal["auto", "video", "png"] = "auto",
    topic: str = "",
    pattern_file: str = "",
    restoring: Restoring = DEFAULTS,
) -> int:
    """Restore pictures (png, jpg, tiff, bmp, pgm, webp, npy), videos and bags: one file, or all in a folder.

    The output keeps name, relative folder and bit depth, and is lossless: jpg, pgm and webp become png; videos and npz
    sequences become FFV1 (.mkv, .avi) or, if OpenCV cannot write that, a folder of png, like the image topic of a bag.
    A frame of a video that cannot be restored, such as one of a closed shutter, is written unchanged. Ends with 0, with
    1 if a file or a part of one failed, and with 130 after Ctrl-C; files in the output are always complete.

    Parameters
    ----------
    input
        File or folder. An npy holds one frame (height, width); an npz one array (N, height, width), or `first` (height,
        width) and `delta`, the differences of the following frames.
    output
        Folder for the restored files; must not hold the input files themselves. Files of an earlier run are replaced.
    task
        What the frames are restored for: a task of the prior or of the file `prompts`.
    smoothing
        Weight of past frames in the estimates of a video, and where nothing moves, 0 to 0.99.
    passes
        2: read each video twice, first to learn the camera's fixed pattern, which is then known from the first frame
        on; turns the pattern memory on.
    format
        Format of restored videos: video (FFV1, lossless), png (a folder), auto (video if OpenCV can write it).
    topic
        Image topic of bags; empty: the first.
    pattern_file
        The camera's fixed pattern as profile_sensor or the node's ~/save_pattern wrote it: subtracted from all frames,
        which must be of its size and depth; turns the pattern memory on.
    """
    from infrared_ir_ros.commands.restore_plan import passed_over, rendered
    from infrared_ir_ros.commands.restore_run import restore_files

    options, network = restoring.options(task, smoothing), restoring.network()
    code = restore_files(input, output, options, network, passes, format, topic, pattern_file)
    for line in (passed_over(input, output), rendered(input, output)):
        if line:
            print(line)
    return code


def main() -> None:
    """Entry point `restore_images`."""
    run_command(restore_images)


if __name__ == "__main__":
    main()
