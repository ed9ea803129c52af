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

"""export_detector: make a trained YOLOv8 usable by the node."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from infrared_ir_ros.commands.running import run_command


def export_detector(
    detector: Path,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    version: str = "",
    allow_pickle: bool = False,
) -> None:
    """Export a YOLOv8 as the folder of a detector: ONNX with non-maximum suppression, and safetensors; no pickle.

    Set detector.model to the folder. The classes keep their names. Needs torch and ultralytics (AGPL-3.0).

    Parameters
    ----------
    detector
        The .pt of ultralytics, or a folder that this command wrote.
    output
        Folder of the detector.
    version
        Written into the files and shown in diagnostics; default: that of the folder, or the name of the .pt.
    allow_pickle
        Confirm that you trust the author of a .pt, which is a pickle and may run any code.
    """
    from infrared_ir_ros.training.detector_network import exporter, load_network

    network = load_network(detector, allow_pickle)
    exporter().export_detector(network.model, network.names, output, version or network.version)
    print(f"{len(network.names)} classes ({', '.join(network.names)[:200]}) in {output}")


def main() -> None:
    """Entry point `export_detector`."""
    run_command(export_detector)


if __name__ == "__main__":
    main()
