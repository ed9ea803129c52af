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

"""How console commands end.

0: done. 1: it could not be done, or not all of it, and one line on stderr says why. 2: an option is unknown or missing.
130: Ctrl-C or SIGTERM; what was written by then is whole, and nothing half-written stays. Never with a traceback.

Imports nothing heavy, and neither do the modules of the commands: Ctrl-C is to be answered in order from the start.
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

MISSPELT = 2
INTERRUPTED = 130  # as shells count: 128 and the number of SIGINT
KNOCK_AGAIN = 0.02  # seconds


def run_command(command: Callable[..., int | None]) -> NoReturn:
    """Run a typed function as a console command, and exit with the code that it returns (None: 0).

    The fields of a parameter that is a dataclass are options beside the others.

    In the command Ctrl-C and SIGTERM raise KeyboardInterrupt. It may raise that again with a message, which is shown.
    """
    _answer_signals(_on_signal)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr has it: names of files may hold anything
    code: int | str | None
    try:
        code = _parse_and_call(command)
        print(end="", flush=True)
    except InfraredError as error:
        code = f"{command.__name__}: {error}"
    except OSError as error:  # of the output, as a rule: who read it has gone, or the disk that it goes to is full
        code = f"{command.__name__}: {error}"
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python tries once more at its end
    except KeyboardInterrupt as interrupt:
        _answer_signals(signal.SIG_IGN)
        print(f"{command.__name__}: interrupted", *interrupt.args, file=sys.stderr)
        code = INTERRUPTED
        exec("")  # or `python -m` dies of SIGINT if the last text that Python ran, as for a dataclass, was interrupted
    _answer_signals(signal.SIG_IGN)  # the end is near
    sys.exit(code)


def _parse_and_call(command: Callable[..., int | None]) -> int | None:
    import cyclopts

    for kind in filter(is_dataclass, get_type_hints(command).values()):
        cyclopts.Parameter(name="*")(kind)
    try:
        app = cyclopts.App(name=command.__name__, default_command=command)
        words = _words(sys.argv[1:])
        chosen, bound, _ = app.parse_args(words, exit_on_error=False)
    except cyclopts.CycloptsError as error:  # cyclopts has told
        if isinstance(error, cyclopts.UnusedCliTokensError):
            several = "more is given than it takes; for several files, as of a pattern like *.png, name their folder"
            print(f"{command.__name__}: {several}", file=sys.stderr)
        return MISSPELT
    _refuse_empty_paths(words, [*bound.args, *bound.kwargs.values()])
    return chosen(*bound.args, **bound.kwargs)


def _refuse_empty_paths(words: list[str], values: list[object]) -> None:
    """An empty path, as of a variable of the shell that is not set, is this folder to pathlib."""
    given = [word.partition("=")[2] if word.startswith("--") and "=" in word else word for word in words]
    if Path() in values and "" in given and not any(text and Path(text) == Path() for text in given):
        raise OptionError("a path is empty: name a file or folder, or . for this one")


def _words(arguments: list[str]) -> list[str]:
    """What the user gave, without what a launch file adds at the end for nodes."""
    return arguments[: arguments.index("--ros-args")] if "--ros-args" in arguments else arguments


def _answer_signals(answer: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, answer)


def _on_signal(number: int, frame: FrameType | None) -> None:
    """An exception within an import may be swallowed, or become another one: then wait until the import is over."""
    if _is_importing(frame):
        threading.Timer(KNOCK_AGAIN, os.kill, (os.getpid(), number)).start()
    else:
        raise KeyboardInterrupt


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
