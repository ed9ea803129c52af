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

"""The report of an evaluation: its tables, and names from outside in them."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("jinja2")

from infrared_ir_ros.evaluation.charts import HEIGHT, WIDTH, chart  # noqa: E402
from infrared_ir_ros.evaluation.report import Evaluation, Picture, Recording, write_report  # noqa: E402
from infrared_ir_ros.evaluation.summary import FIGURES  # noqa: E402
from infrared_ir_ros.records import Detection  # noqa: E402

HOSTILE = '=HYPERLINK("x")<img src=x>\n'


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two recordings, one of a hostile name; the input and one method, which is 2 dB better and misses a frame."""
    folder = tmp_path_factory.mktemp("report")
    plain = [{"input": {"psnr": 20.0 + k % 3}, "restore": {"psnr": 22.0 + k % 3, "stripes": 0.1}} for k in range(60)]
    del plain[3]["restore"]
    some = [{"input": {"psnr": 10.0, "stripes": 0.3}, "restore": {"psnr": 11.0, "stripes": math.nan}}]
    recordings = [
        Recording(name, f"/data/{name}", "a" * 64, (48, 64), "uint8", [k / 10 for k in stamps], stamps, rows)
        for name, stamps, rows in (("plain", [*range(60)], plain), (HOSTILE, [7], some))
    ]
    boxes = {"input": [Detection((1, 2, 11, 22), 0.5, HOSTILE)]}
    images = {name: np.zeros((48, 64), np.uint8) for name in ("input", "restore")}
    pictures = [Picture(HOSTILE, HOSTILE, images, boxes), Picture("more", "", images | {"other": images["input"]}, {})]
    asked = {"topic": HOSTILE, "reference": "/data/\udcff"}  # a name that is not UTF-8
    evaluation = Evaluation(["input", "restore"], asked, recordings, {HOSTILE: HOSTILE}, [HOSTILE])
    write_report(folder, evaluation, pictures)
    return folder


def test_names_from_outside_are_neither_markup_nor_formulas(written: Path) -> None:
    assert "<img src=x>" not in (written / "report.html").read_text()
    with open(written / "frames.csv") as file:
        names = {row["recording"] for row in csv.DictReader(file)}
    assert names == {"plain", "'" + HOSTILE.replace("\n", "\\n")}


def test_methods_that_answered_only_some_of_the_frames_shown_can_be_chosen(written: Path) -> None:
    page = (written / "report.html").read_text()
    assert "<option>restore</option><option>other</option>" in page and page.count('data-method="other"') == 1


def test_means_are_over_recordings_and_gains_over_frames_that_both_have(written: Path) -> None:
    figures = json.loads((written / "report.json").read_text())["figures"]
    assert figures["psnr"]["input"]["mean"] == pytest.approx((21 + 10) / 2)
    restored = figures["psnr"]["restore"]
    assert restored["gain"] == pytest.approx((2 + 1) / 2) and restored["gain_low"] <= restored["gain"]
    assert figures["stripes"]["restore"]["mean"] == pytest.approx(0.1), "what is not finite is left out"
    assert figures["stripes"]["restore"]["gain"] is None, "no frame has both"


def test_every_frame_of_every_method_has_a_row_and_what_is_missing_is_empty(written: Path) -> None:
    with open(written / "frames.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 59 + 60 + 2
    assert [(row["stamp_ns"], row["method"], row["stripes"]) for row in rows[-2:]] == [
        ("7", "input", "0.3"),
        ("7", "restore", ""),
    ]


def test_the_best_of_each_row_is_marked_whether_more_is_better_or_less(written: Path) -> None:
    page = (written / "report.html").read_text()
    for label in ("PSNR", "stripe index"):
        (row,) = re.findall(rf"<tr><td>{label}[ ,].*?</tr>", page, re.DOTALL)
        assert re.findall(r'data-method="(\w+)" class="best"', row) == ["restore"], label


def test_more_is_better_of_likeness_and_less_of_faults_and_time(tmp_path: Path) -> None:
    """Of a method with larger figures throughout, against the input."""
    rows = [{"input": dict.fromkeys(FIGURES, 1.0), "more": dict.fromkeys(FIGURES, 2.0)}]
    recording = Recording("one", "/one", "a" * 64, (48, 64), "uint8", [0.0], [0], rows)
    write_report(tmp_path, Evaluation(["input", "more"], {}, [recording], {}), [])
    page = (tmp_path / "report.html").read_text()
    best = {
        label.split(",")[0].strip(" ↑↓"): re.findall(r'data-method="(\w+)" class="best"', row)
        for label, row in re.findall(r"<tr><td>([^<]*)<br>(.*?)</tr>", page, re.DOTALL)
    }
    likeness = {"PSNR", "PSNR fitted", "SSIM", "SSIM fitted", "MS-SSIM fitted", "mAP50", "mAP50-95"}
    faults = {"ST-LPIPS fitted", "temperature noise", "stripe index", "temporal noise", "flicker", "latency"}
    assert {label for label, marked in best.items() if marked == ["more"]} == likeness
    assert {label for label, marked in best.items() if marked == ["input"]} == faults
    neither = {"temperature bias", "detail", "detections", "log SNR of the input"}
    assert {label for label, marked in best.items() if not marked} == neither


def test_the_page_shows_means_intervals_gains_and_plots(written: Path) -> None:
    page = (written / "report.html").read_text()
    (row,) = re.findall(r"<tr><td>PSNR, dB.*?</tr>", page, re.DOTALL)
    before, after = re.findall(r"<td data-method=.*?</td>", row, re.DOTALL)
    assert ">15.50\n" in before and ">17.01\n" in after, "means of the recordings' means"
    assert re.search(r"<small>\d\d\.\d\d … \d\d\.\d\d</small>", after)
    assert re.search(r"<small>\+1\.50 \[\+\d\.\d\d, \+\d\.\d\d\]</small>", after) and "+" not in before
    (row,) = re.findall(r"<tr><td>stripe index.*?</tr>", page, re.DOTALL)
    assert "None" not in row and "nan" not in row, "what is too little for an interval has none"
    plots = re.findall(r"<summary>(.*?)</summary>(.*?)</details>", page, re.DOTALL)
    titles = [re.findall(r"<h3>(.*?)</h3>", drawn) for _, drawn in plots]
    assert plots[0][0] == "plain" and titles == [["stripe index"], []], "one frame makes no line"
    assert plots[0][1].count("<polyline") == 1


def test_a_plot_spans_its_values_and_leaves_gaps_out() -> None:
    seconds = np.array([5.0, 6.0, 7.0])
    lines = {"a": np.array([1.0, np.nan, 3.0]), "b": np.array([2.0, 2.5, np.nan]), "c": np.full(3, np.nan)}
    found = chart("title", seconds, lines, {"a": "#aaa", "b": "#bbb", "c": "#ccc"})
    assert found is not None and (found.low, found.high, found.start, found.end) == ("1", "3", "5.0 s", "7.0 s")
    points = [
        [tuple(map(float, point.split(","))) for point in line.split()]
        for line in re.findall(r'points="([^"]*)" stroke="#(?:aaa|bbb)"', found.svg)
    ]
    (first, last), (_, middle) = points
    assert (first[0], last[0], middle[0]) == (0, WIDTH, WIDTH / 2) and "#ccc" not in found.svg
    assert HEIGHT > first[1] > middle[1] > last[1] > 0, "larger values lie higher"
    assert chart("title", seconds, {"c": lines["c"]}, {}) is None
