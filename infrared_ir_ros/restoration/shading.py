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

"""How much of an estimated shading is subtracted (design section 1.7)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

FAINT = 0.05  # standard deviation, unit range; in a clear frame, a fainter shading is rather part of the scene
WIDTH = 0.6  # nepers of log-SNR around 0, between noisy and clear frames
EVERY = 30  # frames between two measurements


def shrunk(shading: np.ndarray, log_snr: float) -> np.ndarray:
    """The part of an estimated shading, any shape, to subtract from a frame of this log-SNR.

    A calibrated camera has little noise and no shading; what looks like a faint shading is a lit wall or the sky. So
    the estimate is shrunk as by a Wiener filter, times `1 - (limit / deviation)^2`; the limit is FAINT for frames
    without noise and goes to 0 for noisy ones. A strong shading is subtracted at any log-SNR.
    """
    deviation = float(np.std(shading))
    limit = FAINT / (1 + np.exp(-np.clip(log_snr / WIDTH, -50, 50)))
    if deviation <= limit:
        return np.zeros_like(shading)
    return shading * np.float32(1 - (limit / deviation) ** 2)


class SnrGain:
    """The log-SNR gained by subtracting a camera's fixed pattern, measured every EVERY frames.

    A camera with a pattern has a shading as well. Without its pattern it must not be taken for a calibrated one, so its
    shading is judged by the log-SNR that its frames had with the pattern.
    """

    def __init__(self) -> None:
        self._value, self._age = 0.0, 0

    def __call__(self, cleared: bool, log_snr: float, before: Callable[[], float]) -> float:
        """cleared: whether a pattern was subtracted from this frame. log_snr: of the frame without it.
        before: measures the log-SNR with it; called every EVERY frames."""
        if not cleared:
            self._age = 0
            return 0.0
        if self._age % EVERY == 0:
            self._value = max(log_snr - before(), 0.0)
        self._age += 1
        return self._value
