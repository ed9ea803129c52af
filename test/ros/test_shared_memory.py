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

"""What killed processes leave in shared memory is given back; what living ones use is not touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from harness import NodeProcess, Peer

from infrared_ir_ros.ros.shared_memory import LOCK, SHARED_MEMORY, remove_abandoned_segments

CAMERA = "infrared_ir_ros.ros.thermal_camera"


def segments(process: int) -> set[Path]:
    """Those whose lock the process holds open."""
    files = (Path(os.readlink(file)) for file in Path(f"/proc/{process}/fd").iterdir() if file.is_symlink())
    return {f.with_name(f.name.removesuffix("_el")) for f in files if LOCK.fullmatch(f.name)}


def age(found: set[Path]) -> None:
    for segment in found:
        os.utime(f"{segment}_el", (0, 0))


@pytest.mark.skipif(not SHARED_MEMORY.is_dir(), reason="no shared memory here")
def test_only_segments_of_killed_processes_go(domain: int) -> None:
    with Peer(domain) as peer:
        with NodeProcess(domain, module=CAMERA) as camera:
            peer.wait(lambda: peer.node.count_publishers("/image"), "the camera")
            ours, theirs = segments(os.getpid()), segments(camera.process.pid)
            age(ours | theirs)
            remove_abandoned_segments()
            assert ours and theirs and all(segment.exists() for segment in ours | theirs)
            camera.__exit__(None, None, None)  # SIGKILL
        remove_abandoned_segments()
        assert all(segment.exists() for segment in ours)
        assert not any(segment.exists() or Path(f"{segment}_el").exists() for segment in theirs)
