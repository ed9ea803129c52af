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

"""Records topics into a bag without decoding them; the bag appears once it is complete."""

from __future__ import annotations

import sys
from pathlib import Path

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.ros.process import catch_signals, leave, plain_arguments, run


def record(topics: list[str], /, *, output: Path) -> None:
    """Record topics into an mcap bag until Ctrl-C, SIGTERM or a closed terminal.

    Parameters
    ----------
    topics
        Topics to record. NAME:TYPE (/ir/image:sensor_msgs/msg/Image) subscribes at once, a bare NAME as soon as a
        publisher tells its type.
    output
        Folder of the bag; it must not exist yet.
    """
    from infrared_ir_ros.ros.recording import Recorder

    leave(run(lambda: Recorder(topics, output)))


def main() -> None:
    """Entry point `recorder`. Ends with 0 once the bag is complete, with 1 if it cannot be written."""
    catch_signals()
    import cyclopts

    app = cyclopts.App(name="recorder")
    app.default(record)
    try:
        words = plain_arguments()
    except OptionError as error:
        print(f"cannot start: {error}", file=sys.stderr)
        leave(1)
    try:
        app(words)
    except OSError as error:  # while printing help: its reader is gone, or the disk is full
        print(f"cannot start: {error}", file=sys.stderr)
        leave(1)


if __name__ == "__main__":
    main()
