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

"""Degradation presets and procedural thermal scenes; without torch and ROS."""

from infrared_ir_ros.simulation.degradation import PRESETS, VideoDegradation, degrade, stretch
from infrared_ir_ros.simulation.layout import layout

__all__ = ["PRESETS", "VideoDegradation", "degrade", "layout", "stretch"]
