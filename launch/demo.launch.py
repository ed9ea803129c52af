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

"""Starts thermal_camera and restore_node: a procedural scene, or recorded frames, restored live."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

CAMERA = (
    ("source", str, "", "folder, video or bag; empty: a scene"),
    ("rate", float, "5.0", "frames a second"),
    ("encoding", str, "mono16", "of the scene: mono16 or mono8"),
    ("degradation", str, "sensor_normal", "preset, or clean"),
)


def generate_launch_description() -> LaunchDescription:
    """Describe the camera and include restore.launch.py, whose arguments hold here too."""
    restore = PathJoinSubstitution([FindPackageShare("infrared_ir_ros"), "launch", "restore.launch.py"])
    settings = {name: ParameterValue(LaunchConfiguration(name), value_type=kind) for name, kind, *_ in CAMERA}
    camera = Node(
        package="infrared_ir_ros",
        executable="thermal_camera",
        name="thermal_camera",
        namespace=LaunchConfiguration("namespace"),
        parameters=[{**settings, "loop": True}],
        output="screen",
    )
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, _, default, text in CAMERA
            ),
            IncludeLaunchDescription(PythonLaunchDescriptionSource(restore)),  # first: it sets the transport for both
            camera,
        ]
    )
