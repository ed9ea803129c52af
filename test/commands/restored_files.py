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

"""Frames to restore, and the files of a run."""

from pathlib import Path

import numpy as np


def noisy(dtype: type = np.uint8, seed: int = 0, shape: tuple[int, int] = (48, 64)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    unit = 0.5 + 0.3 * np.sin(np.arange(shape[1]) / 9)[None] * np.ones(shape) + rng.normal(0, 0.05, shape)
    if dtype == np.float32:
        return (290 + 10 * unit).astype(np.float32)
    return (unit.clip(0, 1) * (255 if dtype == np.uint8 else 3000)).astype(dtype)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
