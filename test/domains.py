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

"""Free ROS domains for tests."""

from __future__ import annotations

import os
import random
import socket


def free_domain(first: int = 60, last: int = 101) -> int:
    """A ROS domain from `first` to `last` that is not in use. Raises RuntimeError if there is none.

    A domain counts as used once its node is up. So that processes of pytest-xdist do not choose the same one earlier,
    process 0 takes even ones and process 1 odd ones.
    """
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    domains = [domain for domain in range(first, last + 1) if domain % 2 == process % 2]
    for domain in random.sample(domains, len(domains)):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("", 7400 + 250 * domain))  # the domain's discovery port
            except OSError:
                continue
            return domain
    raise RuntimeError(f"all ROS domains from {first} to {last} are in use")
