"""How console commands end: one line for what went wrong, never a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

import cyclopts

from infrared_ir_ros.errors import InfraredError


def run_command(command: Callable[..., object]) -> None:
    """Run a typed function as a console command: exit code 1 and one line for our errors, 130 for Ctrl-C."""
    try:
        cyclopts.run(command)
    except InfraredError as error:
        sys.exit(f"{command.__name__}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
