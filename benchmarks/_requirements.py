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

"""The requirements of the restoration: the thresholds of both stages, compared with the figures of a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from _common import markdown_table
from _figures import DEGRADED, Figures

from infrared_ir_ros.evaluation.testsets import SETS, UNSEEN_SENSORS

PSNRS = ("psnr", "psnr_fitted")
# dB over the best chain of design section 7, mean over the sets: as they come, after gain and offset
FIRST_LEADS = {
    "hm_tir_normal": (1.0, 1.0),
    "hm_tir_hard": (2.5, 2.0),
    "sensor_normal": (0.5, 0.5),
    "sensor_hard": (0.5, 0.5),
}
LEADS = {
    "hm_tir_normal": (3.0, 2.5),
    "hm_tir_hard": (4.0, 4.0),
    "sensor_light": (1.5, 1.5),
    "sensor_normal": (1.5, 1.5),
    "sensor_hard": (1.5, 1.5),
}
FIRST_UNSEEN, UNSEEN = -0.3, 1.0  # dB over that chain on each set of a sensor never trained on
FIRST_CLEAN, CLEAN = 36.0, 38.0  # dB, a clean frame with its tone preserved
BEHIND_REGRESSION = -0.3  # dB, at worst


@dataclass(frozen=True)
class Requirement:
    """`figure` must be above `asked`. of_a_set: one of many of its kind, listed only if missed."""

    stage: str
    text: str
    asked: float
    figure: str
    of_a_set: bool = False


def requirements() -> Iterator[Requirement]:
    """All requirements, measured or not."""
    for stage, leads in (("A", FIRST_LEADS), ("B", LEADS)):
        for preset, least in leads.items():
            for asked, measure in zip(least, PSNRS, strict=True):
                yield _lead(stage, preset, "classical", measure, asked)
    for measure in PSNRS:
        for preset in FIRST_LEADS:
            for name in UNSEEN_SENSORS:
                yield _lead("A", preset, "classical", measure, FIRST_UNSEEN, name)
            for name in SETS:
                yield _lead("A", preset, "v0", measure, 0.0, name)
        for preset in DEGRADED:
            for name in UNSEEN_SENSORS:
                yield _lead("B", preset, "classical", measure, UNSEEN, name)
            for name in SETS:
                yield _lead("B", preset, "nafnet", measure, BEHIND_REGRESSION, name)
        for preset in ("hm_tir_normal", "hm_tir_hard"):
            yield _lead("B", preset, "nafnet", measure, 0.0)
    for stage, asked in (("A", FIRST_CLEAN), ("B", CLEAN)):
        yield Requirement(stage, "clean input, tone preserved, psnr", asked, "clean.all.preserved.psnr")


def _lead(stage: str, preset: str, opponent: str, measure: str, asked: float, set_name: str = "") -> Requirement:
    where = f" on {set_name}" if set_name else ""
    text = f"{preset}: lead over {opponent}{where}, {measure}"
    return Requirement(stage, text, asked, f"{preset}.{set_name or 'all'}.lead_over_{opponent}.{measure}", bool(where))


def verdicts(figures: Figures) -> list[tuple[Requirement, float]]:
    """The measured requirements with their figures."""
    return [(required, figures[required.figure]) for required in requirements() if required.figure in figures]


def verdict_text(figures: Figures) -> str:
    """asked | measured, for each stage: missed requirements first; met ones of single sets are only counted."""
    parts = []
    for stage in ("A", "B"):
        results = [(required, value) for required, value in verdicts(figures) if required.stage == stage]
        missed = [entry for entry in results if entry[1] <= entry[0].asked]
        met = [entry for entry in results if entry[1] > entry[0].asked and not entry[0].of_a_set]
        if results:
            rows = [[required.text, f"{required.asked:+.2f}", f"{value:+.2f}"] for required, value in missed + met]
            summary = f"{len(results) - len(missed)} of {len(results)} requirements are met; missed ones first:"
            parts += [f"### requirements of stage {stage}", summary, markdown_table(["", "asked", "measured"], rows)]
    return "\n\n".join(parts)
