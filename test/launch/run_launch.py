"""Runs a launch file: run_launch.py FILE [ARGUMENT:=VALUE]... (what `ros2 launch` does, without the ros2 command)."""

import sys

from launch import LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

file, *arguments = sys.argv[1:]
values = [tuple(argument.split(":=", 1)) for argument in arguments]
service = LaunchService()
service.include_launch_description(
    IncludeLaunchDescription(PythonLaunchDescriptionSource(file), launch_arguments=values)
)
sys.exit(service.run())
