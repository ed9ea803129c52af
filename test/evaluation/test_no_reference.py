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

import cv2
import numpy as np
import pytest

from infrared_ir_ros.evaluation.no_reference import BlurCurve, Moments, edge_mask, look, still_pixels, stillness
from infrared_ir_ros.simulation.camera import Degrader
from infrared_ir_ros.simulation.moving_scene import MovingScene
from infrared_ir_ros.simulation.scene import ThermalScene


@pytest.fixture(scope="module")
def faulty() -> dict[str, list[np.ndarray]]:
    """Eight frames of a still scene in grey levels, with stripes and white noise, and what was added."""
    rng = np.random.default_rng(0)
    clean = ThermalScene(3, 160, 200).frame(0.0).temperature
    clean = (255 * (clean - clean.min()) / np.ptp(clean)).astype(np.float32)
    stripes = rng.normal(0, 4, (1, 200)).astype(np.float32)
    noise = [rng.normal(0, 3, clean.shape).astype(np.float32) for _ in range(8)]
    return {
        "input": [clean + stripes + one for one in noise],
        "no stripes": [clean + one for one in noise],
        "no noise": [clean + stripes] * 8,
        "noisy": [clean + stripes + one + rng.normal(0, 12, clean.shape).astype(np.float32) for one in noise],
    }


def figures(frames: list[np.ndarray], faulty: dict[str, list[np.ndarray]]) -> dict[str, float]:
    moments, given = Moments(), Moments()
    for frame, source in zip(frames, faulty["input"], strict=True):
        moments.add(frame)
        given.add(source)
    edges, still = edge_mask(faulty["input"][0]), still_pixels(given)
    curve = BlurCurve.of(faulty["input"], still)
    seen, over_time = look(frames[0], edges), stillness(moments, still)
    details = seen.detail, look(faulty["input"][0], edges).detail
    return {
        "stripes": curve.without_blur(seen.stripes, *details, "stripes"),
        "noise": curve.without_blur(over_time.noise, *details, "noise"),
        "flicker": over_time.flicker,
    }


def test_a_fault_that_is_gone_is_seen_and_the_other_one_stays(faulty: dict[str, list[np.ndarray]]) -> None:
    before = figures(faulty["input"], faulty)
    no_stripes, no_noise = figures(faulty["no stripes"], faulty), figures(faulty["no noise"], faulty)
    assert no_stripes["stripes"] < 0.4 * before["stripes"]
    assert no_stripes["noise"] == pytest.approx(before["noise"], rel=0.1)
    assert no_noise["noise"] == 0 and no_noise["stripes"] > 0.85 * before["stripes"]


@pytest.mark.parametrize("sigma", [0.7, 1.0, 2.0, 3.0])
def test_blurring_alone_gains_nothing(faulty: dict[str, list[np.ndarray]], sigma: float) -> None:
    before = figures(faulty["input"], faulty)
    after = figures([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in faulty["input"]], faulty)
    assert after["stripes"] > 0.85 * before["stripes"] and after["noise"] > 0.75 * before["noise"]


def test_noise_alone_gains_nothing_and_gain_changes_nothing(faulty: dict[str, list[np.ndarray]]) -> None:
    before, noisy = figures(faulty["input"], faulty), figures(faulty["noisy"], faulty)
    assert noisy["stripes"] > 0.95 * before["stripes"]
    assert noisy["noise"] > 2 * before["noise"] and noisy["flicker"] > 2 * before["flicker"]
    flat = figures([0.3 * frame + 80 for frame in faulty["input"]], faulty)
    assert flat == pytest.approx(before, rel=0.02)


def test_a_camera_that_moves_has_no_static_pixels() -> None:
    moments, scene = Moments(), ThermalScene(3, 160, 200).frame(0.0).temperature
    for step in range(8):
        moments.add(np.roll(scene, 2 * step, axis=1))
    still = still_pixels(moments)
    assert still.mean() < 0.05 and np.isnan(stillness(moments, still).noise)


@pytest.mark.parametrize("preset", ["sensor_normal", "raw_core"])
@pytest.mark.parametrize(("motion", "still"), [("drive", False), ("pan", False), ("none", True)])
def test_a_degraded_drive_is_told_from_a_still_scene_with_lasting_noise(preset: str, motion: str, still: bool) -> None:
    moments, camera = Moments(), Degrader(preset, 1)
    scene = ThermalScene(1, 192, 256) if still else MovingScene(motion, 1, 192, 256)
    first = scene.frame(0.0).temperature
    low, gain = float(first.min()), 255 / float(np.ptp(first))
    for number in range(32):
        levels = gain * (scene.frame(number / 15).temperature - low)
        moments.add(camera(np.clip(levels, 0, 255).astype(np.uint8)))
    assert still_pixels(moments).mean() > 0.5 if still else not still_pixels(moments).any()


def test_unrelated_pictures_are_no_still_scene_and_noise_before_a_wall_is() -> None:
    pictures, wall, rng = Moments(), Moments(), np.random.default_rng(0)
    for seed in range(6):
        scene = ThermalScene(seed, 96, 128).frame(0.0).temperature
        pictures.add(40 * scene + rng.normal(0, 10, scene.shape).astype(np.float32))
        wall.add(rng.normal(100, 3, scene.shape).astype(np.float32))
    assert not still_pixels(pictures).any() and still_pixels(wall).mean() > 0.8


def test_a_still_scene_of_which_compression_changes_the_edges_alone_is_still() -> None:
    rng, moments, scene = np.random.default_rng(0), Moments(), ThermalScene(3, 160, 200).frame(0.0).temperature
    scene = np.rint(255 * (scene - scene.min()) / np.ptp(scene)).astype(np.float32)
    edges = cv2.dilate(edge_mask(scene).astype(np.uint8), np.ones((9, 9))) > 0
    for _ in range(16):
        moments.add(scene + edges * np.float32(rng.normal(0, 0.2)))
    still = still_pixels(moments)
    assert still.mean() > 0.3 and not still[edges].all()
