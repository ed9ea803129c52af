"""The little of `launch_ros` that our launch files use."""
