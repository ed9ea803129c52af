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

"""make_bag: makes a bag from pictures, a video, another bag, or the simulated scene."""

from __future__ import annotations

from pathlib import Path

from infrared_ir_ros.commands.running import run_command


def make_bag(
    input: str,
    *,
    output: Path,
    storage: str = "mcap",
    rate: float = 0.0,
    encoding: str = "mono16",
    degradation: str = "clean",
    frames: int = 0,
    compressed: bool = False,
    topic: str = "/ir/image",
    frame_id: str = "thermal_optical_frame",
    input_topic: str = "",
    width: int = 640,
    height: int = 512,
    seed: int = 0,
) -> int:
    """Make a rosbag2 bag of thermal frames with camera_info.

    For the scene it also holds truth/clean, truth/temperature and truth/boxes, beside the image topic; for degraded
    frames truth/clean. Ends with 0, with 1 if that fails or a part of the input could not be read, and with 130 after
    Ctrl-C. The bag is complete, or does not exist.

    Parameters
    ----------
    input
        Folder of pictures, picture, video, npz sequence or bag; or the word `scene`.
    output
        The bag's folder; must not exist.
    storage
        mcap or sqlite3.
    rate
        Frames per second; 0: the input's own.
    encoding
        Encoding of the scene: mono16 (TLinear, 0.01 K per count) or mono8; other inputs keep their own.
    degradation
        Degradation of the frames: clean, or a preset such as sensor_normal or hm_tir_hard.
    frames
        Number of frames at most; 0: all of the input, 300 of the scene.
    compressed
        Write sensor_msgs/CompressedImage (lossless png) to TOPIC/compressed instead of sensor_msgs/Image.
    topic
        Image topic; camera_info and truth are its neighbours.
    frame_id
        frame_id of every header.
    input_topic
        Image topic of an input bag; empty: the first.
    width
        Width of the scene, pixels.
    height
        Height of the scene, pixels.
    seed
        Seed of the scene and of the degradation.
    """
    from infrared_ir_ros.commands.bag_run import Form, film, write_bag

    form = Form(topic, frame_id, compressed)
    take = film(input, input_topic, rate, frames, encoding, degradation, (height, width), seed)
    count = write_bag(take, output, storage, form)
    print(f"{count} frames in {output}")
    return 1 if take.problems else 0


def main() -> None:
    """Entry point `make_bag`."""
    run_command(make_bag)


if __name__ == "__main__":
    main()
