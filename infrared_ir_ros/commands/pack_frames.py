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

"""pack_frames: gather the clean frames of a training into one file."""

from __future__ import annotations

from pathlib import Path

from infrared_ir_ros.commands.running import run_command


def pack_frames(
    data: Path, *, output: Path, photographs: Path | None = None, layouts: int = 400, seed: int = 0
) -> None:
    """Gather the clean frames of a training into one file.

    Parameters
    ----------
    data
        Folder of the thermal recordings, with `detection/`, `segmentation/`, `video/` and `raw16/`.
    output
        The pack to write, an .npz.
    photographs
        Folder of freely licensed photographs, which add edges and textures of towns; the shipped configurations need
        them.
    layouts
        Number of procedural scenes.
    seed
        Seed of the procedural scenes.
    """
    from infrared_ir_ros.training.pack import write_pack

    counts = write_pack(data, photographs, output, layouts, seed)
    print(f"packed {output}, frames: {', '.join(f'{name} {count}' for name, count in counts.items())}")


def main() -> None:
    run_command(pack_frames)


if __name__ == "__main__":
    main()
