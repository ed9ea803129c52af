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

from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest

from infrared_ir_ros.errors import EngineError, FrameError, OptionError
from infrared_ir_ros.records import Counts, Options
from infrared_ir_ros.restoration import Restorer, load_restorer
from infrared_ir_ros.restoration.repeats import without_repeats
from infrared_ir_ros.simulation import degrade, layout, stretch


@pytest.fixture(scope="module")
def restorer() -> Restorer:
    return load_restorer(engine="onnxruntime")


def clean_frame(seed: int = 3, height: int = 256, width: int = 320) -> np.ndarray:
    return stretch(layout(np.random.default_rng(seed), height, width))


def error(image: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(np.mean((image.astype(np.float32) - truth) ** 2)))


@pytest.mark.parametrize("preset", ["hm_tir_hard", "sensor_normal"])
def test_restoring_brings_a_degraded_frame_closer_to_the_truth(restorer: Restorer, preset: str) -> None:
    before, after = [], []
    for seed in range(3):
        truth = clean_frame(seed)
        degraded = degrade(truth, preset, np.random.default_rng(seed)).astype(np.uint8)
        restorer.options = Options(tone="restore")
        before.append(error(degraded, truth))
        after.append(error(restorer.restore(degraded).image, truth))
    assert np.mean(after) < 0.8 * np.mean(before)


def test_log_snr_falls_and_the_timestep_rises_with_noise(restorer: Restorer) -> None:
    restorer.options = Options()
    truth = clean_frame()
    noise = np.random.default_rng(0).standard_normal(truth.shape)
    readings = [restorer.restore(np.clip(truth + sigma * noise, 0, 255).astype(np.uint8)) for sigma in (1, 6, 30)]
    assert [r.log_snr for r in readings] == sorted((r.log_snr for r in readings), reverse=True)
    assert [r.timestep for r in readings] == sorted(r.timestep for r in readings)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(16, 16), (120, 160), (250, 330)])
def test_shape_and_dtype_survive_and_the_input_is_untouched(
    restorer: Restorer, dtype: type, shape: tuple[int, int]
) -> None:
    frame = np.random.default_rng(0).integers(50, 200, shape).astype(dtype)
    kept = frame.copy()
    restored = restorer.restore(frame)
    assert restored.image.shape == shape
    assert restored.image.dtype == dtype
    assert restored.milliseconds.keys() == {"counts", "estimate", "restore", "tone"}
    np.testing.assert_array_equal(frame, kept)


def test_restored_tone_has_the_levels_of_clean_frames(restorer: Restorer) -> None:
    restorer.options = Options(tone="restore")
    degraded = degrade(clean_frame(), "hm_tir_hard", np.random.default_rng(0)).astype(np.uint8)
    np.testing.assert_allclose(np.percentile(restorer.restore(degraded).image, (0.3, 99.7)), (14, 229), atol=4)


@pytest.mark.parametrize("times", [(2, 2), (1, 4), (2, 1), (3, 3)])
def test_a_frame_enlarged_by_repeating_pixels_is_restored_as_the_sensor_saw_it(
    restorer: Restorer, times: tuple[int, int]
) -> None:
    restorer.options = Options(smoothing=0.0)
    seen = degrade(clean_frame(), "sensor_normal", np.random.default_rng(0)).astype(np.uint8)
    enlarged = seen.repeat(times[0], 0).repeat(times[1], 1)
    expected = restorer.restore(seen).image.repeat(times[0], 0).repeat(times[1], 1)
    np.testing.assert_array_equal(restorer.restore(enlarged).image, expected)


def test_a_small_frame_is_taken_as_less_enlarged_than_it_is() -> None:
    """What is restored has 16 pixels a side or more."""
    seen, times = without_repeats(np.arange(100).reshape(10, 10).repeat(4, 0).repeat(4, 1))
    assert seen.shape == (20, 20) and times == (2, 2)


def test_a_frame_enlarged_before_stripes_came_into_it_stays_a_picture(restorer: Restorer) -> None:
    restorer.options = Options(smoothing=0.0)
    rng = np.random.default_rng(0)
    enlarged = clean_frame(height=128, width=160).repeat(2, 0).repeat(2, 1)
    striped = (enlarged + rng.integers(0, 4, (1, 320)) + rng.integers(0, 4, (256, 1))).astype(np.uint8)
    restored = restorer.restore(striped).image
    assert np.corrcoef(restored.ravel(), enlarged.ravel())[0, 1] > 0.95


def test_black_borders_around_a_picture_do_not_hide_its_noise(restorer: Restorer) -> None:
    restorer.options = Options(smoothing=0.0)
    truth = clean_frame()
    noisy = truth + 8 * np.random.default_rng(0).standard_normal(truth.shape)
    inside = slice(48, -48), slice(None)
    bordered = np.zeros_like(noisy)
    bordered[inside] = noisy[inside]
    restored = restorer.restore(np.clip(bordered, 0, 255).astype(np.uint8)).image[inside].astype(np.float32)
    slope, level = np.polyfit(restored.ravel(), truth[inside].ravel(), 1)
    assert error(slope * restored + level, truth[inside]) < 0.7 * error(noisy[inside], truth[inside])


@pytest.mark.parametrize("noise", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_small_target_in_a_flat_sky_stays_and_the_noise_of_the_sky_is_not_stretched_over_the_whole_range(
    restorer: Restorer, noise: float, dtype: type
) -> None:
    restorer.options = Options(smoothing=0.0)
    y, x = np.mgrid[:256, :320]
    target = 60 * np.exp(-((y - 100) ** 2 + (x - 150) ** 2) / (2 * 1.5**2))
    sky = 120 + noise * np.random.default_rng(0).standard_normal((256, 320))
    restored = restorer.restore(np.rint(sky + target).astype(dtype)).image.astype(np.float32)
    around = restored[120:, 170:]
    assert restored[100, 150] > around.mean() + 6 * around.std()
    assert around.std() < (25 if dtype == np.uint8 else noise + 0.5)


def test_same_frame_gives_the_same_bits(restorer: Restorer) -> None:
    restorer.options = Options()
    frame = degrade(clean_frame(), "sensor_hard", np.random.default_rng(0)).astype(np.uint8)
    np.testing.assert_array_equal(restorer.restore(frame).image, restorer.restore(frame).image)


def test_strength_mixes_and_zero_is_the_input_exactly(restorer: Restorer) -> None:
    frame = degrade(clean_frame(), "sensor_normal", np.random.default_rng(0)).astype(np.uint16) * 40 + 20000
    images = {}
    for strength in (0.0, 0.5, 1.0):
        restorer.options = Options(strength=strength)
        images[strength] = restorer.restore(frame).image.astype(np.float64)
    np.testing.assert_array_equal(images[0.0], frame)
    np.testing.assert_allclose(images[0.5], (images[0.0] + images[1.0]) / 2, atol=1.0)


def test_strength_zero_gives_back_temperatures_to_the_bit(restorer: Restorer) -> None:
    celsius = (clean_frame() / 13 - 4).astype(np.float32)
    restorer.options = Options(strength=0.0)
    np.testing.assert_array_equal(restorer.restore(celsius).image, celsius)


def test_preserved_tone_keeps_local_means_in_kelvin(restorer: Restorer) -> None:
    truth = 285 + clean_frame() / 255 * 20  # kelvin
    noisy = truth + 0.3 * np.random.default_rng(0).standard_normal(truth.shape)
    restorer.options = Options(counts=Counts("tlinear"))  # tone: auto preserves
    restored = restorer.restore((noisy / 0.01).astype(np.uint16)).image * 0.01
    assert abs(restored.mean() - truth.mean()) < 0.05
    blocks = (restored - truth).reshape(8, 32, 10, 32).mean((1, 3))
    assert np.abs(blocks).max() < 0.3
    assert error(restored, truth) < 0.7 * error(noisy, truth)


def test_a_flame_stays_a_flame(restorer: Restorer) -> None:
    frame = (28500 + clean_frame() * 4).astype(np.uint16)
    frame[100:110, 100:110] = 60000
    restorer.options = Options(counts=Counts("tlinear"))
    image = restorer.restore(frame).image
    assert abs(float(image[102:108, 102:108].mean()) - 60000) < 500


def test_smoothing_steadies_a_noisy_video(restorer: Restorer) -> None:
    truth, rng = clean_frame(), np.random.default_rng(0)
    spread = {}
    for smoothing in (0.0, 0.9):
        restorer.options = Options(smoothing=smoothing)
        restorer.reset()
        readings = [
            restorer.restore((truth + 12 * rng.standard_normal(truth.shape)).clip(0, 255).astype(np.uint8)).log_snr
            for _ in range(8)
        ]
        spread[smoothing] = np.std(readings[3:])
    assert spread[0.9] < spread[0.0]


def test_another_tone_holds_from_the_next_frame_on(restorer: Restorer) -> None:
    """Mixed with frames of the tone before, as what stands still is over time, temperatures would be wrong at first."""
    frame, alone = (90 + 0.3 * clean_frame()).astype(np.uint8), {}
    for tone in ("restore", "preserve"):
        restorer.options = Options(tone=tone)
        alone[tone] = restorer.restore(frame).image.astype(np.float32)
    for tone in alone:
        restorer.options = Options(tone=tone, smoothing=0.9)
        first = restorer.restore(frame).image
    assert error(alone["restore"], alone["preserve"]) > 5
    assert error(first, alone["preserve"]) < 1


def test_with_smoothing_something_warmer_does_not_dim_the_rest(restorer: Restorer) -> None:
    frame = (40 + 0.4 * clean_frame()).astype(np.uint8)
    turned = np.roll(frame, 40, axis=1)  # the camera turns
    warmer = turned.copy()
    warmer[200:250, 200:250] = 160
    ratio = {}
    for smoothing in (0.0, 0.9):
        restorer.options = Options(smoothing=smoothing, tone="restore")
        contrast = []
        for second in (turned, warmer):
            restorer.reset()
            restorer.restore(frame)
            contrast.append(restorer.restore(second).image[:190].std())
        ratio[smoothing] = contrast[1] / contrast[0]
    assert ratio[0.0] < 0.8 and ratio[0.9] > 0.95


@pytest.mark.parametrize("tone", ["restore", "preserve"])
def test_after_a_reset_a_frame_is_restored_as_the_first_one_of_a_video(restorer: Restorer, tone: str) -> None:
    restorer.options = Options(smoothing=0.9, tone=tone)
    truth, rng = clean_frame(), np.random.default_rng(0)
    noisy = [np.rint(100 * truth + 400 * rng.standard_normal(truth.shape) + 5000).astype(np.uint16) for _ in range(3)]
    restorer.reset()
    first = restorer.restore(noisy[0]).image
    for frame in noisy[1:]:
        restorer.restore(frame)
    assert not np.array_equal(restorer.restore(noisy[0]).image, first), "the past is in it"
    restorer.reset()
    np.testing.assert_array_equal(restorer.restore(noisy[0]).image, first)


def test_size_may_change_in_mid_stream(restorer: Restorer) -> None:
    restorer.options = Options(smoothing=0.9)
    for shape in ((128, 160), (240, 320), (128, 160)):
        frame = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
        assert restorer.restore(frame).image.shape == shape


def test_bad_frames_leave_the_restorer_working(restorer: Restorer) -> None:
    with pytest.raises(FrameError):
        restorer.restore(np.zeros((64, 64), np.uint8))
    assert restorer.restore(clean_frame().astype(np.uint8)).image.any()


def test_a_frame_that_an_engine_cannot_answer_costs_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    restorer = load_restorer(engine="onnxruntime", options=Options(smoothing=0.8))
    frame = clean_frame().astype(np.uint8)
    restorer.restore(frame)
    engine = restorer._switch.current.engine
    estimate = engine.estimate
    for broken in (np.nan, np.inf):
        monkeypatch.setattr(
            engine, "estimate", lambda given, gain=broken: (0 * estimate(given)[0] + gain, *estimate(given)[1:])
        )
        with pytest.raises(FrameError, match="NaN or infinity"):
            restorer.restore(frame)
        monkeypatch.setattr(engine, "estimate", estimate)
        assert restorer.restore(frame).image.std() > 10
    monkeypatch.setattr(engine, "restore", Mock(side_effect=RuntimeError("[CPU] can't allocate\n 40 GB")))
    with pytest.raises(EngineError, match=r"engine failed on a frame of 320x256 \(\[CPU\] can't allocate 40 GB\)"):
        restorer.restore(frame)


def test_frames_in_which_the_network_sees_nothing_are_answered_and_cost_no_other(restorer: Restorer) -> None:
    frame = (8000 + 4 * clean_frame()).astype(np.uint16)
    restorer.options = Options(smoothing=0.8, counts=Counts("fixed", maximum=255.0))  # all of it is outside
    restorer.reset()
    for _ in range(2):
        assert restorer.restore(frame).image.shape == frame.shape
    restorer.options = Options(smoothing=0.8)
    assert restorer.restore(frame).image.std() > 10


def test_a_flat_frame_with_hot_pixels_is_refused_as_a_covered_lens(restorer: Restorer) -> None:
    frame = np.full((128, 160), 5000, np.uint16)
    frame[30, 40] = frame[90, 100] = 60000
    restorer.options = Options()
    with pytest.raises(FrameError, match="lens covered"):
        restorer.restore(frame)


def test_something_hot_that_passes_leaves_the_contrast_as_it_was(restorer: Restorer) -> None:
    restorer.options = Options(smoothing=0.8, tone="restore")
    restorer.reset()
    frame = (8000 + 4 * clean_frame()).astype(np.uint16)
    for _ in range(5):
        before = restorer.restore(frame).image
    hot = frame.copy()
    hot[20:100, 20:100] = 12000
    restorer.restore(hot)
    after = restorer.restore(frame).image
    assert float(after.std()) == pytest.approx(float(before.std()), rel=0.1)


def test_another_mapping_of_counts_holds_from_the_next_frame_on(restorer: Restorer) -> None:
    frame = (20000 + 20 * clean_frame()).astype(np.uint16)
    counts = {
        name: Options(smoothing=0.9, counts=Counts(name, minimum=18000, maximum=28000))
        for name in ("fixed", "percentile")
    }
    restorer.options = counts["percentile"]
    restorer.reset()
    alone = restorer.restore(frame).image
    restorer.options = counts["fixed"]
    for _ in range(3):
        restorer.restore(frame)
    restorer.options = counts["percentile"]
    np.testing.assert_array_equal(restorer.restore(frame).image, alone)


def test_unknown_task_is_refused_and_the_old_options_stay(restorer: Restorer) -> None:
    restorer.options = Options(strength=0.5)
    with pytest.raises(OptionError, match="task is 'fly': this prior knows restore"):
        restorer.options = replace(restorer.options, task="fly")
    assert restorer.options.strength == 0.5
