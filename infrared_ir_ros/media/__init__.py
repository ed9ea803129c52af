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

"""Reads and writes frames: pictures, videos, npz sequences and rosbag2 bags, hostile ones included.
Needs no ROS: bags go through `rosbags`."""

from infrared_ir_ros.media.atomic import write_atomically
from infrared_ir_ros.media.frames import Frame, Source
from infrared_ir_ros.media.images import PictureFolder, read_image, write_image
from infrared_ir_ros.media.sources import open_source
from infrared_ir_ros.media.video import VideoWriter, can_write_video

__all__ = [
    "Frame",
    "PictureFolder",
    "Source",
    "VideoWriter",
    "can_write_video",
    "open_source",
    "read_image",
    "write_atomically",
    "write_image",
]
