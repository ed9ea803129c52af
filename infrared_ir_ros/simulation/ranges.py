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

"""The random parameters of the degradations, for numpy (here) and torch (in training).

hm_tir: as published with the benchmark. sensor: set by hand to match field recordings (column noise of 2 to 8 levels on
raw cores, noise correlated by 0.92 from frame to frame, a pattern that changes with each shutter event).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Range(NamedTuple):
    """A parameter that is present with probability `chance`, and then uniform in low..high.

    Strengths are grey levels of 0..255 at severity 1, lengths are sensor pixels.
    """

    low: float
    high: float
    chance: float = 1.0

    def draw(self, rng: np.random.Generator) -> float:
        """A number in low..high."""
        return rng.uniform(self.low, self.high)


HM_TIR = ("hm_tir_single", "hm_tir_normal", "hm_tir_hard")
HM_TIR_NORMAL_CHANCE = 0.8  # of each step
TONE_CONTRAST = Range(-0.8, -0.2)
TONE_BRIGHTNESS = Range(0.2, 0.4)  # of 255
BLUR = Range(1, 3)
DOME = Range(15, 75)  # whole numbers
STRIPE_GAIN = Range(0.03, 0.10)
STRIPE_OFFSET = Range(0, 5)
NOISE_VARIANCE = Range(25, 400)

SEVERITY = {"sensor_light": 0.4, "sensor_normal": 1.0, "sensor_hard": 1.4}
LENS_BLUR = Range(0.4, 1.6, 0.7)
LEAST_BLUR = 0.05  # added to LENS_BLUR, at any severity
MOTION = Range(1, 6, 0.15)
CONTRAST_LOSS = Range(0, 0.7, 0.7)
RADIANCE = Range(0, 255)  # of the path
COLUMNS = Range(0, 8, 0.8)
ROWS = Range(0, 6, 0.5)
SMOOTH_COLUMNS = Range(0, 8, 0.5)
SMOOTH_COLUMNS_PERIOD = 8
ODD_EVEN = Range(0, 4, 0.25)  # odd and even lines are read by different amplifiers
CLOUDS = Range(0, 12, 0.5)
CLOUDS_PERIODS = (64, 128)
GLOW = Range(0, 30, 0.25)
GLOW_DECAY = Range(0.04, 0.25)  # of the frame's side
VIGNETTING = Range(-30, 30, 0.3)  # of the lens, and of the housing's warmth
POLYNOMIAL = Range(0, 10, 0.3)
PIXEL_OFFSET = Range(0, 10, 0.6)
PIXEL_GAIN = Range(0, 0.03)
DEAD = Range(0, 0.003, 0.4)  # of all pixels
DEAD_LEVELS = (0.0, 255.0)
NOISE = Range(0, 14)
NOISE_CORRELATION = 0.92  # from frame to frame, Lepton 3
DRIFT = 0.05  # standard deviation of a step, from frame to frame
AGC_CHANCE = 0.2  # the camera's own gain control stretches the frame, with its noise
AGC_PERCENTILES = (0.5, 99.5)
AGC_LEAST_SPAN = 16.0
JPEG_QUALITY = Range(60, 95, 0.15)  # whole numbers
