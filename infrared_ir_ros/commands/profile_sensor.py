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

"""profile_sensor: measures a thermal sensor on its own frames, as a table and as a degradation preset."""

from __future__ import annotations

from pathlib import Path

from infrared_ir_ros.commands.running import run_command


def profile_sensor(input: Path, *, output: Path, topic: str = "", frames: int = 256, camera: str = "") -> int:
    """Measure noise over time, fixed pattern, stripes, dead pixels, drift and shutter events of a sensor.

    Prints a table and writes profile.png and profile.yaml, which can be used as a degradation preset (make_bag,
    thermal_camera, evaluate_bag). Film a still scene, or better, turn the camera slowly over a structured one, since a
    still scene looks like fixed pattern. With --camera, the node's pattern memory learns what stays while the scene
    moves, and writes it as camera.pattern, which the node loads (parameter pattern_file). Ends with 0, with 1 if a part
    of the input could not be read or nothing could be measured, and with 130 after Ctrl-C.

    Parameters
    ----------
    input
        Bag, video, npz sequence or folder of pictures, at least 8 frames of one size.
    output
        Folder for the files.
    topic
        Image topic of a bag; empty: the first.
    frames
        Number of frames to measure at most; of large frames, as many as 512 MiB of grey levels hold (102 of 1280x1024).
    camera
        Name of the camera, like the node's parameter camera_name or the frame_id of its frames: write its pattern to
        camera.pattern.
    """
    from infrared_ir_ros.commands.profile_run import profile

    return profile(input, output, topic, frames, camera)


def main() -> None:
    """Entry point `profile_sensor`."""
    run_command(profile_sensor)


if __name__ == "__main__":
    main()
