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

"""Plain scenes: sky, water or a wall, with hardly any structure but small warm targets, sometimes above a horizon.

The frames of a pack all have structure. A network that has seen no plain scene looks for structure in the noise of one,
and a small target drowns in what it finds.
"""

from __future__ import annotations

import cv2
import numpy as np

from infrared_ir_ros.training.small_targets import CONTRAST, plant

FEATURE = (1 / 40, 1 / 2)  # size of the smallest features that are left, of the frame's height; logarithmic, as SPAN is
SPAN = (2.0, 120.0)  # levels between the darkest and the brightest part
HORIZON = (0.4, 1.6)  # row of the horizon, of the frame's height: there is one in half of the scenes


def plain(scene: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What is left of a scene far out of focus and in few levels, with small warm targets; sharp below the horizon.

    scene: (height, width) float32 0..255, at least 32x32. Returns a new frame of the same kind.
    """
    height, width = scene.shape
    feature, span = (np.exp(rng.uniform(*np.log(limits))) for limits in (FEATURE, SPAN))
    cells = max(2, round(width / (height * feature))), max(2, round(1 / feature))
    left = cv2.resize(
        cv2.resize(scene, cells, interpolation=cv2.INTER_AREA), (width, height), interpolation=cv2.INTER_CUBIC
    )
    left = (left - left.min()) / max(np.ptp(left), 1.0)
    frame, _ = plant(rng.uniform(0, 255 - CONTRAST[1] / 2 - span) + span * left, rng)
    horizon = round(height * rng.uniform(*HORIZON))
    frame[horizon:] = scene[horizon:]
    return frame
