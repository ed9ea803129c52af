"""Launch files in Python."""

from __future__ import annotations

import runpy

from .core import LaunchContext, LaunchDescription
from .substitutions import Text, perform


class PythonLaunchDescriptionSource:
    """A file with a function generate_launch_description."""

    def __init__(self, path: Text) -> None:
        self._path = path

    def load(self, context: LaunchContext) -> LaunchDescription:
        description = runpy.run_path(perform(context, self._path))["generate_launch_description"]()
        assert isinstance(description, LaunchDescription)
        return description
