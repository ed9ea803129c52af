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

"""Starts trainer_node: learns a task from recordings, beside a restoring node.

An empty argument leaves what params_file says.
"""

from launch import Condition, LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node, SetParameter
from launch_ros.substitutions import FindPackageShare

SHARE = FindPackageShare("infrared_ir_ros")
TRANSPORT = PathJoinSubstitution([SHARE, "launch", "transport.launch.py"])
OVERRIDES = (
    ("sources", "recordings to learn from, separated by :"),
    ("topic", "image topic of a bag"),
    ("task", "name of the new task"),
    ("start", "the task to start from"),
    ("optimise", "what is learned: prompt, operators or adapters"),
    ("supervision", "what is learned from: clean, pairs, labels or self"),
    ("degradation", "of clean frames: a preset, or the .yaml of profile_sensor"),
    ("output", "folder for the new task"),
    ("device", "where to train: auto, cpu, cuda"),
    ("activate", "have restore_node use the new task as soon as it is saved"),
    ("autostart", "start training at once"),
)


def given(argument: str) -> Condition:
    """Holds where the launch argument is not empty."""
    return Condition(predicate=lambda context: context.launch_configurations[argument] != "")


def generate_launch_description() -> LaunchDescription:
    """Describe the node, its arguments and its transport."""
    node = Node(
        package="infrared_ir_ros",
        executable="trainer_node",
        name="trainer_node",
        namespace=LaunchConfiguration("namespace"),
        ros_arguments=[
            "--log-level",
            LaunchConfiguration("log_level"),
            "--params-file",
            LaunchConfiguration("params_file"),
        ],
        respawn=LaunchConfiguration("respawn"),
        respawn_delay=2.0,
        output="screen",
    )
    return LaunchDescription(
        [
            DeclareLaunchArgument("namespace", default_value="ir", description="of the node, and of restore_node"),
            DeclareLaunchArgument(
                "params_file",
                default_value=PathJoinSubstitution([SHARE, "config", "train.yaml"]),
                description="parameters of the node",
            ),
            *(DeclareLaunchArgument(name, default_value="", description=text) for name, text in OVERRIDES),
            DeclareLaunchArgument("use_sim_time", default_value="false", description="take the time from /clock"),
            DeclareLaunchArgument("log_level", default_value="info", description="debug, info, warn, error or fatal"),
            DeclareLaunchArgument("respawn", default_value="false", description="start the node again when it dies"),
            IncludeLaunchDescription(PythonLaunchDescriptionSource(TRANSPORT)),
            GroupAction(
                [
                    SetParameter("use_sim_time", LaunchConfiguration("use_sim_time")),
                    *(SetParameter(name, LaunchConfiguration(name), condition=given(name)) for name, _ in OVERRIDES),
                    node,
                ]
            ),
        ]
    )
