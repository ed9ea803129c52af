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
