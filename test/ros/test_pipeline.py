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

"""The end of the thread that restores."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from harness import PATIENCE

from infrared_ir_ros.ros.counters import Counters
from infrared_ir_ros.ros.pipeline import Pipeline, Settings


def test_a_solver_that_other_processes_hold_up_does_not_hold_up_the_end() -> None:
    """No service of the node would answer meanwhile."""
    solved, closed = threading.Event(), threading.Event()
    restorer = SimpleNamespace(patterns=SimpleNamespace(wait=solved.wait))
    pipeline = Pipeline(restorer, *[None] * 3, Counters(), *[None] * 2, Settings(1.0, False, "ironbow"))  # type: ignore[arg-type]

    def close() -> None:
        pipeline.close()
        closed.set()

    threading.Thread(target=close, daemon=True).start()
    try:
        assert closed.wait(PATIENCE)
    finally:
        solved.set()
