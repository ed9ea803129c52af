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

"""Runs console commands, and defines how they end: never with a traceback.

0: done. 1: failed, in part or as a whole, with one line on stderr that says why. 2: an option is unknown or missing.
130: Ctrl-C, SIGTERM or a closed terminal; written files are complete, and no half-written ones remain.

Imports nothing heavy, and neither do the modules of the commands, so that Ctrl-C is handled from the start.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import is_dataclass
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import NoReturn, get_type_hints

from infrared_ir_ros.errors import InfraredError, OptionError
from infrared_ir_ros.signals import answer_signals, leave_terminal

MISSPELT = 2
INTERRUPTED = 130  # as in shells: 128 plus the number of SIGINT
KNOCK_AGAIN = 0.02  # seconds


def run_command(command: Callable[..., int | None]) -> NoReturn:
    """Run a typed function as a console command, and exit with the code that it returns (None: 0).

    The fields of a dataclass parameter become options, too.

    The first Ctrl-C, SIGTERM or SIGHUP raises KeyboardInterrupt in the command, which tidies up undisturbed by further
    ones, and may raise it again with a message to show.
    """
    answer_signals(_on_signal)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # like stderr: names of files may hold any bytes
    code: int | str | None
    try:
        code = _parse_and_call(command)
        print(end="", flush=True)
    except InfraredError as error:
        code = f"{command.__name__}: {error}"
    except OSError as error:  # usually of stdout: its reader is gone, or the disk is full
        code = f"{command.__name__}: {error}"
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # otherwise Python tries again when it exits
    except KeyboardInterrupt as interrupt:
        answer_signals(signal.SIG_IGN)
        print(f"{command.__name__}: interrupted", *interrupt.args, file=sys.stderr)
        code = INTERRUPTED
        exec("")  # otherwise `python -m` dies of SIGINT if the last `exec`, as in a dataclass, was interrupted
    answer_signals(signal.SIG_IGN)
    sys.exit(code)


def _parse_and_call(command: Callable[..., int | None]) -> int | None:
    import cyclopts

    for kind in filter(is_dataclass, get_type_hints(command).values()):
        cyclopts.Parameter(name="*")(kind)
    try:
        app = cyclopts.App(name=command.__name__, default_command=command)
        words = _words(sys.argv[1:])
        chosen, bound, _ = app.parse_args(words, exit_on_error=False)
    except cyclopts.CycloptsError as error:  # cyclopts has printed it
        if isinstance(error, cyclopts.UnusedCliTokensError):
            several = "too many arguments; instead of several files (or a pattern such as *.png), name their folder"
            print(f"{command.__name__}: {several}", file=sys.stderr)
        return MISSPELT
    _refuse_empty_paths(words, [*bound.args, *bound.kwargs.values()])
    return chosen(*bound.args, **bound.kwargs)


def _refuse_empty_paths(words: list[str], values: list[object]) -> None:
    """Raises OptionError for an empty path (an unset shell variable), which pathlib takes as the current folder."""
    given = [word.partition("=")[2] if word.startswith("--") and "=" in word else word for word in words]
    if Path() in values and "" in given and not any(text and Path(text) == Path() for text in given):
        raise OptionError("a path is empty: name a file or folder, or . for the current one")


def _words(arguments: list[str]) -> list[str]:
    """The user's arguments, without those that a launch file appends for nodes."""
    return arguments[: arguments.index("--ros-args")] if "--ros-args" in arguments else arguments


def _on_signal(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt; but an import may swallow it or turn it into another exception: then try again later."""
    if number == signal.SIGHUP:
        leave_terminal()
    if _is_importing(frame):
        threading.Timer(KNOCK_AGAIN, os.kill, (os.getpid(), number)).start()
    else:
        answer_signals(signal.SIG_IGN)
        raise KeyboardInterrupt


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
