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

"""What the demo and a replay hear of the node that they have started."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from infrared_ir_ros.ros.filming import counters


def test_frames_of_another_robots_node_are_not_counted() -> None:
    """In a domain that the user chose they were: the demo told of 114 frames, 14 of them its own."""
    values = [KeyValue(key="received", value="3")]
    names = ("restore_node", "robot/restore_node", "ir/restore_node")
    message = {
        name: DiagnosticArray(status=[DiagnosticStatus(name=f"{name}: frames", values=values)]) for name in names
    }
    assert [counters(message[name]) for name in names] == [{}, {}, {"received": "3"}]
