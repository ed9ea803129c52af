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

import importlib.util

import pytest

from infrared_ir_ros.commands.node_settings import node_settings


@pytest.mark.skipif(importlib.util.find_spec("rclpy") is None, reason="no ROS 2")
def test_a_node_gets_what_was_asked_for(domain: int) -> None:
    import rclpy

    asked = {"rate": 7.5, "frames": 3, "memory": "on", "name": "1e3", "source": "/a: b/it's #1", "empty": ""}
    context = rclpy.Context()
    rclpy.init(args=["--ros-args", *node_settings(asked)], context=context, domain_id=domain)
    node = rclpy.create_node("settings", context=context, automatically_declare_parameters_from_overrides=True)
    try:
        assert {name: node.get_parameter(name).value for name in asked} == asked
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)
