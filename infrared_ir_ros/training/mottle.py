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

"""The mottled pattern of a core without calibration: neighbouring pixels err alike, at every scale.

Its power falls with spatial frequency, as that of 1/f noise does, and often slower across the columns than along them.
A network that has only seen independent pixels, lines and smooth shading takes such a pattern for scene, and reads a
log-SNR that is too high.
"""

from __future__ import annotations

import numpy as np

SIGMA = (1.5, 14.0)  # levels; all strengths are drawn evenly on a logarithmic scale
SLOPE = (0.8, 2.2)  # power falls with frequency to this power
STRETCH = (0.4, 3.0)  # features are longer along the columns by this factor, or shorter
COARSEST = 1 / 100  # cycles per pixel: below, the pattern is shading


def draw_mottle(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A pattern to add to a frame: (height, width) float32, levels of 0..255, mean 0."""
    sigma, stretch = (np.exp(rng.uniform(*np.log(limits))) for limits in (SIGMA, STRETCH))
    rows, columns = np.fft.fftfreq(height)[:, None] * np.sqrt(stretch), np.fft.rfftfreq(width) / np.sqrt(stretch)
    frequency = np.maximum(np.hypot(rows, columns), COARSEST)
    spectrum = np.fft.rfft2(rng.standard_normal((height, width))) * frequency ** (-rng.uniform(*SLOPE) / 2)
    spectrum[0, 0] = 0
    pattern = np.fft.irfft2(spectrum, (height, width))
    return np.float32(sigma / pattern.std() * pattern)
