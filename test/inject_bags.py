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

"""Faults of bags (26-28 of the list): damaged ones, ones that name other files, hostile names.

`test/commands/test_faults_of_files.py` injects a few of each kind, `benchmarks/faults.py` many.
"""

from __future__ import annotations

import csv
import os
import random
import resource
from html.parser import HTMLParser
from pathlib import Path

from inject_files import PLAIN, STEP, T0, answer, check_report, check_words, frames, remove, write_bag
from outcome import Outcome

from infrared_ir_ros.commands.evaluate_bag import evaluate_bag
from infrared_ir_ros.media import open_source
from infrared_ir_ros.media.bag_writer import BagWriter
from infrared_ir_ros.media.detections import DETECTIONS, detections_message
from infrared_ir_ros.records import Detection

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "=cmd|' /C calc'!A1",
    "\x1b[31mred\x1b]0;x\x07",
    "..",
    "@SUM(A1)",
    "\u202egnp.exe",
    '" onmouseover="alert(1)',
    "{{ 7*7 }}",
    "line\nbreak",
)


# ---- 26, 27: damaged bags, and bags that name other files ---------------------------------------------------------


def damaged_bags(folder: Path, count: int, seed: int) -> Outcome:
    """Cut or flipped anywhere, mcap and sqlite3 in turn: the frames read are true, and losses are reported."""
    rng, outcome, images = random.Random(seed), Outcome(), frames(30)
    files = {}
    for storage, suffix in (("mcap", ".mcap"), ("sqlite3", ".db3")):
        write_bag(folder / storage, images, storage)
        files[suffix] = (folder / storage / f"{storage}{suffix}").read_bytes()
    truth = {image.tobytes(): number for number, image in enumerate(images)}
    before = _peak_memory()
    read = 0
    for turn in range(count):
        suffix, cut = (".mcap", ".db3")[turn % 2], turn % 4 < 2
        path, report = folder / "broken" / f"x{suffix}", folder / "report"
        path.parent.mkdir(exist_ok=True)
        flips = 0 if cut else rng.choice((1, 1, 1, 20))
        path.write_bytes(_damaged(files[suffix], rng, flips))
        with outcome.fault(f"{'cut' if cut else 'flipped'} {suffix}, {turn}"):
            code, said = answer(lambda path=path, report=report: evaluate_bag(path, output=report, **PLAIN))
            check_words(said)
            assert code in (0, 1, None) and (code is None) == (not report.exists()), (code, said)
            if code is None:
                assert 0 < len(said.splitlines()) <= 4, said
            else:
                (one,) = check_report(report)["recordings"]
                seen = [truth.get(frame.image.tobytes()) for frame in open_source(report / one["bag"])]
                whole = [number for number in seen if number is not None]
                assert whole == sorted(whole) and len(seen) - len(whole) <= flips, "frames are not the bag's"
                assert len(seen) == len(images) or code == 1, "frames are lost without a word"
                read += len(whole)
        remove(report)
        path.unlink()
    outcome.figures["frames read"] = read
    outcome.figures["memory growth MB"] = round((_peak_memory() - before) / 1e3, 1)
    outcome.require(outcome.figures["memory growth MB"] < 400, "memory grows")
    return outcome


def _damaged(data: bytes, rng: random.Random, flips: int) -> bytes:
    """`data` with `flips` changed bytes, or cut if 0."""
    if not flips:
        return data[: rng.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(flips):
        changed[rng.randrange(len(data))] ^= rng.randrange(1, 256)
    return bytes(changed)


def _peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def foreign_files(folder: Path, count: int, seed: int) -> Outcome:
    """metadata.yaml names files outside of the bag's folder: refused, and none of them is copied."""
    outcome = Outcome()
    write_bag(folder / "secret", frames(2))
    os.rename(folder / "secret/secret.mcap", folder / "secret.mcap")
    inside = ["../secret.mcap", "a/b/../../../secret.mcap", "link.mcap", "bag/../../secret.mcap", "./../secret.mcap"]
    names = [*inside, "link/secret.mcap", str(folder / "secret.mcap"), "/dev/zero", "/proc/self/mem"]
    for turn in range(count):
        name = names[turn % len(names)]
        bag = write_bag(folder / f"bag{turn}", frames(2))
        (bag / "link.mcap").symlink_to(folder / "secret.mcap")
        (bag / "link").symlink_to(folder)
        described = (bag / "metadata.yaml").read_text()
        (bag / "metadata.yaml").write_text(described.replace(f"{bag.name}.mcap", name))
        with outcome.fault(name):
            code, said = answer(lambda bag=bag: evaluate_bag(bag, output=folder / "report", **PLAIN))
            check_words(said)
            refused = (
                "outside of the bag: refused" in said or "none of the files that metadata.yaml names exists" in said
            )
            assert code is None and refused, (code, said)
            assert not (folder / "report").exists()
            outcome.said.append(said)
        remove(bag)
    return outcome


# ---- 28: hostile names --------------------------------------------------------------------------------------------


class _Page(HTMLParser):
    """Counts the active parts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts, self.handlers, self.sources = 0, [], []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.sources += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]


def hostile_names(folder: Path, count: int, seed: int) -> Outcome:
    """Names of bags, topics and labels that are markup, formulas or escapes: inert wherever they are shown."""
    rng, outcome = random.Random(seed), Outcome()
    for turn in range(count):
        name = HOSTILE[turn % len(HOSTILE)] + ("" if turn < len(HOSTILE) else rng.choice(HOSTILE))
        file_name = name.replace("/", "_") if name != ".." else "..."
        bag, report = folder / file_name, folder / "report"
        topic = f"/{name}"
        with BagWriter(bag) as writer:
            for number, image in enumerate(frames(3)):
                stamp = T0 + number * STEP
                writer.write_image(topic, image, stamp, name)
                writer.write_image(f"{topic}/mine", image, stamp, name)
                found = detections_message([Detection((4.0, 4.0, 20.0, 20.0), 0.9, name)], stamp, name)
                writer.write(f"{topic}/found", DETECTIONS, stamp, found)
        with outcome.fault(repr(name)):
            options = {"topic": topic, "method_topic": (f"{topic}/mine",), "detection_topic": (f"{topic}/found",),
                       "label_topic": f"{topic}/found"}  # fmt: skip
            code, said = answer(
                lambda bag=bag, report=report, options=options: evaluate_bag(bag, output=report, **options, **PLAIN)
            )
            check_words(said)
            assert code == 0, said
            _check_inert(report, folder)
        remove(bag, report)
    return outcome


def _check_inert(report: Path, folder: Path) -> None:
    page = _Page()
    page.feed((report / "report.html").read_text("utf-8"))
    assert page.scripts == 1 and page.handlers == [], (page.scripts, page.handlers)
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    with open(report / "frames.csv", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell[:1] in tuple("=+@\t\r") and cell], "a cell is a formula"
    assert all(cell.isprintable() for cell in cells)
    check_report(report)
    inside = [path.relative_to(report) for path in report.rglob("*")]
    assert all(
        part.replace("_", "").replace("-", "").replace(".", "").isalnum() for path in inside for part in path.parts
    )
