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

"""Which files are one recording, and what belongs to its frames."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from evaluating import FEW

from infrared_ir_ros.commands.evaluate_bag import evaluate_bag
from infrared_ir_ros.errors import InfraredError
from infrared_ir_ros.evaluation.judge import Judge, Yardsticks
from infrared_ir_ros.evaluation.recordings import Wanted, instants, recordings
from infrared_ir_ros.media import open_source, write_image
from infrared_ir_ros.media.bag import header, typestore
from infrared_ir_ros.media.bag_writer import BagWriter

T0, STEP = 1_700_000_000_000_000_000, 50_000_000
SHAPE = (48, 64)
FRAMES = list(np.random.default_rng(0).integers(0, 65535, (12, *SHAPE), np.uint16))


def record(path: Path, stamps: list[int], **topics: int) -> None:
    """FRAMES on these stamps: every so many on each topic."""
    with BagWriter(path) as bag:
        for number, stamp in enumerate(stamps):
            for name, every in topics.items():
                if number % every == 0:
                    bag.write_image(f"/{name}", FRAMES[number], stamp, "ir")


def rows_of(report: Path) -> list[dict[str, str]]:
    with open(report / "frames.csv") as file:
        return list(csv.DictReader(file))


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_a_folder_of_bags_is_no_bag_and_what_a_killed_recorder_left_is_one(tmp_path: Path) -> None:
    touch(tmp_path, "runs/monday.mcap", "runs/tuesday.mcap", "runs/run_1.db3", "runs/run_2.db3", "runs/film.mp4")
    touch(tmp_path, "killed/killed_0.mcap", "killed/killed_1.mcap", "killed/notes.txt", "lone/x.mcap")
    touch(tmp_path, "beside/y.mcap", "beside/film.avi", "set/metadata.yaml", "set/1.png", "bag/metadata.yaml")
    touch(tmp_path, "bag/bag_0.mcap", "bag/cover.png")
    names = [path.relative_to(tmp_path).as_posix() for path in recordings([tmp_path])]
    assert names == ["bag", "beside/film.avi", "beside/y.mcap", "killed", "lone", "runs/film.mp4", "runs/monday.mcap",
                     "runs/run_1.db3", "runs/run_2.db3", "runs/tuesday.mcap", "set"]  # fmt: skip
    (tmp_path / "runs/film.mp4").unlink()
    with pytest.raises(InfraredError, match=r"runs holds videos or bags \(monday.mcap, run_1.db3, run_2.db3, ...\)"):
        open_source(tmp_path / "runs")


def test_frames_without_a_clean_one_are_judged_without_it(tmp_path: Path) -> None:
    record(tmp_path / "in", [T0 + STEP * number for number in range(12)], image=1, clean=4)
    options = {"task": (), "topic": "/image", "reference_topic": "/clean"} | FEW
    assert evaluate_bag(tmp_path / "in", output=tmp_path / "r", **options) == 0
    rows = rows_of(tmp_path / "r")
    assert [int(row["frame"]) for row in rows if row["psnr"]] == [0, 4, 8] and all(row["stripes"] for row in rows)
    (recording,) = json.loads((tmp_path / "r/report.json").read_text())["recordings"]
    assert recording["frames"] == 12 and recording["facts"] == {"frames without a clean one": "9"}


def test_distances_are_of_every_so_many_clean_frames() -> None:
    judge = Judge(Yardsticks(distances={"st_lpips": lambda fitted, clean: 0.5}, distance_every=2))
    for number, frame in enumerate(FRAMES):
        list(judge.add({"input": frame}, frame if number % 2 else None))
    told = [rows["input"].get("st_lpips") == 0.5 for rows in judge.finish()]
    assert [number for number, one in enumerate(told) if one] == [1, 5, 9]


@pytest.mark.parametrize(
    "stamps",
    [
        [T0] * 12,
        [T0 + STEP * (number % 5) for number in range(12)],
        [T0 - STEP * number for number in range(12)],
        [T0 + STEP * number + 10**15 * (number == 4) for number in range(12)],
    ],
    ids=["repeated", "in a loop", "backward", "one astray"],
)
def test_odd_stamps_part_no_pairs(stamps: list[int], tmp_path: Path) -> None:
    record(tmp_path / "in", stamps, image=1, clean=1)
    found = list(instants(tmp_path / "in", Wanted("/image", reference_topic="/clean"), lambda _: None))
    assert all(one.clean is not None and np.array_equal(one.frame.image, one.clean) for one in found)
    assert len(found) == 12


@pytest.mark.parametrize("lost", ["/image", "/clean"])
@pytest.mark.parametrize("number", [0, 2, 4])
def test_a_frame_lost_in_one_loop_parts_no_pairs_of_the_next(lost: str, number: int, tmp_path: Path) -> None:
    frames = [np.full(SHAPE, 1000 * count, np.uint16) + FRAMES[0] for count in range(20)]
    with BagWriter(tmp_path / "in") as bag:
        for count, frame in enumerate(frames):
            for topic in ("/image", "/clean"):
                if (topic, count) != (lost, 5 + number):  # of the second of four loops
                    bag.write_image(topic, frame, T0 + STEP * (count % 5), "ir")
    found = list(instants(tmp_path / "in", Wanted("/image", reference_topic="/clean"), lambda _: None))
    assert [one.clean is None for one in found].count(True) == (lost == "/clean")
    assert all(one.clean is None or np.array_equal(one.frame.image, one.clean) for one in found)


def test_pictures_of_repeated_stamps_are_of_the_frames_that_are_named(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "in") as bag:
        for number, frame in enumerate(FRAMES):
            noise = np.random.default_rng(1).normal(0, 1000 * number, SHAPE)
            bag.write_image("/image", np.clip(frame + 20.0 * noise, 0, 65535).astype(np.uint16), T0, "ir")
            bag.write_image("/better", np.clip(frame + noise, 0, 65535).astype(np.uint16), T0, "ir")
            bag.write_image("/clean", frame, T0, "ir")
    options = {"task": (), "topic": "/image", "reference_topic": "/clean", "method_topic": ("/better",)} | FEW
    assert evaluate_bag(tmp_path / "in", output=tmp_path / "r", **options) == 0
    shown = re.findall(r'src="(data:image/png[^"]*)" alt="input"', (tmp_path / "r/report.html").read_text())
    assert len(set(shown)) == 3


def test_why_a_recording_holds_no_frame_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kind = "sensor_msgs/msg/Image"
    image = typestore().types[kind](header(T0, "ir"), 2, 4, "yuv422_yuy2", 0, 8, np.zeros(16, np.uint8))
    with BagWriter(tmp_path / "in") as bag:
        bag.write("/image", kind, T0, typestore().serialize_cdr(image, kind))
    with pytest.raises(InfraredError, match="no recording could be evaluated"):
        evaluate_bag(tmp_path / "in", output=tmp_path / "r", task=(), **FEW)
    assert "in holds no frame; bag in: message 0 of /image has the encoding 'yuv422_yuy2'" in capsys.readouterr().err


def test_frames_of_another_depth_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, frame in enumerate(FRAMES[:4]):
        write_image(tmp_path / f"in/{number}.png", frame if number else (frame >> 8).astype(np.uint8))
    assert evaluate_bag(tmp_path / "in", output=tmp_path / "r", task=(), **FEW) == 1
    assert "3 frames are of another size or depth than the first, (48, 64) uint8: left out" in capsys.readouterr().err


def test_frames_that_equal_their_clean_ones_say_so_without_a_warning(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    with BagWriter(tmp_path / "in") as bag:
        for number, frame in enumerate(FRAMES[:3]):
            for topic in ("/image", "/same", "/clean"):
                image = frame // 2 if number == 0 and topic != "/clean" else frame
                bag.write_image(topic, image, T0 + STEP * number, "ir")
    options = {"task": (), "topic": "/image", "reference_topic": "/clean", "method_topic": ("/same",)} | FEW
    assert evaluate_bag(tmp_path / "in", output=tmp_path / "r", **options) == 0
    assert [str(one.message) for one in recwarn if issubclass(one.category, RuntimeWarning)] == []
    assert [row["psnr"] for row in rows_of(tmp_path / "r")][2:] == ["inf"] * 4
