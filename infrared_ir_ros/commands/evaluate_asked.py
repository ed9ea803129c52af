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

"""The checked request of evaluate_bag."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.evaluation.recordings import Wanted
from infrared_ir_ros.records import Options
from infrared_ir_ros.simulation.degradation import check_preset

MODES = ("offline", "replay")


@dataclass(frozen=True)
class Asked:
    """The arguments of evaluate_bag. network: keywords of load_restorer."""

    inputs: tuple[Path, ...]
    output: Path
    mode: str
    tasks: tuple[str, ...]
    chains: tuple[str, ...]
    wanted: Wanted
    options: Options
    network: dict[str, str]
    distance_every: int
    detector: str = ""
    ray: str = field(default="", repr=False)  # not in repr, which identifies a request: it changes no figure

    def __post_init__(self) -> None:
        wanted = self.wanted
        if self.mode not in MODES:
            raise OptionError(f"--mode is {self.mode!r}: use one of {', '.join(MODES)}")
        if not self.inputs:
            raise OptionError("no input is given: name bags, videos or folders")
        if self.mode == "replay" and (len(self.tasks) != 1 or self.chains):
            raise OptionError("--mode replay plays one task through the node: give one --task and no --classical")
        if self.ray and self.mode == "replay":
            raise OptionError("--ray distributes offline evaluation only: --mode replay measures this machine")
        if sum(map(bool, (wanted.reference_topic, wanted.reference, wanted.degradation))) > 1:
            raise OptionError("use one of --reference-topic, --reference and --degradation")
        if wanted.degradation:
            check_preset(wanted.degradation)  # fails now rather than in each recording
        if wanted.labels and wanted.label_topic:
            raise OptionError("use one of --labels and --label-topic")
        if (wanted.labels or wanted.label_topic) and not (self.detector or wanted.detection_topics):
            raise OptionError("labels are for detections: give --detector or --detection-topic")
        if min(wanted.frames, wanted.seed, self.distance_every) < 0:
            raise OptionError("--frames, --seed and --distance-every must not be below 0")
