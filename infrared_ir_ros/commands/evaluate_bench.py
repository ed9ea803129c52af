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

"""The methods and yardsticks that recordings are evaluated with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import infrared_ir_ros
from infrared_ir_ros.commands.evaluate_asked import Asked
from infrared_ir_ros.detection import Detector, load_detector
from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.evaluation.detecting import LABELS
from infrared_ir_ros.evaluation.judge import Yardsticks
from infrared_ir_ros.evaluation.methods import INPUT, Classical, Method, Ours
from infrared_ir_ros.evaluation.metrics import Distance
from infrared_ir_ros.evaluation.recordings import CLEAN, result_topic
from infrared_ir_ros.media.hashing import fingerprint
from infrared_ir_ros.media.paths import printable
from infrared_ir_ros.records import CLEAN_LEVELS, CLEAN_PERCENTILES
from infrared_ir_ros.restoration import load_restorer

STRETCHED = (
    f"Clean 8-bit frames are stretched before the comparison (percentiles {CLEAN_PERCENTILES[0]} and "
    f"{CLEAN_PERCENTILES[1]} to the levels {CLEAN_LEVELS[0]} and {CLEAN_LEVELS[1]}), like frames restored with --tone "
    "restore. An input of other levels has low PSNR and SSIM by its tone alone; the fitted figures ignore tone. "
    "With --tone preserve clean frames are not stretched."
)


@dataclass(frozen=True)
class Bench:
    """methods: to run; none in a replay. names: of all that is compared, the input first. detector: runs on the frames
    of each method. notes: on missing figures."""

    methods: list[Method]
    names: list[str]
    detector: Detector | None
    yardsticks: Yardsticks
    notes: list[str]


def set_up(asked: Asked) -> Bench:
    """Load methods, detector and yardsticks. Raises InfraredError."""
    methods = _methods(asked)
    played = [live_name(asked)] if asked.mode == "replay" else []
    names = [INPUT, *played, *(method.name for method in methods)]
    names += dict.fromkeys([*asked.wanted.methods, *asked.wanted.detection_topics])
    _check_names(names)
    network = asked.network
    detector = (
        load_detector(asked.detector, engine=network["engine"], device=network["device"]) if asked.detector else None
    )
    return Bench(methods, names, detector, *_yardsticks(asked))


def _check_names(names: list[str]) -> None:
    """Raises OptionError for two whose frames the bag of the results could not tell apart."""
    everything = [CLEAN, LABELS, *names]
    topic, count = Counter(map(result_topic, everything)).most_common(1)[0]
    if count > 1:
        raise OptionError(
            f"two of {printable(', '.join(everything))} would be {topic} in the results: leave one out, or give it "
            "another name"
        )


def live_name(asked: Asked) -> str:
    """The name of the method that a replay judges."""
    return f"{asked.options.task} live"


def _methods(asked: Asked) -> list[Method]:
    if asked.mode == "replay":
        return []
    chains: list[Method] = [Classical(chain, asked.options.preserves) for chain in dict.fromkeys(asked.chains)]
    ours: list[Method] = []
    for task in dict.fromkeys(asked.tasks):
        options = replace(asked.options, task=task)
        ours.append(Ours(task, load_restorer(**asked.network, options=options)))
    return ours + chains


def _yardsticks(asked: Asked) -> tuple[Yardsticks, list[str]]:
    """The yardsticks, and notes on missing figures."""
    kelvin = asked.options.counts.resolution if asked.options.counts.mapping == "tlinear" else 0.0
    if not (asked.wanted.has_reference or asked.wanted.degradation):
        return Yardsticks(kelvin, asked.options.preserves), [
            "No clean frames were given: the figures describe how frames look, not whether they are true."
        ]
    distances, notes = dict(_distances()) if asked.distance_every else {}, []
    if asked.distance_every and len(distances) < 2:
        notes.append("MS-SSIM needs torchmetrics and ST-LPIPS needs stlpips-pytorch: the missing one was left out.")
    if not asked.options.preserves:
        notes.append(STRETCHED)
    return Yardsticks(kelvin, asked.options.preserves, distances, max(asked.distance_every, 1)), notes


def _distances() -> Iterator[tuple[str, Distance]]:
    try:
        from infrared_ir_ros.training import ms_ssim, perceptual
    except ImportError:
        return  # without torch
    if ms_ssim.is_installed():
        yield "ms_ssim", ms_ssim.ms_ssim
    if perceptual.is_installed():
        yield "st_lpips", perceptual.st_lpips().distance


def configuration(asked: Asked, bench: Bench) -> dict[str, str]:
    """The request, and the versions and hashes of the methods; as text."""
    shown = {"version": getattr(infrared_ir_ros, "__version__", ""), "mode": asked.mode}
    shown |= {"inputs": ", ".join(printable(str(path)) for path in asked.inputs)}
    shown |= {name: str(value) for name, value in asdict(asked.wanted).items() if value}
    shown |= {name: str(value) for name, value in asdict(asked.options).items() if name not in ("task", "counts")}
    shown |= {f"counts.{name}": str(value) for name, value in asdict(asked.options.counts).items()}
    for method in bench.methods:
        if isinstance(method, Ours):
            shown[f"method {method.name}"] = ", ".join(f"{k} {v}" for k, v in method.restorer.description.items() if v)
        else:
            shown[f"method {method.name}"] = "classical chain"
    if bench.detector:
        shown |= bench.detector.description
    if prompts := asked.network["prompts"]:
        shown["prompts"] = f"{prompts}, SHA-256 {fingerprint(Path(prompts))}"
    return {name: value for name, value in shown.items() if value}
