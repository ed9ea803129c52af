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

"""The report in a real browser, where there is one: `pip install playwright`, and chromium from the distribution.

REPORT=/path/to/report.html looks at another one, and LOOK=folder keeps pictures of it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infrared_ir_ros.commands.evaluate_bag import evaluate_bag
from infrared_ir_ros.commands.make_bag import make_bag
from infrared_ir_ros.media.bag_writer import BagWriter
from infrared_ir_ros.media.detections import DETECTIONS, DetectionTopic, detections_message
from infrared_ir_ros.media.sources import open_source

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With everything in it: several methods, clean frames, kelvin, detections and labels, a recording that failed."""
    if "REPORT" in os.environ:
        return Path(os.environ["REPORT"])
    folder = tmp_path_factory.mktemp("page")
    make_bag("scene", output=folder / "film", frames=8, width=160, height=120, degradation="sensor_normal")
    with BagWriter(folder / "in/a_recording_with_a_long_name_that_has_no_blank_in_it_at_all") as bag:
        for topic in ("/ir/image", "/ir/truth/clean"):
            for frame in open_source(folder / "film", topic):
                bag.write_image(topic, frame.image, frame.stamp_ns, "ir")
                if frame.number < 4:
                    bag.write_image("/sparse", frame.image, frame.stamp_ns, "ir")
        for seen in DetectionTopic(folder / "film", "/ir/truth/boxes"):
            for topic in ("/found", "/there"):
                bag.write(topic, DETECTIONS, seen.stamp_ns, detections_message(seen.detections, seen.stamp_ns, "ir"))
    (folder / "in/empty").mkdir()
    (folder / "in/empty/x.mcap").write_bytes(b"")
    options = {
        "classical": ("wavelet+none", "wavelet+gradient"),
        "method_topic": ("/sparse",),
        "detection_topic": ("/found",),
        "label_topic": "/there",
    }
    evaluate_bag(folder / "in", output=folder / "r", reference_topic="/ir/truth/clean", distance_every=0, **options)
    return folder / "r/report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overflows_and_the_slider_moves(report: Path, browser: Any, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(report.as_uri())
    if "LOOK" in os.environ:
        page.screenshot(path=f"{os.environ['LOOK']}/{report.parent.name}_{width}.png", full_page=True)

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = """[...document.querySelectorAll('body *')].filter(one => !one.closest('.scroll, svg, select') &&
        one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 200))"""
    assert page.evaluate(wide) == []

    cut = "getComputedStyle(document.querySelector('.over:not([hidden])')).clipPath"
    half = page.evaluate(cut)
    page.locator(".compare").first.scroll_into_view_if_needed()
    box = page.locator(".compare").first.bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.up()
    assert "50%" in half and "20%" in page.evaluate(cut), "dragged on the picture"
    slider = page.locator("input[type=range]").first
    slider.focus()
    slider.press("Home")
    assert page.evaluate(cut).endswith(" 0%)"), "and by the keyboard"

    names = page.locator("#method option").all_text_contents()
    page.select_option("#method", names[-1])
    shown = "[...document.querySelectorAll('.over')].filter(one => !one.hidden).map(one => one.dataset.method)"
    assert set(page.evaluate(shown)) == {names[-1]} and page.locator(".compare .r").first.text_content() == names[-1]
    if "REPORT" not in os.environ:
        page.select_option("#method", "/sparse")
        assert set(page.locator(".compare .r").all_text_contents()) == {"/sparse", "no frame of /sparse"}
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == [] and complaints == []
    page.close()
