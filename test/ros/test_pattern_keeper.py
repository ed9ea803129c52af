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

"""What is kept of a camera's pattern: saving never destroys what was learned before."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from rclpy.logging import get_logger
from test_pattern_memory import raw_camera

from infrared_ir_ros.errors import InfraredError
from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import Restorer, load_restorer
from infrared_ir_ros.restoration.pattern import read_pattern
from infrared_ir_ros.ros.pattern_keeper import PatternKeeper


@pytest.fixture(scope="module")
def restorer() -> Restorer:
    return load_restorer(engine="onnxruntime", options=Options(pattern_memory="on"))


def keeper_of(restorer: Restorer, path: Path) -> PatternKeeper:
    """As of a node that has just been activated."""
    restorer.reset()
    return PatternKeeper(restorer, str(path), "", get_logger("keeper"))


def see(keeper: PatternKeeper, restorer: Restorer, frames: list[np.ndarray], frame_id: str) -> None:
    for frame in frames:
        keeper.meet(frame, frame_id)
        restorer.patterns(frame, "on")


def test_a_kept_pattern_is_only_replaced_by_what_was_learned_of_this_camera(restorer: Restorer, tmp_path: Path) -> None:
    path, frames = tmp_path / "cam.pattern", list(islice(raw_camera(), 12))
    keeper = keeper_of(restorer, path)
    see(keeper, restorer, frames, "cam")
    keeper.save()
    kept = path.read_bytes()
    assert read_pattern(path).frames > 5

    assert "learned again" in keeper.reset()  # nothing is known any more
    see(keeper, restorer, frames[:1], "cam")
    with pytest.raises(InfraredError, match="nothing has been learned: .*move the camera"):
        keeper.save()
    assert path.read_bytes() == kept

    other = keeper_of(restorer, path)  # whatever it learns
    see(other, restorer, frames, "other")
    assert "but this one is 'other'" in other.problem
    with pytest.raises(InfraredError, match="of camera 'cam'.*remove the file or give another one"):
        other.save()
    assert path.read_bytes() == kept

    path.unlink()  # as it says
    other.save()
    assert read_pattern(path).camera.name == "other" and not other.problem


def test_a_saved_file_is_reported_with_its_folder(
    restorer: Restorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    keeper = keeper_of(restorer, Path("cam.pattern"))
    see(keeper, restorer, list(islice(raw_camera(), 12)), "cam")
    assert keeper.save().endswith(f"saved as {tmp_path / 'cam.pattern'}")
    assert (tmp_path / "cam.pattern").is_file()


def test_the_pattern_of_an_enlarged_camera_is_taken_again(restorer: Restorer, tmp_path: Path) -> None:
    """It is learned as the sensor saw it, and a first frame of a closed shutter says nothing of the camera."""
    path = tmp_path / "cam.pattern"
    frames = [np.kron(seen, np.ones((2, 2), seen.dtype)) for seen in islice(raw_camera(), 12)]
    keeper = keeper_of(restorer, path)
    for frame in frames:
        keeper.meet(frame, "cam")
        restorer.restore(frame)
    keeper.save()

    again = keeper_of(restorer, path)
    again.meet(np.zeros_like(frames[0]), "cam")
    again.meet(frames[0], "cam")
    assert not again.problem
    restorer.restore(frames[0])
    assert restorer.patterns.pattern.shape == tuple(side // 2 for side in frames[0].shape)
    assert restorer.patterns.state.frames >= read_pattern(path).frames > 5


def test_a_damaged_file_is_replaced(restorer: Restorer, tmp_path: Path) -> None:
    path = tmp_path / "cam.pattern"
    path.write_bytes(b"damaged")
    keeper = keeper_of(restorer, path)
    assert "pattern not loaded" in keeper.problem
    see(keeper, restorer, list(islice(raw_camera(), 12)), "cam")
    keeper.save()
    assert read_pattern(path).camera.name == "cam" and not keeper.problem


def test_a_file_that_cannot_be_looked_at_is_told_and_keeps_no_frame(restorer: Restorer, tmp_path: Path) -> None:
    """The node did not become active where its user may not look into the folder, or the name is too long."""
    keeper = keeper_of(restorer, tmp_path / ("x" * 300))
    assert "can't be read (File name too long)" in keeper.problem
    assert not keeper_of(restorer, tmp_path / "none" / "yet").problem


def test_a_reset_with_the_memory_off_promises_nothing(tmp_path: Path) -> None:
    keeper = keeper_of(load_restorer(engine="onnxruntime", options=Options(pattern_memory="off")), tmp_path / "none")
    assert keeper.reset() == "the pattern is forgotten; nothing is learned while pattern_memory is off"
