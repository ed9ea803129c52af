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

"""From scores of single frames to the figures, tables and verdicts of the restoration benchmark.

Figures are named PRESET.COLUMN.METHOD.MEASURE: columns are `all`, `seen` and `unseen` sensors (means over sets) and
the single sets. `classical` is the best variant of design section 7 for that preset and measure (mean over all sets),
`strongest` the best of all variants that we know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from _cases import VARIANTS, variant_name
from _common import markdown_table

from infrared_ir_ros.evaluation import Score, bootstrap_interval, mean_over_sets
from infrared_ir_ros.evaluation.testsets import SEEN_SENSORS, SETS, UNSEEN_SENSORS

Scores = Mapping[tuple[str, str], Mapping[str, list[Score]]]  # (preset, set) -> method -> score of each frame
Figures = dict[str, float]

MEASURES = ("psnr", "psnr_fitted", "ssim", "ssim_fitted")
ALL_VARIANTS = tuple(variant_name(*variant) for variant in VARIANTS)
DESIGN_VARIANTS = tuple(name for name in ALL_VARIANTS if not name.endswith("gradient"))
METHODS = {"input": "input", "classical": "section 7", "strongest": "strongest", "v0": "v = 0", "ours": "ours"}
OPPONENTS = ("classical", "strongest", "v0")
DEGRADED = ("hm_tir_normal", "hm_tir_hard", "sensor_normal", "sensor_hard")
REQUIRED_LEAD = {  # as they come, after gain and offset; dB over the best chain of design section 7
    "hm_tir_normal": (1.0, 1.0),
    "hm_tir_hard": (2.5, 2.0),
    "sensor_normal": (0.5, 0.5),
    "sensor_hard": (0.5, 0.5),
}
ALLOWED_LAG = -0.3  # dB, on a set of a sensor never trained on
CLEAN_PSNR = 36.0  # dB, a clean frame with its tone preserved


def columns(present: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Column name -> the sets whose mean it is, of the sets that are there."""
    there = set(present)
    groups = {"all": SETS, "seen": SEEN_SENSORS, "unseen": UNSEEN_SENSORS, **{name: (name,) for name in SETS}}
    kept = {name: tuple(s for s in sets if s in there) for name, sets in groups.items()}
    return {name: sets for name, sets in kept.items() if sets}


def summarise(scores: Scores) -> Figures:
    """All figures of a run."""
    figures: Figures = {}
    for preset in dict.fromkeys(preset for preset, _ in scores):
        tables = {name: table for (its_preset, name), table in scores.items() if its_preset == preset}
        for measure in (*MEASURES, "psnr_luma"):
            values = {
                name: {method: _values(entries, measure) for method, entries in table.items()}
                for name, table in tables.items()
            }
            _add_opponents(values)
            figures |= _figures(values, preset, measure)
    return figures


def _values(entries: list[Score], measure: str) -> np.ndarray:
    return np.minimum([getattr(entry, measure) for entry in entries], 100.0)  # equal frames have infinite PSNR


def _add_opponents(values: dict[str, dict[str, np.ndarray]]) -> None:
    """Name the best variants (mean over all sets) `classical` and `strongest`."""
    present = next(iter(values.values()))
    for opponent, variants in (("classical", DESIGN_VARIANTS), ("strongest", ALL_VARIANTS)):
        candidates = [variant for variant in variants if variant in present]
        if candidates:
            best = max(candidates, key=lambda variant: mean_over_sets([table[variant] for table in values.values()]))
            for table in values.values():
                table[opponent] = table[best]


def _figures(values: dict[str, dict[str, np.ndarray]], preset: str, measure: str) -> Figures:
    figures: Figures = {}
    for column, sets in columns(values).items():
        tables = [values[name] for name in sets]
        for method in tables[0]:
            if column == "all" or (method not in ALL_VARIANTS and measure != "psnr_luma"):
                figures[f"{preset}.{column}.{method}.{measure}"] = mean_over_sets([table[method] for table in tables])
        for opponent in OPPONENTS:
            if measure in ("psnr", "psnr_fitted") and {"ours", opponent} <= tables[0].keys():
                leads = [table["ours"] - table[opponent] for table in tables]
                low, high = bootstrap_interval(leads)
                name = f"{preset}.{column}.lead_over_{opponent}.{measure}"
                figures |= {name: mean_over_sets(leads), f"{name}.low": low, f"{name}.high": high}
        if preset == "clean" and measure == "psnr":
            worst = min(float(table["preserved"].min()) for table in tables)
            figures[f"{preset}.{column}.preserved.{measure}.worst"] = worst
    return {name: round(value, 4) for name, value in figures.items()}


def best_variant(figures: Figures, preset: str, variants: tuple[str, ...], measure: str) -> str:
    """The variant that stands behind `classical` or `strongest`."""
    return max(variants, key=lambda variant: figures.get(f"{preset}.all.{variant}.{measure}", -np.inf))


def render(figures: Figures) -> str:
    """Tables and verdicts as Markdown text that also reads well on a terminal."""
    presets = [preset for preset in DEGRADED if f"{preset}.all.input.psnr" in figures]
    parts = [_preset_text(figures, preset) for preset in presets]
    if "clean.all.preserved.psnr" in figures:
        parts.append(_clean_text(figures))
    parts.append(_denoisers_text(figures, presets))
    parts.append(_verdict_text(figures, presets))
    return "\n\n".join(part for part in parts if part)


def _preset_text(figures: Figures, preset: str) -> str:
    names = _names(figures, f"{preset}.{{}}.input.psnr")
    methods = {m: label for m, label in METHODS.items() if f"{preset}.all.{m}.psnr" in figures}
    leads = [o for o in ("classical", "v0") if f"{preset}.all.lead_over_{o}.psnr" in figures]
    lead_header = [text for o in leads for text in (f"ours over {METHODS[o]}", "fitted")]
    rows = []
    for name in names:
        row = [_cell(figures, f"{preset}.{name}.{method}", "psnr", 2) for method in methods]
        for opponent in leads:
            row += [_lead(figures, f"{preset}.{name}.lead_over_{opponent}.{m}") for m in ("psnr", "psnr_fitted")]
        rows.append([name, *row])
    ssim = [[name, *(_cell(figures, f"{preset}.{name}.{method}", "ssim", 3) for method in methods)] for name in names]
    parts = [
        f"### {preset}",
        f"Grey PSNR in dB as the frames come (after the best gain and offset). {_chains(figures, preset)}",
        markdown_table(["", *methods.values(), *lead_header], rows),
        f"{_strongest(figures, preset)}Luma PSNR, as the paper prints it, all sets: {_luma_text(figures, preset)}.",
        "SSIM as the frames come (after the best gain and offset):",
        markdown_table(["", *methods.values()], ssim),
    ]
    return "\n\n".join(parts)


def _names(figures: Figures, pattern: str) -> list[str]:
    return [name for name in columns(SETS) if pattern.format(name) in figures]


def _chains(figures: Figures, preset: str) -> str:
    names = [
        f"{METHODS[key]}: {best_variant(figures, preset, variants, 'psnr')}"
        f" ({best_variant(figures, preset, variants, 'psnr_fitted')})"
        for key, variants in (("classical", DESIGN_VARIANTS), ("strongest", ALL_VARIANTS))
    ]
    return f"Best chains: {', '.join(names)}."


def _strongest(figures: Figures, preset: str) -> str:
    key = f"{preset}.all.lead_over_strongest.psnr"
    if key not in figures:
        return ""
    return f"Ours over the strongest chain, all sets: {_lead(figures, key)}, fitted {_lead(figures, f'{key}_fitted')}. "


def _luma_text(figures: Figures, preset: str) -> str:
    keys = {label: f"{preset}.all.{method}.psnr_luma" for method, label in METHODS.items()}
    return ", ".join(f"{label} {figures[key]:.2f}" for label, key in keys.items() if key in figures)


def _cell(figures: Figures, name: str, measure: str, digits: int) -> str:
    return f"{figures[f'{name}.{measure}']:.{digits}f} ({figures[f'{name}.{measure}_fitted']:.{digits}f})"


def _lead(figures: Figures, name: str) -> str:
    return f"{figures[name]:+.2f} [{figures[f'{name}.low']:+.2f}, {figures[f'{name}.high']:+.2f}]"


def _clean_text(figures: Figures) -> str:
    rows = [
        [
            name,
            *(
                f"{figures[f'clean.{name}.{key}']:.2f}"
                for key in ("preserved.psnr", "preserved.psnr.worst", "ours.psnr")
            ),
        ]
        for name in _names(figures, "clean.{}.preserved.psnr")
    ]
    table = markdown_table(["", "tone preserved", "worst frame", "tone restored"], rows)
    return "\n\n".join(["### clean input", "Grey PSNR in dB, ours.", table])


def _denoisers_text(figures: Figures, presets: list[str]) -> str:
    methods = [m for m in ("wavelet", "nlm", "bm3d") if any(f"{p}.denoisers.{m}.psnr" in figures for p in presets)]
    if not methods:
        return ""
    rows = [
        [preset, *(_cell(figures, f"{preset}.denoisers.{method}", "psnr", 2) for method in methods)]
        for preset in presets
    ]
    text = "The best section 7 chain with other denoisers, on a few frames of each set; grey PSNR in dB."
    return "\n\n".join(["### denoisers", text, markdown_table(["", *methods], rows)])


def verdicts(figures: Figures) -> list[tuple[str, float, float]]:
    """(what is required, what it must be above, what was measured) for all that was measured."""
    wanted: list[tuple[str, float, str]] = []
    for preset, leads in REQUIRED_LEAD.items():
        for least, measure in zip(leads, ("psnr", "psnr_fitted"), strict=True):
            wanted.append(
                (f"{preset}: lead over classical, {measure}", least, f"{preset}.all.lead_over_classical.{measure}")
            )
            for name in UNSEEN_SENSORS:
                key = f"{preset}.{name}.lead_over_classical.{measure}"
                wanted.append((f"{preset}: lead over classical on {name}, {measure}", ALLOWED_LAG, key))
            for name in SETS:
                key = f"{preset}.{name}.lead_over_v0.{measure}"
                wanted.append((f"{preset}: lead over v = 0 on {name}, {measure}", 0.0, key))
    wanted.append(("clean input, tone preserved, psnr", CLEAN_PSNR, "clean.all.preserved.psnr"))
    return [(text, least, figures[key]) for text, least, key in wanted if key in figures]


def _verdict_text(figures: Figures, presets: list[str]) -> str:
    results = verdicts(figures)
    if not results:
        return ""
    missed = [entry for entry in results if entry[2] <= entry[1]]
    rows = [[text, f"{least:+.2f}", f"{value:+.2f}"] for text, least, value in missed]
    rows += [
        [text, f"{least:+.2f}", f"{value:+.2f}"]
        for text, least, value in results
        if value > least and " on " not in text
    ]
    summary = f"{len(results) - len(missed)} of {len(results)} requirements are met; missed ones first:"
    return "\n\n".join(["### requirements", summary, markdown_table(["", "above", "measured"], rows)])
