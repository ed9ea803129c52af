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

"""Runs evaluate_bag: does restoration help on these recordings?

All arguments are handed to it. An empty topic, reference_topic or degradation is none to it; the others can't be empty.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

OPTIONS = (
    ("output", "report", "folder for the report; must not exist"),
    ("mode", "offline", "offline: as fast as possible; replay: through the live node in the recording's own time"),
    ("task", "restore", "what frames are restored for"),
    ("topic", "", "image topic of the input; empty: the first"),
    ("reference_topic", "", "topic with clean frames"),
    ("degradation", "", "preset that makes the input of clean frames"),
    ("frames", "0", "of each recording, at most; 0: all"),
    ("counts_mapping", "auto", "how counts map to what the network sees: auto, fixed, percentile, tlinear"),
    ("prior", "embedded", "the network"),
    ("device", "auto", "where the network runs: auto, cpu, cuda"),
)


def generate_launch_description() -> LaunchDescription:
    """Describe the command and its arguments, which are options of evaluate_bag."""
    options = [[f"--{name.replace('_', '-')}=", LaunchConfiguration(name)] for name, *_ in OPTIONS]
    return LaunchDescription(
        [
            DeclareLaunchArgument("bag", description="bag, video, folder of pictures, or a folder with any of them"),
            *(DeclareLaunchArgument(name, default_value=default, description=text) for name, default, text in OPTIONS),
            Node(
                package="infrared_ir_ros",
                executable="evaluate_bag",
                arguments=[LaunchConfiguration("bag"), *options],
                output="screen",
            ),
        ]
    )
