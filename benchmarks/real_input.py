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

"""Real recordings through camera, restore_node and recorder: is every frame there, with its stamp, frame_id and depth?

python benchmarks/real_input.py --data ../shared/data

Each recording is played whole, at a rate that this machine sustains: 1700 frames, about six minutes on two cores.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from _common import write_result
from rosbags.highlevel import AnyReader

from infrared_ir_ros.commands.demo import stay_apart
from infrared_ir_ros.commands.demo_run import run_demo
from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.media import open_source

SOURCES = (
    "video/lynred_calibrated/car2_calibrated.avi",
    "raw16/cptv-lepton3/hedgehog.npz",
    "raw16/cptv-lepton3/possum.npz",
    "raw16/cptv-lepton3/skyline.npz",
    "video/svanstrom_ir/IR_HELICOPTER_022.mp4",
)
DEPTHS = {"mono8": 8, "mono16": 16, "16UC1": 16}


@dataclass(frozen=True)
class Passage:
    """The header facts of each frame of a bag, by topic."""

    sent: list[tuple[int, str, str, int, int]]
    restored: list[tuple[int, str, str, int, int]]

    @property
    def lost(self) -> int:
        return len(set(self.sent) - set(self.restored)) + max(len(self.restored) - len(self.sent), 0)

    @property
    def rate(self) -> float:
        stamps = [frame[0] for frame in self.sent]
        return round(1e9 * (len(stamps) - 1) / (stamps[-1] - stamps[0]), 2) if len(stamps) > 1 else 0.0


def real_input(*, data: Path = Path("../shared/data"), seconds: float = 3600.0) -> int:
    """Send real recordings through the nodes and compare output with input.

    Parameters
    ----------
    data
        Folder of the thermal recordings.
    seconds
        Longest time that a recording is played; by default it is played whole.
    """
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as room:
        for source in SOURCES:
            output = Path(room) / Path(source).stem
            run_demo(str(data / source), output, seconds)
            passage = read_passage(output / "bag")
            shutil.rmtree(output)
            depth = DEPTHS[passage.sent[0][2]] if passage.sent else 0
            name = Path(source).stem
            figures |= {
                f"{name} frames of the file": open_source(data / source).frame_count,
                f"{name} frames": len(passage.sent),
                f"{name} Hz": passage.rate,
                f"{name} lost or changed": passage.lost,
                f"{name} bits": depth,
            }
            print(
                f"{source}: {len(passage.sent)} frames of {depth} bit at {passage.rate} Hz, "
                f"{passage.lost} lost or with another header",
                flush=True,
            )
    write_result("real_input", figures)
    return int(any(value for name, value in figures.items() if name.endswith("lost or changed")))


def read_passage(bag: Path) -> Passage:
    """The stamp, frame_id, encoding and size of each frame on /ir/image and /ir/restored."""
    found: dict[str, list[tuple[int, str, str, int, int]]] = {"/ir/image": [], "/ir/restored": []}
    with AnyReader([bag]) as reader:
        wanted = [connection for connection in reader.connections if connection.topic in found]
        for connection, _, raw in reader.messages(wanted):
            message = reader.deserialize(raw, connection.msgtype)
            stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
            facts = (stamp, message.header.frame_id, message.encoding, message.height, message.width)
            found[connection.topic].append(facts)
    return Passage(found["/ir/image"], found["/ir/restored"])


if __name__ == "__main__":
    stay_apart()
    run_command(real_input)
