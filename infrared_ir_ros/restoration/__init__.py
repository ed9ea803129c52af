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

"""Restores frames: counts, estimates, one step of the diffusion prior, tone. numpy only: no torch, no ROS."""

from infrared_ir_ros.restoration.restorer import Restorer, load_restorer
from infrared_ir_ros.restoration.schedule import Schedule, candidate_timesteps, exact_step

__all__ = ["Restorer", "Schedule", "candidate_timesteps", "exact_step", "load_restorer"]
