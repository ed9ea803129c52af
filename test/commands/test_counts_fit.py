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

"""restore_images tells of fixed counts that do not fit what it reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_restore_images import noisy

from infrared_ir_ros.commands.restore_images import restore_images
from infrared_ir_ros.commands.restoring import Restoring
from infrared_ir_ros.media import write_image


def restored(folder: Path, mapping: str) -> int:
    restoring = Restoring(counts_mapping=mapping, counts_minimum=20000, counts_maximum=30000, engine="onnxruntime")
    return restore_images(folder / "in", output=folder / mapping, format="png", restoring=restoring)


@pytest.mark.parametrize(("mapping", "times"), [("fixed", 1), ("auto", 0)])
@pytest.mark.parametrize("kind", ["pictures", "video"])
def test_counts_that_do_not_fit_are_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, mapping: str, times: int
) -> None:
    frames = np.stack([noisy(np.uint16, seed) for seed in range(3)])
    (tmp_path / "in").mkdir()
    if kind == "video":
        np.savez(tmp_path / "in/a.npz", first=frames[0], delta=np.diff(frames.astype(np.int32), axis=0))
    else:
        for number, frame in enumerate(frames):
            write_image(tmp_path / f"in/a{number}.png", frame)
    assert restored(tmp_path, mapping) == 0
    told = capsys.readouterr().err
    assert told.count("counts.minimum..maximum (20000 to 30000) does not fit the frames (uint16, ") == times
    assert told.count("restore_images: a") == times


@pytest.mark.parametrize("kind", ["picture", "video"])
def test_counts_that_do_not_fit_are_told_of_a_frame_that_is_refused_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    small = noisy(np.uint16, shape=(8, 8))
    (tmp_path / "in").mkdir()
    if kind == "video":
        np.savez(tmp_path / "in/a.npz", first=small, delta=np.zeros((1, 8, 8), np.int16))
    else:
        write_image(tmp_path / "in/a.png", small)
    assert restored(tmp_path, "fixed") == 1
    told = capsys.readouterr().err
    assert "has shape (8, 8)" in told and told.count("does not fit the frames (uint16, ") == 1
