"""pack_frames: gather the clean frames of a training into one file."""

from __future__ import annotations

from pathlib import Path

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.training.pack import write_pack


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
        Folder of freely licensed photographs: they add edges and textures of towns.
    layouts
        Number of procedural scenes.
    seed
        Of the procedural scenes.
    """
    write_pack(data, photographs, output, layouts, seed)


def main() -> None:
    run_command(pack_frames)


if __name__ == "__main__":
    main()
