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

"""Plots over time as SVG that scales with the page: lines only; the page holds the text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WIDTH, HEIGHT, POINTS = 600, 150, 300


@dataclass(frozen=True)
class Chart:
    """svg: the lines, safe to put into a page. low, high: values at its lower and upper border. start, end: seconds."""

    title: str
    svg: str
    low: str
    high: str
    start: str
    end: str


def chart(title: str, seconds: np.ndarray, lines: dict[str, np.ndarray], colours: dict[str, str]) -> Chart | None:
    """Values over time by name; None unless one of them has two finite values. Long ones are averaged to POINTS."""
    lines = {name: values for name, values in lines.items() if np.isfinite(values).sum() > 1}
    if not lines or len(seconds) < 2:
        return None
    averaged = {name: _averaged(seconds, values) for name, values in lines.items()}
    every = np.concatenate([values for _, values in averaged.values()])
    low, high = float(every.min()), float(every.max())
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    bottom, top = low - margin, high + margin
    start, end = float(seconds[0]), max(float(seconds[-1]), float(seconds[0]) + 1e-9)
    paths = []
    for name, (times, values) in averaged.items():
        x = WIDTH * (times - start) / (end - start)
        y = HEIGHT * (top - values) / (top - bottom)
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        paths.append(f'<polyline points="{points}" stroke="{colours[name]}"/>')
    svg = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img">{"".join(paths)}</svg>'
    return Chart(title, svg, f"{low:.4g}", f"{high:.4g}", f"{start:.1f} s", f"{end:.1f} s")


def _averaged(seconds: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    finite = np.isfinite(values)
    seconds, values = seconds[finite], values[finite]
    parts = min(POINTS, len(values))
    means = ([part.mean() for part in np.array_split(data, parts)] for data in (seconds, values))
    times, averages = (np.array(list(one)) for one in means)
    return times, averages
