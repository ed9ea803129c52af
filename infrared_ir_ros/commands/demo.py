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

"""Camera, restore_node and recorder as three processes, and a table of what came out.

Imports nothing heavy: Ctrl-C is to be answered in order from the start.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from infrared_ir_ros.errors import InfraredError


def demo(*, source: str = "", output: Path = Path("demo"), seconds: float = 20.0) -> int:
    """Restore a thermal camera live and show what that brings.

    Starts thermal_camera, restore_node and recorder, ends by itself, and writes the bag, a before/after picture
    and the nodes' logs.

    Parameters
    ----------
    source
        Folder of pictures, video or bag that the camera plays. Without one it films a procedural scene and degrades
        it, and the table says how near the restored frames come to the truth.
    output
        Folder for bag/, before_after.png and log/.
    seconds
        How long the camera films.
    """
    from infrared_ir_ros.commands.demo_run import run_demo

    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        run_demo(source, output, seconds)
    except InfraredError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return 130
    return 0


def stay_apart() -> None:
    """Use a DDS domain of the demo's own on this machine, unless the user chose one (to watch in RViz, for example)."""
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _leave(number: int, frame: object) -> NoReturn:
    os._exit(130)  # an exception could be swallowed by whatever is being imported


def main() -> None:
    """Entry point `demo`."""
    signal.signal(signal.SIGINT, _leave)
    signal.signal(signal.SIGTERM, _leave)
    import cyclopts

    stay_apart()
    cyclopts.run(demo)


if __name__ == "__main__":
    main()
