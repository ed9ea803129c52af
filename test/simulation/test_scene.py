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

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.simulation.scene import TEMPERATURE_RANGE, ThermalScene

SMALL = {"height": 96, "width": 128}


@pytest.fixture(scope="module")
def scene() -> ThermalScene:
    return ThermalScene(3, **SMALL)


def test_the_same_seed_and_time_give_the_same_frame_whatever_was_asked_before(scene: ThermalScene) -> None:
    for t in (0.0, 7.3, 2.0):
        scene.frame(t)
    again = ThermalScene(3, **SMALL).frame(2.0)
    assert np.array_equal(scene.frame(2.0).temperature, again.temperature)
    assert scene.frame(2.0).boxes == again.boxes


def test_another_seed_gives_another_street(scene: ThermalScene) -> None:
    other = ThermalScene(4, **SMALL).frame(0.0).temperature
    assert np.mean(np.abs(other - scene.frame(0.0).temperature)) > 0.5


@given(t=st.floats(0, 1e5))
@settings(max_examples=25, deadline=None)
def test_temperatures_and_boxes_are_plausible_at_any_time(scene: ThermalScene, t: float) -> None:
    frame = scene.frame(t)
    assert frame.temperature.shape == (96, 128) and frame.temperature.dtype == np.float32
    assert TEMPERATURE_RANGE[0] <= frame.temperature.min() and frame.temperature.max() <= TEMPERATURE_RANGE[1]
    assert 248 < np.median(frame.temperature[:8]) < 290  # sky, or a house
    assert 283 < np.median(frame.temperature[-10:]) < 295  # road
    for box in frame.boxes:
        assert box.label in ("person", "vehicle")
        assert box.x >= 0 and box.y >= 0 and box.x + box.width <= 128.01 and box.y + box.height <= 96.01


def test_people_and_vehicles_come_by_and_are_warmer_than_what_is_around_them() -> None:
    scene = ThermalScene(0, 256, 320)
    seen: dict[str, list[float]] = {"person": [], "vehicle": []}
    for t in np.arange(0, 30, 1.5):
        frame = scene.frame(float(t))
        for box in frame.boxes:
            inside = frame.temperature[int(box.y) : int(box.y + box.height), int(box.x) : int(box.x + box.width)]
            if box.height > 12:
                seen[box.label].append(float(inside.max()))
    assert len(seen["person"]) > 20 and len(seen["vehicle"]) > 5
    assert np.median(seen["person"]) > 300 and np.median(seen["vehicle"]) > 305


def test_boxes_hold_what_moves() -> None:
    """Whatever changes between two moments lies in a box of one of them, or right under a car."""
    scene = ThermalScene(1, 256, 320)
    before, after = scene.frame(3.0), scene.frame(3.3)
    moved = np.abs(before.temperature - after.temperature) > 0.5
    covered = np.zeros_like(moved)
    for box in before.boxes + after.boxes:
        x, y = int(box.x) - 2, int(box.y) - 2
        covered[max(y, 0) : int(box.y + box.height) + 4, max(x, 0) : int(box.x + box.width) + 3] = True
    assert moved.sum() > 200
    assert (moved & ~covered).sum() < 0.02 * moved.sum()


def test_the_still_part_has_texture_at_several_scales() -> None:
    """A scene that is smooth would flatter every denoiser."""
    temperature = ThermalScene(2).frame(0.0).temperature[320:, :]
    for scale in (1, 2, 4, 8, 16):
        blocks = temperature[: 192 - 192 % scale, : 640 - 640 % scale]
        blocks = blocks.reshape(len(blocks) // scale, scale, -1, scale).mean(axis=(1, 3))
        assert np.std(np.diff(blocks, axis=1)) > 0.03, f"nothing at {scale} pixels"


@pytest.mark.parametrize("size", [(16, 16), (48, 64), (16, 600), (120, 160), (480, 384)])
def test_any_size_gives_a_scene(size: tuple[int, int]) -> None:
    frame = ThermalScene(5, *size).frame(1.0)
    assert frame.temperature.shape == size
    assert np.isfinite(frame.temperature).all() and np.ptp(frame.temperature) > 5


def test_a_turning_camera_moves_the_street_and_its_boxes() -> None:
    scene = ThermalScene(1, 128, 160, pan=8)
    left, right = scene.frame(15.0).temperature, scene.frame(5.0).temperature  # sin = -1 and +1: 16 pixels apart
    shifts = {d: np.mean(np.abs(left[:40, 32:128] - right[:40, 32 - d : 128 - d])) for d in range(0, 25)}
    assert min(shifts, key=shifts.__getitem__) == 16
    moment = scene.frame(5.0)
    people = [box for box in moment.boxes if box.label == "person" and box.height > 12]
    assert people
    for box in people:
        inside = moment.temperature[int(box.y) : int(box.y + box.height), int(box.x) : int(box.x + box.width) + 1]
        assert inside.max() > 298


@pytest.mark.parametrize("bad", [{"height": 8}, {"width": 5000}, {"pan": -1.0}, {"pan": 1000.0}, {"pan": float("nan")}])
def test_a_size_out_of_range_is_refused_with_its_value(bad: dict) -> None:
    with pytest.raises(OptionError, match=str(next(iter(bad.values())))):
        ThermalScene(0, **({"height": 64, "width": 64} | bad))
