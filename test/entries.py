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

"""The console commands that the package declares."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


@cache
def entry_points() -> dict[str, str]:
    """Console scripts of setup.py, as setuptools sees them: name -> module:function."""
    script = (
        "import setuptools\n"
        "setuptools.setup = lambda **words: print(*words['entry_points']['console_scripts'], sep='\\n')\n"
        "exec(open('setup.py').read())"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.strip(): target.strip() for name, target in (line.split("=") for line in done.stdout.splitlines())}
