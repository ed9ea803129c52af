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

"""Evaluation of the detection benchmark: mAP, intervals, requirements, tables."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
from _cases import VARIANTS, variant_name
from _common import interval_text, markdown_table
from tqdm import tqdm

from infrared_ir_ros.evaluation.precision import mean_average_precision
from infrared_ir_ros.records import Detection

CLEAN, DEGRADED, CLASSICAL = "clean", "degraded", "classical"
CHAINS = tuple(variant_name(*variant) for variant in VARIANTS)
PROMPTS = ("restore", "detect")
METHODS = (DEGRADED, CLASSICAL, *PROMPTS)
JUDGED, REQUIRED_RECOVERY, REQUIRED_LEAD = "hm_tir_hard", 60.0, 10.0  # per cent, and points of mAP50

Found = list[tuple[Detection, ...]]  # by frame
Table = dict[str, Found]  # by `PRESET.METHOD`, and `clean`


def summarise(truth: Found, table: Table, presets: Sequence[str], resamples: int, seed: int) -> dict[str, float]:
    """mAP in per cent, `METHOD.map50` and `METHOD.map`, and the gains of restoration in mAP50; `.low` and `.high`.

    `PRESET.classical` is the chain that is best under the preset, which favours it. `recovered`: the share of the
    loss by degradation that the prompt `detect` recovers, in per cent; `lead`: of `detect` over `classical`, in points.
    """
    whole = np.arange(len(truth))
    figures: dict[str, float] = {}
    sources = {CLEAN: CLEAN}
    for preset in presets:
        chains = {chain: _precision(truth, table[f"{preset}.{chain}"], whole)[0] for chain in CHAINS}
        figures |= {f"{preset}.{chain}.map50": value for chain, value in chains.items()}
        sources |= {f"{preset}.{method}": f"{preset}.{method}" for method in (DEGRADED, *PROMPTS)}
        sources[f"{preset}.{CLASSICAL}"] = f"{preset}.{max(chains, key=chains.__getitem__)}"
    found = {key: table[source] for key, source in sources.items()}
    measured = _measure(truth, found, presets, whole)
    rng = np.random.default_rng(seed)
    draws = [rng.integers(0, len(truth), len(truth)) for _ in range(resamples)]
    measure = partial(_measure, truth, found, presets)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        resampled = list(tqdm(pool.map(measure, draws, chunksize=10), "intervals", len(draws)))
    for key, value in measured.items():
        figures[key] = value
        if resampled:
            figures[f"{key}.low"], figures[f"{key}.high"] = np.quantile([row[key] for row in resampled], (0.025, 0.975))
    return figures


def _measure(truth: Found, found: Table, presets: Sequence[str], draw: np.ndarray) -> dict[str, float]:
    """All figures for the frames of a draw."""
    figures: dict[str, float] = {}
    for key, of_frames in found.items():
        figures[f"{key}.map50"], figures[f"{key}.map"] = _precision(truth, of_frames, draw)
    for preset in presets:
        lost = figures[f"{CLEAN}.map50"] - figures[f"{preset}.{DEGRADED}.map50"]
        won = figures[f"{preset}.detect.map50"] - figures[f"{preset}.{DEGRADED}.map50"]
        figures[f"{preset}.recovered"] = 100 * won / lost if lost > 0 else 100.0
        figures[f"{preset}.lead"] = figures[f"{preset}.detect.map50"] - figures[f"{preset}.{CLASSICAL}.map50"]
    return figures


def _precision(truth: Found, found: Found, draw: np.ndarray) -> tuple[float, float]:
    at_half, mean = mean_average_precision([truth[index] for index in draw], [found[index] for index in draw])
    return 100 * at_half, 100 * mean


def render(figures: dict[str, float]) -> str:
    """A table for each detector, and the requirements beside the measured figures."""
    suffix = f".{CLEAN}.map50"
    return "\n\n".join(_text(figures, key.removesuffix(suffix)) for key in figures if key.endswith(suffix))


def _text(figures: dict[str, float], name: str) -> str:
    begin, end = f"{name}.", f".{DEGRADED}.map50"
    presets = [
        key.removeprefix(begin).removesuffix(end) for key in figures if key.startswith(begin) and key.endswith(end)
    ]
    rows = [
        [
            preset,
            *(_precisions(figures, f"{name}.{preset}.{method}") for method in METHODS),
            interval_text(figures, f"{name}.{preset}.lead", "+.1f"),
            interval_text(figures, f"{name}.{preset}.recovered", ".0f") + " %",
        ]
        for preset in presets
    ]
    header = ["", DEGRADED, "best classical chain", *(f"prompt {task}" for task in PROMPTS)]
    parts = [
        f"### detector {name}",
        f"mAP50 (mAP50-95) in per cent on {figures['frames']:.0f} frames; clean frames: "
        f"{_precisions(figures, f'{name}.{CLEAN}')}.",
        markdown_table([*header, "detect over classical", "detect recovers"], rows),
    ]
    if JUDGED in presets:
        recovered, lead = figures[f"{name}.{JUDGED}.recovered"], figures[f"{name}.{JUDGED}.lead"]
        parts.append(
            f"{JUDGED}: of what was lost {REQUIRED_RECOVERY:.0f} % are to be recovered: {recovered:.0f} %; the lead "
            f"over the best classical chain is to be {REQUIRED_LEAD:.0f} points of mAP50: {lead:+.1f}."
        )
    return "\n\n".join(parts)


def _precisions(figures: dict[str, float], key: str) -> str:
    return f"{interval_text(figures, f'{key}.map50', '.1f')} ({figures[f'{key}.map']:.1f})"
