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

"""How long a frame takes on each installed engine, from counts to counts: python benchmarks/engines.py"""

from __future__ import annotations

import importlib.util

import cyclopts
import numpy as np
from _common import write_result

from infrared_ir_ros.restoration import load_restorer
from infrared_ir_ros.simulation import layout

SIZES = ((120, 160), (256, 320), (480, 640), (512, 640), (1024, 1280))


def engines(*, repeats: int = 15) -> None:
    """Print the median milliseconds of a 16-bit frame, by engine and size, and write benchmarks/results/engines.json.

    Parameters
    ----------
    repeats
        Frames timed for each engine and size, after three that are not.
    """
    figures: dict[str, float] = {}
    for name in ("openvino", "onnxruntime", "torch"):
        if importlib.util.find_spec(name) is None:
            continue
        restorer = load_restorer(engine=name)
        for height, width in SIZES:
            frame = (28000 + 3000 * layout(np.random.default_rng(0), height, width)).astype(np.uint16)
            times = [restorer.restore(frame).milliseconds for _ in range(repeats + 3)][3:]
            total = float(np.median([sum(steps.values()) for steps in times]))
            steps = {step: float(np.median([t[step] for t in times])) for step in times[0]}
            figures[f"{name} {width}x{height} ms"] = round(total, 2)
            parts = ", ".join(f"{step} {value:.1f}" for step, value in steps.items())
            print(f"{name:12} {width:5}x{height:<5} {total:7.1f} ms  ({parts})")
    write_result("engines", figures, seeds=[0])


if __name__ == "__main__":
    cyclopts.run(engines)
