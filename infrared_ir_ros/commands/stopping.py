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

"""When a training that may go on for hours should save and stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from infrared_ir_ros.errors import OptionError

STOPPING = b"\nstopping: what was learned is saved at the end of this step, or of this epoch\n"


def stopper(minutes: float) -> Callable[[], bool]:
    """Whether it is time to save and stop: after so many minutes (0: never), or after Ctrl-C or SIGTERM.

    From the first time on that it is asked: until then there is nothing to save, and Ctrl-C ends the command at once.
    Raises OptionError for minutes that are none."""
    if not 0 <= minutes < float("inf"):
        raise OptionError(f"--minutes is {minutes}: use 0 (to the end) or more")
    deadline = time.monotonic() + 60 * minutes if minutes else float("inf")
    asked = threading.Event()

    def on_signal(*_: object) -> None:
        if not asked.is_set():
            os.write(sys.stderr.fileno(), STOPPING)  # print may be what was interrupted
        asked.set()

    @cache
    def listen() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, on_signal)

    def is_time() -> bool:
        listen()
        return asked.is_set() or time.monotonic() >= deadline

    return is_time


def tell_end(output: Path, finished: bool, next_step: str) -> None:
    """Say how a training ended: once, where a launcher started several processes."""
    if os.environ.get("RANK", "0") == "0":
        print(f"trained: {next_step}" if finished else f"not finished: go on with --resume --output {output}")
