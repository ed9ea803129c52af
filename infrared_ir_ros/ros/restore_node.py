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

"""The process of restore_node: catches signals first, then imports and runs the node."""

from __future__ import annotations

from infrared_ir_ros.ros.process import catch_signals, leave

ABOUT = "Restores the thermal frames of the topic image, and publishes them on the topic restored."


def main(args: list[str] | None = None) -> None:
    """Entry point `restore_node`. Ends with 0 on SIGINT, SIGTERM and SIGHUP, with 1 when the node cannot start."""
    catch_signals()
    from infrared_ir_ros.ros.manual import Manual
    from infrared_ir_ros.ros.parameters import TABLE
    from infrared_ir_ros.ros.process import run
    from infrared_ir_ros.ros.restoring import RestoreNode

    leave(run(RestoreNode, args, Manual("restore_node", ABOUT, TABLE)))


if __name__ == "__main__":
    main()
