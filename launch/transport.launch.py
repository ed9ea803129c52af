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

"""Gives Fast DDS transports that hold large frames, unless the user chose any: for the other launch files."""

from launch import Condition, LaunchContext, LaunchDescription
from launch.actions import SetEnvironmentVariable
from launch.substitutions import EnvironmentVariable, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

PROFILE = PathJoinSubstitution([FindPackageShare("infrared_ir_ros"), "config", "fastdds.xml"])
NAMES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")


def no_transports_chosen(context: LaunchContext) -> bool:
    """Whether the user left the choice of transports to Fast DDS: a profile would override it."""
    return "FASTDDS_BUILTIN_TRANSPORTS" not in context.environment


def unless_set(variable: str, other: str) -> SetEnvironmentVariable:
    """Choose our profile by `variable`, unless the user chose one by that or by Fast DDS's other name for it."""
    chosen = EnvironmentVariable(variable, default_value=[EnvironmentVariable(other, default_value=[PROFILE])])
    return SetEnvironmentVariable(variable, chosen, condition=Condition(predicate=no_transports_chosen))


def generate_launch_description() -> LaunchDescription:
    """Describe the environment of all that is started after this file was included."""
    return LaunchDescription([unless_set(*NAMES), unless_set(*reversed(NAMES))])
