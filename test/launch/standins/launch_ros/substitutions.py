"""Where packages are installed."""

from __future__ import annotations

import os
from pathlib import Path

from launch.core import LaunchContext
from launch.substitutions import Substitution


class FindPackageShare(Substitution):
    """The share folder of a package."""

    def __init__(self, package: str) -> None:
        self._package = package

    def perform(self, context: LaunchContext) -> str:
        for prefix in context.environment["AMENT_PREFIX_PATH"].split(os.pathsep):
            if Path(prefix, "share/ament_index/resource_index/packages", self._package).exists():
                return str(Path(prefix, "share", self._package))
        raise LookupError(f"package '{self._package}' not found")
