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

"""The process of thermal_camera: catches signals first, then imports and runs the node."""

from __future__ import annotations

from infrared_ir_ros.ros.process import catch_signals, leave

ABOUT = "A simulated camera: publishes a procedural scene, or recorded frames, on the topic image."


def main(args: list[str] | None = None) -> None:
    """Entry point `thermal_camera`. Ends with 0 on SIGINT, SIGTERM, SIGHUP and after its last frame, with 1 when its
    source cannot be read."""
    catch_signals()
    from infrared_ir_ros.ros.camera import CameraNode
    from infrared_ir_ros.ros.camera_parameters import CAMERA_TABLE
    from infrared_ir_ros.ros.manual import Manual
    from infrared_ir_ros.ros.process import run

    leave(run(CameraNode, args, Manual("thermal_camera", ABOUT, CAMERA_TABLE)))


if __name__ == "__main__":
    main()
