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

"""Removes the shared memory of killed processes: Fast DDS leaves 35 MB of each in /dev/shm forever."""

from __future__ import annotations

import fcntl
import os
import re
import time
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
LOCK = re.compile(r"fastrtps_[0-9a-f]{16}_el")  # of a segment; ports have other names, and Fast DDS removes them itself
SETTLED = 10.0  # seconds; a process that has just created the file may not hold its lock yet


def remove_abandoned_segments(folder: Path = SHARED_MEMORY) -> int:
    """Remove the segments that no living process holds; returns their number.

    A process locks `<segment>_el` as long as it lives; the kernel releases the lock when it ends.
    Segments of other users, and those younger than SETTLED, are left alone.
    """
    return sum(_removed(lock) for lock in folder.glob("fastrtps_*_el") if LOCK.fullmatch(lock.name))


def _removed(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:  # it is gone, or another user's
        return False
    try:
        if time.time() - os.fstat(descriptor).st_mtime < SETTLED:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock.with_name(lock.name.removesuffix("_el")).unlink(missing_ok=True)
        lock.unlink()
        return True
    except OSError:  # its owner is alive
        return False
    finally:
        os.close(descriptor)
