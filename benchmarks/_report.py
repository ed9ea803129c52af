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

"""The tables of the restoration benchmark, as Markdown text that also reads well on a terminal."""

from __future__ import annotations

from _common import interval_text, markdown_table
from _figures import ALL_VARIANTS, DEGRADED, DESIGN_VARIANTS, METHODS, Figures, best_variant, columns
from _requirements import verdict_text

from infrared_ir_ros.evaluation.testsets import SETS

LEADS_SHOWN = ("classical", "v0")


def render(figures: Figures) -> str:
    """Tables and verdicts."""
    presets = [preset for preset in DEGRADED if f"{preset}.all.input.psnr" in figures]
    parts = [_preset_text(figures, preset) for preset in presets]
    if "clean.all.preserved.psnr" in figures:
        parts.append(_clean_text(figures))
    parts.append(_denoisers_text(figures, presets))
    parts.append(verdict_text(figures))
    return "\n\n".join(part for part in parts if part)


def _preset_text(figures: Figures, preset: str) -> str:
    methods = {m: label for m, label in METHODS.items() if f"{preset}.all.{m}.psnr" in figures}
    parts = [
        f"### {preset}",
        f"Grey PSNR in dB as the frames come (after the best gain and offset). {_chains(figures, preset)}",
        _psnr_table(figures, preset, methods),
        " ".join(filter(None, (_groups_text(figures, preset), _others_text(figures, preset)))),
        f"Luma PSNR, as the paper prints it, all sets: {_luma_text(figures, preset)}.",
    ]
    for measure, label in (("ssim", "SSIM"), ("st_lpips", "ST-LPIPS (smaller is better; on a few frames of each set)")):
        if f"{preset}.all.input.{measure}" in figures:
            parts += [f"{label} as the frames come (after the best gain and offset):"]
            parts += [_measure_table(figures, preset, methods, measure)]
    return "\n\n".join(part for part in parts if part)


def _psnr_table(figures: Figures, preset: str, methods: dict[str, str]) -> str:
    leads = [o for o in LEADS_SHOWN if f"{preset}.all.lead_over_{o}.psnr" in figures]
    header = [text for o in leads for text in (f"ours over {METHODS[o]}", "fitted")]
    rows = []
    for name in _names(figures, f"{preset}.{{}}.input.psnr"):
        row = [_cell(figures, f"{preset}.{name}.{method}", "psnr", 2) for method in methods]
        for opponent in leads:
            row += [
                interval_text(figures, f"{preset}.{name}.lead_over_{opponent}.{m}") for m in ("psnr", "psnr_fitted")
            ]
        rows.append([name, *row])
    return markdown_table(["", *methods.values(), *header], rows)


def _measure_table(figures: Figures, preset: str, methods: dict[str, str], measure: str) -> str:
    lead = f"lead_over_classical.{measure}"
    shown = f"{preset}.all.{lead}" in figures
    rows = []
    for name in _names(figures, f"{preset}.{{}}.input.{measure}"):
        row = [_cell(figures, f"{preset}.{name}.{method}", measure, 3) for method in methods]
        rows.append([name, *row, *([interval_text(figures, f"{preset}.{name}.{lead}", "+.3f")] if shown else [])])
    return markdown_table(["", *methods.values(), *(["ours over section 7"] if shown else [])], rows)


def _names(figures: Figures, pattern: str) -> list[str]:
    return [name for name in columns(SETS) if pattern.format(name) in figures]


def _chains(figures: Figures, preset: str) -> str:
    names = [
        f"{METHODS[key]}: {best_variant(figures, preset, variants, 'psnr')}"
        f" ({best_variant(figures, preset, variants, 'psnr_fitted')})"
        for key, variants in (("classical", DESIGN_VARIANTS), ("strongest", ALL_VARIANTS))
    ]
    return f"Best chains: {', '.join(names)}."


def _groups_text(figures: Figures, preset: str) -> str:
    """Means of ours with their intervals."""
    names = [name for name in ("all", "seen", "unseen") if f"{preset}.{name}.ours.psnr.low" in figures]
    return " ".join(f"Ours, {name}: {interval_text(figures, f'{preset}.{name}.ours.psnr', '.2f')}." for name in names)


def _others_text(figures: Figures, preset: str) -> str:
    """Leads without their own column."""
    keys = {m: f"{preset}.all.lead_over_{m}.psnr" for m in METHODS if m not in LEADS_SHOWN}
    return " ".join(
        f"Ours over {METHODS[method]}, all sets: {interval_text(figures, key)}, "
        f"fitted {interval_text(figures, f'{key}_fitted')}."
        for method, key in keys.items()
        if key in figures
    )


def _luma_text(figures: Figures, preset: str) -> str:
    keys = {label: f"{preset}.all.{method}.psnr_luma" for method, label in METHODS.items()}
    return ", ".join(f"{label} {figures[key]:.2f}" for label, key in keys.items() if key in figures)


def _cell(figures: Figures, name: str, measure: str, digits: int) -> str:
    return f"{figures[f'{name}.{measure}']:.{digits}f} ({figures[f'{name}.{measure}_fitted']:.{digits}f})"


def _clean_text(figures: Figures) -> str:
    keys = ("preserved.psnr", "preserved.psnr.worst", "ours.psnr")
    rows = [
        [name, *(f"{figures[f'clean.{name}.{key}']:.2f}" for key in keys)]
        for name in _names(figures, "clean.{}.preserved.psnr")
    ]
    table = markdown_table(["", "tone preserved", "worst frame", "tone restored"], rows)
    return "\n\n".join(["### clean input", "Grey PSNR in dB, ours.", table])


def _denoisers_text(figures: Figures, presets: list[str]) -> str:
    methods = [m for m in ("wavelet", "nlm", "bm3d") if any(f"{p}.denoisers.{m}.psnr" in figures for p in presets)]
    rows = [
        [preset, *(_cell(figures, f"{preset}.denoisers.{method}", "psnr", 2) for method in methods)]
        for preset in presets
        if f"{preset}.denoisers.wavelet.psnr" in figures
    ]
    if not rows:
        return ""
    text = "The best section 7 chain with other denoisers, on a few frames of each set; grey PSNR in dB."
    return "\n\n".join(["### denoisers", text, markdown_table(["", *methods], rows)])
