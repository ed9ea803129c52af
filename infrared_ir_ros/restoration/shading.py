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

"""How much of an estimated shading is believed (design section 1.7)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

FAINT = 0.05  # standard deviation of a shading, in the unit range, that a clear frame rather has from its scene
WIDTH = 0.6  # nepers of log-SNR around 0, between frames that are noisy and frames that are clear
EVERY = 30  # frames


def believed(shading: np.ndarray, log_snr: float) -> np.ndarray:
    """The share of a shading, any shape, that is to be taken off a frame of this log-SNR.

    Cameras that are calibrated have little noise and no shading; what looks like a faint one is a lit wall or the sky.
    So the estimate shrinks as a Wiener filter would, `1 - (limit / deviation)^2`, where the limit is FAINT for frames
    without noise and goes to 0 for noisy ones. A strong shading is believed at any log-SNR.
    """
    deviation = float(np.std(shading))
    limit = FAINT / (1 + np.exp(-np.clip(log_snr / WIDTH, -50, 50)))
    if deviation <= limit:
        return np.zeros_like(shading)
    return shading * np.float32(1 - (limit / deviation) ** 2)


class Clearing:
    """How much clearer a camera's frames have become without its fixed pattern, in log-SNR, measured now and then.

    A camera with a pattern has a shading as well: with its pattern gone, it is not to be taken for a calibrated one, so
    its shading is believed as if the pattern were there.
    """

    def __init__(self) -> None:
        self._value, self._age = 0.0, 0

    def __call__(self, cleared: bool, log_snr: float, before: Callable[[], float]) -> float:
        """cleared: whether there is less pattern in this frame than there was in what came. log_snr: of what is left.
        before: measures that of what came; called every EVERY frames."""
        if not cleared:
            self._age = 0
            return 0.0
        if self._age % EVERY == 0:
            self._value = max(log_snr - before(), 0.0)
        self._age += 1
        return self._value
