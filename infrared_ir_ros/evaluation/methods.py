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

"""The compared methods: the input itself, classical chains, and our restorers, one per task."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import nan
from typing import Protocol

import numpy as np

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.evaluation import classical
from infrared_ir_ros.evaluation.metrics import fit_tone
from infrared_ir_ros.restoration import Restorer
from infrared_ir_ros.restoration.counts import checked
from infrared_ir_ros.simulation.camera import GreyScale

INPUT = "input"


@dataclass(frozen=True)
class Answer:
    """The result of a method: (H, W) of the frame's dtype; milliseconds; log_snr, NaN if the method has none."""

    image: np.ndarray
    milliseconds: float = nan
    log_snr: float = nan


class Method(Protocol):
    """name: shown in the report. An answer of None means that the frame was dropped."""

    name: str

    def __call__(self, frame: np.ndarray) -> Answer | None: ...

    def reset(self) -> None: ...


class Ours:
    """A restorer for one task."""

    def __init__(self, name: str, restorer: Restorer) -> None:
        self.name, self.restorer = name, restorer

    def __call__(self, frame: np.ndarray) -> Answer:
        begin = time.perf_counter()
        restored = self.restorer.restore(frame)
        return Answer(restored.image, 1000 * (time.perf_counter() - begin), restored.log_snr)

    def reset(self) -> None:
        self.restorer.reset()


class Classical:
    """A classical chain, `DENOISER+SHADING`. preserves: restore level and contrast of the input at the end, as
    `tone: preserve` does. Raises OptionError for an unknown chain."""

    def __init__(self, chain: str, preserves: bool) -> None:
        self._denoiser, _, self._shading = chain.partition("+")
        if self._denoiser not in classical.DENOISERS or self._shading not in classical.SHADINGS:
            raise OptionError(
                f"--classical is {chain!r}: use DENOISER+SHADING of {', '.join(classical.DENOISERS)} and "
                f"{', '.join(classical.SHADINGS)}, such as wavelet+gradient"
            )
        self.name, self._preserves = chain, preserves

    def __call__(self, frame: np.ndarray) -> Answer:
        begin = time.perf_counter()
        finite = checked(frame)
        grey = GreyScale(finite)
        levels = grey.levels(finite)
        restored = classical.restore(levels, self._denoiser, self._shading)
        if self._preserves:
            restored = fit_tone(restored, levels).astype(np.float32)
        return Answer(grey.values(restored, frame.dtype), 1000 * (time.perf_counter() - begin))

    def reset(self) -> None:
        """Nothing to forget: frames are independent."""
