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
