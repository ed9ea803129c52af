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

"""A DDS domain for the tests of a module, and the node that they share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

pytest.importorskip("rclpy")

from domains import free_domain  # noqa: E402


@pytest.fixture(scope="module")
def domain() -> Iterator[int]:
    """A ROS domain for this module only."""
    before = os.environ.get("ROS_DOMAIN_ID")
    number = free_domain()
    os.environ["ROS_DOMAIN_ID"] = str(number)
    yield number
    if before is None:
        del os.environ["ROS_DOMAIN_ID"]
    else:
        os.environ["ROS_DOMAIN_ID"] = before
