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

"""Options shared by all commands that restore frames. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from infrared_ir_ros.records import Options


@dataclass(frozen=True)
class Restoring:
    """How frames are restored: the node's parameters, as options of a command.

    Parameters
    ----------
    tone
        restore undoes loss of contrast and brightness, preserve keeps level and contrast, auto preserves temperatures
        (counts mapping tlinear) and restores otherwise.
    strength
        Mix of input (0) and restored frame (1).
    pattern_memory
        auto: learn what stays in place while the camera moves, and subtract it once the evidence is strong; on: with
        less evidence; off: do not. For each video and bag separately.
    counts_mapping
        How counts map to the range that the network sees: fixed, percentile, tlinear (temperatures), auto.
    counts_minimum
        Counts that map to 0 when the mapping is fixed.
    counts_maximum
        Counts that map to 1 when the mapping is fixed.
    counts_resolution
        Kelvin per count of tlinear input: 0.01 or 0.1; affects figures in kelvin, not the frames.
    prior
        The network: embedded ships with the package; sd_turbo needs an imported checkpoint and torch.
    prior_path
        Folder of the prior's weights; empty: those of the package.
    prompts
        File with more tasks, a bank of prompts trained for this prior.
    engine
        What runs the network: auto, onnxruntime, openvino, torch.
    device
        Where it runs: auto, cpu, cuda, or Intel's gpu and npu.
    precision
        Number format that it computes with: auto, fp32, fp16, bf16.
    """

    tone: str = "auto"
    strength: float = 1.0
    pattern_memory: Literal["off", "on", "auto"] = "auto"
    counts_mapping: str = "auto"
    counts_minimum: float = 0.0
    counts_maximum: float = 65535.0
    counts_resolution: float = 0.01
    prior: str = "embedded"
    prior_path: str = ""
    prompts: str = ""
    engine: str = "auto"
    device: str = "auto"
    precision: str = "auto"

    def options(self, task: str, smoothing: float) -> Options:
        """The options of a restorer. Raises OptionError for an invalid value."""
        from infrared_ir_ros.records import Counts, Options  # numpy comes with it

        counts = Counts(
            self.counts_mapping, self.counts_minimum, self.counts_maximum, resolution=self.counts_resolution
        )
        return Options(task, self.tone, self.strength, smoothing, counts, self.pattern_memory)

    def network(self) -> dict[str, str]:
        """Keywords of load_restorer."""
        return {name: getattr(self, name) for name in NETWORK}


NETWORK = ("prior", "prior_path", "prompts", "engine", "device", "precision")
DEFAULTS = Restoring()
