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

"""The signals that end a process: Ctrl-C (SIGINT), SIGTERM, and SIGHUP, which a closed terminal sends.

Imports nothing heavy: signals are caught before anything else is imported.
"""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def answer_signals(answer: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Answer all of them alike; but a process that ignores SIGHUP, as under nohup, goes on doing so."""
    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, answer)


def leave_terminal() -> None:
    """After SIGHUP: what is printed goes nowhere, since writing to a closed terminal raises an OSError."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        with suppress(OSError):  # it is not open
            if stat.S_ISCHR(os.fstat(descriptor).st_mode):  # isatty is false once the terminal is closed
                os.dup2(nowhere, descriptor)
    os.close(nowhere)
