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

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.simulation import PRESETS, VideoDegradation, degrade, layout, ranges, stretch
from infrared_ir_ros.simulation.camera import Degrader
from infrared_ir_ros.simulation.ranges import Range
from infrared_ir_ros.simulation.sensor import SensorModel
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


# Every 24th row and 32nd column of a formula's picture, seed 5: the benchmark's frames must stay what they are.
GOLDEN = {
    "hm_tir_single": [127, 84, 195, 87, 116, 137, 118, 210, 111, 118, 209, 122, 102, 166, 181, 224],
    "hm_tir_normal": [122, 134, 212, 97, 116, 170, 118, 196, 119, 123, 192, 100, 114, 146, 110, 182],
    "hm_tir_hard": [207, 192, 245, 170, 186, 228, 180, 239, 179, 166, 220, 176, 169, 179, 156, 206],
    "sensor_light": [101, 91, 157, 76, 97, 130, 79, 175, 97, 96, 156, 83, 98, 125, 94, 162],
    "sensor_normal": [89, 86, 133, 68, 78, 113, 68, 150, 79, 91, 142, 73, 83, 112, 87, 142],
    "sensor_hard": [89, 89, 131, 68, 74, 111, 67, 147, 74, 95, 145, 72, 80, 112, 89, 142],
}


@pytest.mark.parametrize("preset", GOLDEN)
def test_frames_of_a_seed_stay_what_they_were(preset: str) -> None:
    y, x = np.mgrid[0:96, 0:128].astype(np.float32)
    frame = 128 + 60 * np.sin(x / 9) * np.cos(y / 7) + 0.3 * (x - 64)
    found = degrade(frame, preset, np.random.default_rng(5))[::24, ::32].ravel()
    np.testing.assert_allclose(found, GOLDEN[preset], atol=1)  # another build of OpenCV may round otherwise


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


def test_what_a_single_group_adds_to_a_flat_frame_is_as_published() -> None:
    """Tone alone, blur alone, or a dome or bowl of 15 to 75 levels, which is 0 somewhere, under lines and noise."""
    flat, found = np.full((96, 128), 128, np.float32), {"tone": [], "blur": [], "noise": []}
    for seed in range(120):
        frame = degrade(flat, "hm_tir_single", np.random.default_rng(seed))
        kind = "noise" if np.ptp(frame) else "tone" if frame[0, 0] != 128 else "blur"
        found[kind].append(cv2.GaussianBlur(frame, (0, 0), 6) if kind == "noise" else frame)
    assert all(len(frames) > 20 for frames in found.values())
    tones = [frame[0, 0] for frame in found["tone"]]
    assert 128 * 0.2 + 255 * 0.2 - 1 <= min(tones) < 100 < 180 < max(tones) <= 128 * 0.8 + 255 * 0.4 + 1
    least, most = ([end(frame) - 128 for frame in found["noise"]] for end in (np.min, np.max))
    assert -20 < min(least) and max(least) < 10, "lines alone, smoothed"
    assert 8 < min(most) < 30 < 60 < max(most) < 90


def test_unknown_preset_is_refused() -> None:
    with pytest.raises(OptionError, match="'fog'"):
        degrade(truth(), "fog", np.random.default_rng(0))


def _blocks(frame: np.ndarray) -> np.ndarray:
    """Means of 16x16 pixels without their mean: shading, nearly free of noise."""
    blocks = frame.reshape(6, 16, 8, 16).mean((1, 3))
    return blocks - blocks.mean()


def _lines(frame: np.ndarray) -> np.ndarray:
    profile = frame.mean(0)
    return np.diff(profile)


@pytest.mark.parametrize("preset", ["sensor_light", "sensor_normal", "sensor_hard"])
def test_every_camera_keeps_its_pattern_and_its_shading_over_a_sequence(preset: str) -> None:
    frame = np.full((96, 128), 120, np.float32)
    same, other = [], []
    for seed in range(12):
        first_of, *later = (VideoDegradation(preset, np.random.default_rng(s), frame.shape) for s in (seed, seed + 50))
        first = first_of(frame)
        last = [first_of(frame) for _ in range(60)][-1]
        foreign = later[0](frame)
        for part in (_blocks, _lines):
            same.append(error(part(first), part(last)))
            other.append(error(part(first), part(foreign)))
    assert np.median(same) < 0.25 * np.median(other)


def test_noise_is_correlated_from_frame_to_frame_and_levels_drift() -> None:
    frame = np.full((96, 96), 120, np.float32)
    steps, far = [], []
    for seed in range(12):
        video = VideoDegradation("sensor_hard", np.random.default_rng(seed), frame.shape)
        frames = [video(frame) for _ in range(200)]
        grain = [f - f.mean() - (frames[0] - frames[0].mean()) for f in (frames[1], frames[150])]
        steps.append(grain[0].std() / max(grain[1].std(), 1e-6))
        far.append(abs(frames[199].mean() - frames[0].mean()))
    assert np.median(steps) == pytest.approx((1 - 0.92) ** 0.5, abs=0.08)  # and 1 for noise without memory
    assert np.median(far) > 0.2  # noise alone moves the mean by less than 0.1


def alone(count: int = 1, **drawn: Range | float) -> np.ndarray:
    """What a camera with one fault only makes of a flat frame of level 100: (count, 64, 80)."""
    never = {name: Range(0, 0, 0) if isinstance(one, Range) else one for name, one in vars(ranges).items()}
    plain = {"AGC_CHANCE": 0.0, "LEAST_BLUR": 0.0, "NOISE_CORRELATION": 0.0, "DRIFT": 0.0}
    camera = SensorModel(
        1.0, np.random.default_rng(0), (64, 80), 1.0, 1 / 256, SimpleNamespace(**never | plain | drawn)
    )
    return np.stack([camera(np.full((64, 80), 100, np.float32)) for _ in range(count)])


def test_each_fault_of_a_camera_is_what_it_is_called() -> None:
    about = {"rel": 0.2, "abs": 0.1}
    assert (alone() == 100).all()
    columns, rows = alone(COLUMNS=Range(5, 5))[0], alone(ROWS=Range(5, 5))[0]
    for lines, axis in ((columns, 0), (rows, 1)):
        assert np.ptp(lines, axis=axis).max() == 0 and lines.std() == pytest.approx(5, **about)
    (both,) = alone(ODD_EVEN=Range(3, 3))
    assert {both[0, 0], both[0, 1]} == {97, 103}
    assert (both[:, ::2] == both[0, 0]).all() and (both[:, 1::2] == both[0, 1]).all()
    pixels = alone(2, PIXEL_OFFSET=Range(4, 4))
    assert pixels[0].std() == pytest.approx(4, **about) and np.array_equal(*pixels)
    (gains,) = alone(PIXEL_GAIN=Range(0.02, 0.02))
    assert gains.std() == pytest.approx(2, **about) and gains.mean() == pytest.approx(100, abs=0.2)
    (dome,) = alone(VIGNETTING=Range(-20, -20))
    assert dome.min() == pytest.approx(80, abs=0.2) and dome.max() == pytest.approx(100, abs=0.2)
    assert alone(CONTRAST_LOSS=Range(0.5, 0.5), RADIANCE=Range(200, 200))[0] == pytest.approx(150, abs=0.1)
    (dead,) = alone(DEAD=Range(0.02, 0.02))
    assert set(np.unique(dead)) in ({0, 100}, {100, 255}) and (dead != 100).mean() == pytest.approx(0.02, rel=0.4)
    noise = alone(2, NOISE=Range(6, 6), NOISE_CORRELATION=0.9)
    assert noise[0].std() == pytest.approx(6, **about)
    assert np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1] == pytest.approx(0.9, abs=0.03)
    levels = alone(200, DRIFT=0.5).mean((1, 2))
    assert np.diff(levels).std() == pytest.approx(0.5, **about)


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


@pytest.mark.parametrize("preset", ["sensor_light", "sensor_hard", "hm_tir_normal"])
def test_frames_of_16_bits_keep_their_depth(preset: str) -> None:
    rng = np.random.default_rng(3)
    frame = (29000 + 2000 * rng.random((64, 80))).astype(np.uint16)
    degraded = Degrader(preset, 0)(frame)
    assert degraded.dtype == np.uint16
    assert len(np.unique(degraded)) > 500  # of 256 levels


def test_finer_steps_change_nothing_but_the_rounding() -> None:
    frame = np.random.default_rng(3).uniform(60, 200, (64, 80)).astype(np.float32)
    whole, fine = (
        VideoDegradation("sensor_normal", np.random.default_rng(5), frame.shape, step=step)(frame)
        for step in (1.0, 1 / 256)
    )
    assert np.abs(whole - fine).max() <= 0.51
