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

"""demo: runs camera, restore_node and recorder as three processes, and prints a table of the results."""

from __future__ import annotations

import os
from pathlib import Path

from infrared_ir_ros.commands.running import run_command


def demo(*, source: str = "", output: Path = Path("demo"), seconds: float = 20.0) -> None:
    """Restore a simulated thermal camera live and show the effect.

    Starts thermal_camera, restore_node and recorder, and writes the bag, a before/after picture and the nodes' logs.
    Ends with 0, with 1 if that fails, and with 130 after Ctrl-C.

    Parameters
    ----------
    source
        Folder of pictures, video or bag that the camera plays. Without one it simulates a raw, uncalibrated core that
        drives through a street; the pattern memory is on, and the table compares restored frames with the truth.
    output
        Folder for bag/, before_after.png, log/ and, without a SOURCE, raw_camera.png: the first seconds.
    seconds
        Duration, at most that of SOURCE.
    """
    from infrared_ir_ros.commands.demo_run import run_demo

    run_demo(source, output, seconds)


def stay_apart() -> None:
    """Use a separate, local DDS domain unless the user chose one (to watch in RViz, say)."""
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")


def main() -> None:
    """Entry point `demo`."""
    stay_apart()
    run_command(demo)


if __name__ == "__main__":
    main()
