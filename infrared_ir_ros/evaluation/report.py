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

"""The report of an evaluation: a self-contained HTML file, JSON for programs, CSV of every frame."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.evaluation.charts import Chart, chart
from infrared_ir_ros.evaluation.detecting import LABELS, PRECISION, precision
from infrared_ir_ros.evaluation.judge import Row
from infrared_ir_ros.evaluation.methods import INPUT
from infrared_ir_ros.evaluation.summary import FIGURES, Mean, summarise
from infrared_ir_ros.media import write_atomically
from infrared_ir_ros.media.paths import printable
from infrared_ir_ros.records import Detection

COLOURS = ("#6b7280", "#d9480f", "#1c7ed6", "#2b8a3e", "#9c36b5", "#c2255c", "#0b7285", "#5c3d2e")
PLOTTED = ("psnr_fitted", "bias_k", "stripes", "temporal_noise", "flicker", "detections", "log_snr", "milliseconds")
CHARTED = 12  # recordings with plots; the figures of the others are in the CSV


@dataclass
class Recording:
    """The results of one recording. seconds: of each frame since the first. rows: of each frame, by method. boxes: the
    detections in each frame, by method; the ground truth is under LABELS."""

    name: str
    path: str
    sha256: str
    shape: tuple[int, ...] = ()
    dtype: str = ""
    seconds: list[float] = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)
    rows: list[dict[str, Row]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    bag: str = ""
    boxes: list[dict[str, tuple[Detection, ...]]] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)  # about a replay, and about frames without some figures

    def values(self, method: str, figure: str) -> np.ndarray:
        """One figure of all frames; NaN if a frame has none."""
        return np.array([row.get(method, {}).get(figure, math.nan) for row in self.rows], np.float64)


@dataclass(frozen=True)
class Picture:
    """A frame for the slider. images: by method, (H, W) uint8, on one scale; the input first. boxes: by method."""

    title: str
    caption: str
    images: dict[str, np.ndarray]
    boxes: dict[str, list[Detection]]

    def layers(self) -> list[tuple[str, np.ndarray, list[Detection]]]:
        """Name, image and boxes of all layers, the input first; a topic that has only boxes shows them on the input."""
        alone = {name: self.images[INPUT] for name in self.boxes if name not in (*self.images, LABELS)}
        return [(name, image, self.boxes.get(name, [])) for name, image in (self.images | alone).items()]

    def labels(self) -> list[Detection]:
        """The ground truth."""
        return self.boxes.get(LABELS, [])


@dataclass
class Evaluation:
    """A whole evaluation. configuration: options, hashes and versions. failed: recordings that could not be read, with
    the reason."""

    methods: list[str]
    configuration: dict[str, str]
    recordings: list[Recording]
    failed: dict[str, str]
    notes: list[str] = field(default_factory=list)

    def table(self) -> dict[str, dict[str, Mean]]:
        """figure -> method -> mean, for the figures that any method has."""
        table: dict[str, dict[str, Mean]] = {}
        for figure in FIGURES:
            inputs = [one.values(INPUT, figure) for one in self.recordings]
            means = {}
            for method in self.methods:
                values = [one.values(method, figure) for one in self.recordings]
                if any(np.isfinite(group).any() for group in values):
                    means[method] = summarise(values, inputs)
            if means:
                table[figure] = means
        table |= precision(self.methods, [frame for one in self.recordings for frame in one.boxes])
        return {figure: table[figure] for figure in FIGURES if figure in table}


def write_report(folder: Path, evaluation: Evaluation, pictures: list[Picture]) -> None:
    """Write frames.csv, report.json and report.html into a folder. Raises SourceError if that fails."""
    table = evaluation.table()
    write_atomically(folder / "frames.csv", _csv(evaluation).encode())
    write_atomically(folder / "report.json", _json(evaluation, table).encode())
    write_atomically(folder / "report.html", _html(evaluation, table, pictures).encode("utf-8", "backslashreplace"))


def _csv(evaluation: Evaluation) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [name for name in (*FIGURES, "static") if name not in PRECISION]
    writer.writerow(["recording", "frame", "stamp_ns", "method", *names])
    for one in evaluation.recordings:
        for number, (stamp, rows) in enumerate(zip(one.stamps, one.rows, strict=True)):
            for method, row in rows.items():
                cells = (row.get(name, math.nan) for name in names)
                writer.writerow([_words(one.name), number, stamp, _words(method), *(_cell(value) for value in cells)])
    return out.getvalue()


def _words(text: str) -> str:
    """A name from outside, as a cell that no spreadsheet takes for a formula."""
    shown = printable(text)
    return f"'{shown}" if shown.startswith(tuple("=+-@")) else shown


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"


def _json(evaluation: Evaluation, table: dict[str, dict[str, Mean]]) -> str:
    """The report as JSON; values that are not finite become null."""
    recordings = [
        {name: value for name, value in asdict(one).items() if name not in ("rows", "seconds", "stamps", "boxes")}
        | {"frames": len(one.rows)}
        for one in evaluation.recordings
    ]
    figures = {name: {method: _finite(mean) for method, mean in means.items()} for name, means in table.items()}
    whole = {
        "configuration": evaluation.configuration,
        "recordings": recordings,
        "failed": evaluation.failed,
        "notes": evaluation.notes,
        "figures": figures,
    }
    return json.dumps(whole, indent=1) + "\n"


def _finite(mean: Mean) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in asdict(mean).items()}


def _html(evaluation: Evaluation, table: dict[str, dict[str, Mean]], pictures: list[Picture]) -> str:
    try:
        from jinja2 import Environment
    except ImportError as error:
        raise OptionError(
            "the report needs Jinja2: pip install -r requirements/evaluate.txt, in the package's environment"
        ) from error
    template = files("infrared_ir_ros.evaluation").joinpath("report.html.jinja").read_text("utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"figure": _figure, "png": _png}
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(evaluation.methods)}
    charts = {one.name: _charts(one, evaluation.methods, colours) for one in evaluation.recordings[:CHARTED]}
    shown = {name for picture in pictures for name, _, _ in picture.layers()[1:]}  # some frames lack some
    layers = [name for name in evaluation.methods if name in shown] + sorted(shown - {*evaluation.methods})
    return environment.from_string(template).render(
        evaluation=evaluation, table=table, figures=FIGURES, pictures=pictures, charts=charts, colours=colours,
        layers=layers, labelled=any(picture.labels() for picture in pictures),
    )  # fmt: skip


def _charts(one: Recording, methods: list[str], colours: dict[str, str]) -> list[Chart]:
    seconds = np.array(one.seconds)
    found = []
    for figure in PLOTTED:
        about = FIGURES[figure]
        title = f"{about.label}, {about.unit}" if about.unit else about.label
        found.append(chart(title, seconds, {name: one.values(name, figure) for name in methods}, colours))
    return [one for one in found if one is not None]


def _figure(value: float, digits: int, signed: bool = False) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"


def _png(image: np.ndarray) -> str:
    """The image as text for a page."""
    _, packed = cv2.imencode(".png", image)
    return "data:image/png;base64," + base64.b64encode(packed.tobytes()).decode("ascii")
