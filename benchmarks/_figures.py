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

"""From scores of single frames to the figures of the restoration benchmark.

Figures are named PRESET.COLUMN.METHOD.MEASURE: columns are `all`, `seen` and `unseen` sensors (means over sets) and
the single sets. `classical` is the best variant of design section 7 for that preset and measure (mean over all sets),
`strongest` the best of all variants. `.low` and `.high` are the ends of the 95 % interval over frames, for the three
groups and for every lead over another method.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from _cases import SINGLE_PRESETS, VARIANTS, variant_name
from _common import with_interval

from infrared_ir_ros.evaluation import Score, mean_over_sets
from infrared_ir_ros.evaluation.testsets import SEEN_SENSORS, SETS, UNSEEN_SENSORS

Scores = Mapping[tuple[str, str], Mapping[str, list[Score]]]  # (preset, set) -> method -> score of each frame
Figures = dict[str, float]
Values = dict[str, dict[str, np.ndarray]]  # set -> method -> one figure of each frame

MEASURES = ("psnr", "psnr_fitted", "ssim", "ssim_fitted", "st_lpips", "st_lpips_fitted")
SMALLER_IS_BETTER = ("st_lpips", "st_lpips_fitted")
HIGHEST = 100.0  # dB, of equal frames, whose PSNR is infinite
ALL_VARIANTS = tuple(variant_name(*variant) for variant in VARIANTS)
DESIGN_VARIANTS = tuple(name for name in ALL_VARIANTS if not name.endswith("gradient"))
METHODS = {
    "input": "input",
    "classical": "section 7",
    "strongest": "strongest",
    "v0": "v = 0",
    "nafnet": "regression",
    "plain_unet": "no timestep",
    "ours": "ours",
}
OPPONENTS = ("classical", "strongest", "v0", "nafnet", "plain_unet")
GROUPS = {"all": SETS, "seen": SEEN_SENSORS, "unseen": UNSEEN_SENSORS}
DEGRADED = ("hm_tir_normal", "hm_tir_hard", *SINGLE_PRESETS, "sensor_light", "sensor_normal", "sensor_hard")


def columns(present: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Column name -> the sets whose mean it is, of the present sets."""
    there = set(present)
    groups = {**GROUPS, **{name: (name,) for name in SETS}}
    kept = {name: tuple(s for s in sets if s in there) for name, sets in groups.items()}
    return {name: sets for name, sets in kept.items() if sets}


def summarise(scores: Scores) -> Figures:
    """All figures of a run."""
    figures: Figures = {}
    for preset in dict.fromkeys(preset for preset, _ in scores):
        tables = {name: table for (its_preset, name), table in scores.items() if its_preset == preset}
        for measure in (*MEASURES, "psnr_luma"):
            values = _values(tables, measure)
            if values:
                _add_opponents(values, measure)
                figures |= _figures(values, preset, measure)
    return figures


def _values(tables: Mapping[str, Mapping[str, list[Score]]], measure: str) -> Values:
    """One measure of all frames that have it, without sets where none has it."""
    values = {
        name: {method: _of_frames(entries, measure) for method, entries in table.items()}
        for name, table in tables.items()
    }
    return {name: table for name, table in values.items() if all(len(column) for column in table.values())}


def _of_frames(entries: list[Score], measure: str) -> np.ndarray:
    found = np.array([getattr(entry, measure) for entry in entries], np.float64)
    return np.minimum(found[~np.isnan(found)], HIGHEST)


def _add_opponents(values: Values, measure: str) -> None:
    """Name the best variants (mean over all sets) `classical` and `strongest`."""
    present = next(iter(values.values()))
    sign = -1 if measure in SMALLER_IS_BETTER else 1
    for opponent, variants in (("classical", DESIGN_VARIANTS), ("strongest", ALL_VARIANTS)):
        means = {v: sign * mean_over_sets([table[v] for table in values.values()]) for v in variants if v in present}
        if means:
            best = max(means, key=means.__getitem__)
            for table in values.values():
                table[opponent] = table[best]


def _figures(values: Values, preset: str, measure: str) -> Figures:
    figures: Figures = {}
    for column, sets in columns(values).items():
        tables = [values[name] for name in sets]
        for method in tables[0]:
            if column == "all" or (method not in ALL_VARIANTS and measure != "psnr_luma"):
                interval = column in GROUPS and method in METHODS and measure in MEASURES
                name = f"{preset}.{column}.{method}.{measure}"
                figures |= _mean(name, [table[method] for table in tables], interval)
        for opponent in OPPONENTS:
            if measure in MEASURES and {"ours", opponent} <= tables[0].keys():
                leads = [table["ours"] - table[opponent] for table in tables]
                figures |= _mean(f"{preset}.{column}.lead_over_{opponent}.{measure}", leads, True)
        if preset == "clean" and measure == "psnr":
            worst = min(float(table["preserved"].min()) for table in tables)
            figures[f"{preset}.{column}.preserved.{measure}.worst"] = round(worst, 4)
    return figures


def _mean(name: str, groups: list[np.ndarray], interval: bool) -> Figures:
    found = with_interval(name, groups) if interval else {name: mean_over_sets(groups)}
    return {key: round(value, 4) for key, value in found.items()}


def best_variant(figures: Figures, preset: str, variants: tuple[str, ...], measure: str) -> str:
    """The variant behind `classical` or `strongest` for a measure that is better when larger."""
    return max(variants, key=lambda variant: figures.get(f"{preset}.all.{variant}.{measure}", -np.inf))
