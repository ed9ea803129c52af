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

"""export_prior: write a trained prior as safetensors and ONNX."""

from __future__ import annotations

from pathlib import Path

from infrared_ir_ros.commands.running import run_command


def export_prior(run: Path, config: Path, *, output: Path, version: str) -> None:
    """Write the averaged weights of a training as safetensors and ONNX graphs, with their hashes.

    Parameters
    ----------
    run
        Folder of the training, with its checkpoint.
    config
        The YAML file that it was started with.
    output
        Folder of the prior, for the parameter `prior_path`.
    version
        Written into the manifest and shown in diagnostics.
    """
    from infrared_ir_ros.priors.export import export_prior as export
    from infrared_ir_ros.training import checkpoint
    from infrared_ir_ros.training.config import read_config
    from infrared_ir_ros.training.train import new_prior

    asked, progress = read_config(config), checkpoint.load(run)
    prior = new_prior(asked.prior)
    checkpoint.fill(prior, progress.average, f"a prior with {asked.prior}")
    export(prior, asked.prior, output, version)
    if progress.stage < len(asked.stages):
        at = f"stage {progress.stage + 1} of {len(asked.stages)} ({asked.title(progress.stage)})"
        print(f"not finished: {run} stopped in {at}; these are the weights of that time")
    print(f"exported {version}: {output}, for prior_path")


def main() -> None:
    run_command(export_prior)


if __name__ == "__main__":
    main()
