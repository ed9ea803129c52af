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

"""Decides when a long training should save and stop."""

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
from infrared_ir_ros.signals import answer_signals, leave_terminal

STOPPING = b"\nstopping: the training is saved after this step or epoch\n"


def stopper(minutes: float) -> Callable[[], bool]:
    """A function that says whether to save and stop: after `minutes` (0: never), Ctrl-C, SIGTERM or SIGHUP.

    It handles signals from its first call on; before that there is nothing to save, and Ctrl-C ends the command at
    once. Raises OptionError for invalid minutes."""
    if not 0 <= minutes < float("inf"):
        raise OptionError(f"--minutes is {minutes}: use 0 (to the end) or more")
    deadline = time.monotonic() + 60 * minutes if minutes else float("inf")
    asked = threading.Event()

    def on_signal(number: int, _: object) -> None:
        if number == signal.SIGHUP:
            leave_terminal()
        if not asked.is_set():
            os.write(sys.stderr.fileno(), STOPPING)  # not print, which may be what was interrupted
        asked.set()

    @cache
    def listen() -> None:
        answer_signals(on_signal)

    def is_time() -> bool:
        listen()
        return asked.is_set() or time.monotonic() >= deadline

    return is_time


def tell_end(output: Path, finished: bool, next_step: str) -> None:
    """Print how a training ended; only in the first of several processes."""
    if os.environ.get("RANK", "0") == "0":
        print(f"trained: {next_step}" if finished else f"not finished: continue with --resume --output {output}")
