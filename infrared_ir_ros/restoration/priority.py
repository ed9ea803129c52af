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

"""Background work yields to the frames."""

from __future__ import annotations

import os
import sys
import threading


def give_way(niceness: int) -> None:
    """Lower the priority of this thread and of those that it starts, unless it is lower already: only a privileged
    process may raise it."""
    if sys.platform == "linux":  # elsewhere threads have no niceness of their own
        itself = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, itself, max(niceness, os.getpriority(os.PRIO_PROCESS, itself)))
