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

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.simulation import PRESETS, VideoDegradation, degrade, layout, stretch
from infrared_ir_ros.simulation.shading import cos4_dome


def truth(seed: int = 0, height: int = 128, width: int = 160) -> np.ndarray:
    return stretch(layout(np.random.default_rng(seed), height, width))


def error(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.mean((a - b) ** 2)))


@pytest.mark.parametrize("preset", PRESETS)
def test_seed_decides_everything_and_the_input_is_untouched(preset: str) -> None:
    frame = truth()
    kept = frame.copy()
    first, second = (degrade(frame, preset, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(frame, kept)
    assert first.dtype == np.float32
    assert first.shape == frame.shape
    np.testing.assert_array_equal(first, np.rint(first.clip(0, 255)))


def test_presets_are_ordered_by_severity() -> None:
    def mean_error(preset: str) -> float:
        return float(np.mean([error(degrade(truth(s), preset, np.random.default_rng(s)), truth(s)) for s in range(12)]))

    assert (
        mean_error("clean") < 1 < mean_error("sensor_light") < mean_error("sensor_normal") < mean_error("sensor_hard")
    )
    assert mean_error("hm_tir_single") < mean_error("hm_tir_normal") < mean_error("hm_tir_hard")


def test_hard_moves_tone_as_published() -> None:
    frame = np.full((64, 64), 128, np.float32)
    means = [degrade(frame, "hm_tir_hard", np.random.default_rng(s)).mean() for s in range(40)]
    assert 77 < min(means)  # 128 * 0.2 + 255 * 0.2, and shading only adds
    assert max(means) < 255


def test_unknown_preset_is_refused() -> None:
    with pytest.raises(OptionError, match="'fog'"):
        degrade(truth(), "fog", np.random.default_rng(0))


def test_a_camera_keeps_its_pattern_and_its_noise_is_coloured() -> None:
    frame = np.full((96, 96), 120, np.float32)
    correlations = []
    for seed in range(6):
        video = VideoDegradation("sensor_normal", np.random.default_rng(seed), frame.shape)
        frames = np.stack([video(frame) for _ in range(12)])
        near, far = (error(frames[0], frames[k]) for k in (1, 11))
        fresh = VideoDegradation("sensor_normal", np.random.default_rng(seed + 100), frame.shape)(frame)
        correlations.append(near < far <= error(frames[0], fresh) + 8)
    assert sum(correlations) >= 5


def test_the_paper_has_no_memory() -> None:
    video = VideoDegradation("hm_tir_hard", np.random.default_rng(0), (64, 80))
    frame = truth(0, 64, 80)
    assert error(video(frame), video(frame)) > 5


def test_thumbnails_carry_less_noise_than_frames() -> None:
    frame = np.full((64, 80), 100, np.float32)

    def grain(scale: float) -> float:
        return float(
            np.mean([np.diff(degrade(frame, "hm_tir_hard", np.random.default_rng(s), scale)).std() for s in range(20)])
        )

    assert grain(8) < 0.5 * grain(1)


def test_stretch_puts_percentiles_on_levels_and_refuses_flat_frames() -> None:
    frame = np.random.default_rng(0).normal(5000, 30, (200, 200))
    np.testing.assert_allclose(np.percentile(stretch(frame), (0.3, 99.7)), (14, 229), atol=0.1)
    with pytest.raises(OptionError, match="flat"):
        stretch(np.full((20, 20), 3))


def test_dome_is_one_at_its_centre_and_nothing_at_the_farthest_corner() -> None:
    dome = cos4_dome(60, 80, 10, 20)
    assert dome[10, 20] == 1
    assert dome[59, 79] == pytest.approx(0, abs=1e-6)


def test_layouts_differ_and_fill_the_range() -> None:
    scenes = [layout(np.random.default_rng(s), 64, 80) for s in range(8)]
    assert all(scene.min() == 0 and scene.max() == 1 and scene.dtype == np.float32 for scene in scenes)
    assert all(error(a, b) > 0.05 for a, b in zip(scenes, scenes[1:], strict=False))
