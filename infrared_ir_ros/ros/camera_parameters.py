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

"""Every parameter of thermal_camera, once; all are read at start."""

from __future__ import annotations

from infrared_ir_ros.records import LARGEST_SIDE, SMALLEST_SIDE
from infrared_ir_ros.ros.parameter import START, Parameter
from infrared_ir_ros.simulation.camera import ENCODINGS, RAW_CORE
from infrared_ir_ros.simulation.degradation import PRESETS
from infrared_ir_ros.simulation.moving_scene import MOTIONS

CAMERA_TABLE: tuple[Parameter, ...] = tuple(
    Parameter(*row, change=START)
    for row in (
        ("source", "", "folder of pictures, picture, video, npz sequence or bag; empty: the procedural scene"),
        ("topic", "", "image topic of a bag; empty: the first"),
        ("loop", False, "begin again at the end of the source; a scene never ends"),
        ("rate", 0.0, "frames per second; 0: the source's own rate", 0.0, 1000.0),
        ("frames", 0, "frames to publish; 0: until the end of the source", 0, 2**31 - 1),
        ("width", 640, "of the scene, pixels", SMALLEST_SIDE, LARGEST_SIDE),
        ("height", 512, "of the scene, pixels", SMALLEST_SIDE, LARGEST_SIDE),
        ("seed", 0, "of the scene and of the degradation", 0, 2**31 - 1),
        ("motion", "still", "of the scene's camera: still, pan (turns) or drive", None, None, MOTIONS),
        ("pan", 0.0, "pixels by which the scene's camera turns to either side within 20 s", 0.0, 1024.0),
        ("encoding", "mono16", "of the scene: mono16 is TLinear, 0.01 K a count", None, None, ENCODINGS),
        ("degradation", "clean", f"degradation of the frames: {', '.join(PRESETS)}, {RAW_CORE}, or a profile (.yaml)"),
        ("shutter_s", 0.0, "seconds between shutter closings of raw_core; 0: no shutter", 0.0, 3600.0),
        ("frame_id", "thermal_optical_frame", "of every header"),
        ("publish_truth", False, "publish the truth topics even while nobody subscribes to them"),
        ("wait_for_subscriber_s", 0.0, "seconds to look for subscribers; the first frame comes 4 s later", 0.0, 600.0),
        ("subscribers", 1, "number of subscribers to wait for", 1, 100),
    )
)  # fmt: skip
