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

"""Procedural scenes for a moving camera (pan or drive), in kelvin, as the pattern memory needs them to learn."""

from __future__ import annotations

from infrared_ir_ros.simulation.motion import Drive, Pan
from infrared_ir_ros.simulation.optics import View
from infrared_ir_ros.simulation.scene import SceneFrame, ThermalScene

MOTIONS = ("still", "pan", "drive")  # still: `ThermalScene`, whose figures move
PICTURES = 4
MOTION_RATE = 30.0  # frames per second at which motion has its usual speed


class MovingScene:
    """A camera that moves over pictures of street scenes, whose walkers and cars stand still and have no boxes.

    motion: pan or drive. height, width: 16..4096 pixels. `frame(t)` depends on these, the seed and t alone.
    Raises OptionError for a size out of range.
    """

    def __init__(self, motion: str, seed: int, height: int = 512, width: int = 640) -> None:
        pictures = [ThermalScene(seed + i, height, width).frame(2.0 * i).temperature for i in range(PICTURES)]
        self._way = {"pan": Pan, "drive": Drive}[motion](pictures, seed, (height, width))
        self.view = View.of_size(height, width)

    def frame(self, t: float) -> SceneFrame:
        """The frame t seconds after the start (t >= 0)."""
        return SceneFrame(self._way.frame(round(t * MOTION_RATE)), None)
