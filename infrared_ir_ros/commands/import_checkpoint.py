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

"""import_checkpoint: make the authors' checkpoint usable as `prior: sd_turbo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from infrared_ir_ros.commands.running import run_command


def import_checkpoint(
    checkpoint: Path,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    base: str = "stabilityai/sd-turbo",
    step: str = "exact",
    tile: int = 1024,
    decoder: str = "",
    compile: bool = False,
) -> None:
    """Convert the checkpoint of the method's authors into the folder of a prior: safetensors and json, no pickle.

    To use it, set `prior` to sd_turbo and `prior_path` to the output folder. The folder refers to its base, SD-Turbo,
    in a local folder or the hub's cache. No code in the checkpoint is run.

    Parameters
    ----------
    checkpoint
        The authors' InfraredIR.pkl.
    output
        Folder of the prior, for the parameter prior_path.
    base
        SD-Turbo: a folder in diffusers layout, or its id on Hugging Face's hub (several GB are downloaded).
    step
        exact, or released: the posterior mean of DDPM, as in the authors' code.
    tile
        Frames with a side longer than this many pixels are restored in blended tiles; a multiple of 64.
    decoder
        Folder or hub id of an AutoencoderTiny (such as madebyollin/taesd) to use instead of SD-Turbo's decoder: much
        faster, less exact.
    compile
        Compile the denoiser with torch.compile when it is loaded: takes minutes at the start, faster frames on a GPU.
    """
    from infrared_ir_ros.priors.released import read_checkpoint
    from infrared_ir_ros.priors.sd_import import write_import

    released = read_checkpoint(checkpoint)
    write_import(released, base, output, step, tile, decoder, compile)
    print(f"{len(released.layers)} adapted layers, rank {released.rank_unet} and {released.rank_vae}, in {output}")


def main() -> None:
    """Entry point `import_checkpoint`."""
    run_command(import_checkpoint)


if __name__ == "__main__":
    main()
