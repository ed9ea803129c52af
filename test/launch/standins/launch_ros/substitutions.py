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
