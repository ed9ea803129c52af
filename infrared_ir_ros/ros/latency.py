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

"""The latency of a restore_node, from its topic `timing`."""

from __future__ import annotations

import threading
import time
from collections import deque

from diagnostic_msgs.msg import DiagnosticArray

WINDOW = 2.0  # seconds that are judged together, so that a trainer does not stop and start all the time
KEY = "age_ms"  # from arrival to publication


class LatencyWatch:
    """Collects latencies in one thread; another reads them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: deque[tuple[float, float]] = deque()  # steady seconds, milliseconds

    def hear(self, message: DiagnosticArray) -> None:
        """Take a message of `timing`; values that are not numbers are ignored."""
        for status in message.status:
            for value in status.values:
                if value.key == KEY:
                    try:
                        milliseconds = float(value.value)
                    except ValueError:
                        continue
                    with self._lock:
                        self._heard.append((time.monotonic(), milliseconds))

    def milliseconds(self) -> float:
        """The 95th percentile of the last WINDOW seconds; 0 without frames."""
        with self._lock:
            while self._heard and self._heard[0][0] < time.monotonic() - WINDOW:
                self._heard.popleft()
            taken = sorted(milliseconds for _, milliseconds in self._heard)
        return taken[len(taken) * 19 // 20] if taken else 0.0
