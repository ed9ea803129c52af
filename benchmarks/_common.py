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

"""Shared by all benchmarks: writing and reading results, and describing the machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from infrared_ir_ros.evaluation import bootstrap_interval, mean_over_sets
from infrared_ir_ros.media import write_atomically
from infrared_ir_ros.restoration.palettes import levels

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "results"


def write_result(
    name: str, figures: Mapping[str, float], seeds: Sequence[int] = (), notes: Mapping[str, str] | None = None
) -> Path:
    """Write benchmarks/results/NAME.json: figure -> number, with commit, machine and seeds.

    notes: further facts, such as the weights. Returns the path. Raises SourceError if it cannot be written.
    """
    record = {"commit": commit(), "machine": machine(), "seeds": list(seeds), **(notes or {}), **figures}
    path = RESULTS / f"{name}.json"
    write_atomically(path, (json.dumps(record, indent=1) + "\n").encode())
    return path


def read_result(name: str) -> dict[str, float]:
    """The figures of benchmarks/results/NAME.json, with `commit`, `machine` and `seeds`. Raises FileNotFoundError."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def measured_before(name: str, asked: Mapping[str, str] | None = None) -> dict[str, float]:
    """The figures of benchmarks/results/NAME.json if their notes agree with `asked`, else none."""
    try:
        known = read_result(name)
    except FileNotFoundError:
        return {}
    same = all(known.get(key) == value for key, value in (asked or {}).items())
    return {key: value for key, value in known.items() if isinstance(value, int | float)} if same else {}


def fill_marked(page: Path, name: str, text: str) -> None:
    """Put text between `<!-- NAME -->` and `<!-- /NAME -->` of a page. Raises ValueError if it has no such marks."""
    whole, begin = page.read_text(), f"<!-- {name} -->"
    head, end = whole.index(begin) + len(begin), whole.index(f"<!-- /{name} -->")
    write_atomically(page, f"{whole[:head]}\n{text}\n{whole[end:]}".encode())


def with_interval(name: str, groups: Sequence[np.ndarray]) -> dict[str, float]:
    """The mean over sets of a figure of their frames, as NAME, and its 95 % interval, as NAME.low and NAME.high."""
    low, high = bootstrap_interval(groups)
    return {name: mean_over_sets(groups), f"{name}.low": low, f"{name}.high": high}


def interval_text(figures: Mapping[str, float], name: str, form: str = "+.2f") -> str:
    """`value [low, high]`, or the value alone of a figure without an interval."""
    value, ends = figures[name], [figures[key] for key in (f"{name}.low", f"{name}.high") if key in figures]
    return f"{value:{form}} [{ends[0]:{form}}, {ends[1]:{form}}]" if ends else f"{value:{form}}"


def stretched(image: np.ndarray) -> np.ndarray:
    """A frame of any depth stretched for display, uint8."""
    low, high = np.percentile(image, (0.5, 99.5))
    return levels(image, low, max(high, low + 1e-3))


def commit() -> str:
    """Short hash of the commit, with `+` if tracked files have changed since; `unknown` without git."""
    try:
        revision = _git("rev-parse", "--short=10", "HEAD")
        return revision + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    return subprocess.run(("git", *arguments), cwd=FOLDER, check=True, capture_output=True, text=True).stdout.strip()


def machine() -> str:
    """Processor, cores, system and Python in one line."""
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{_processor()}, {os.cpu_count()} cores, {system}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown processor")


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table readable as text and as Markdown: the first column left-aligned, the others right-aligned."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = [cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(cells, widths, strict=True))]
        return f"| {' | '.join(padded)} |"

    rule = [("-" * w if not i else "-" * (w - 1) + ":") for i, w in enumerate(widths)]
    return "\n".join((line(header), line(rule), *map(line, rows)))
