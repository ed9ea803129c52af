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

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip("pywt")

from infrared_ir_ros.errors import OptionError  # noqa: E402
from infrared_ir_ros.evaluation import classical  # noqa: E402
from infrared_ir_ros.evaluation.metrics import fit_tone, psnr  # noqa: E402
from infrared_ir_ros.simulation import degrade, layout, stretch  # noqa: E402
from infrared_ir_ros.simulation.shading import cos4_dome  # noqa: E402


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    return stretch(layout(np.random.default_rng(2), 384, 512))


def fitted(restored: np.ndarray, clean: np.ndarray) -> float:
    return psnr(fit_tone(restored, clean), clean)


@pytest.mark.parametrize("transposed", [False, True])
def test_destripe_removes_line_offsets_of_either_axis(clean: np.ndarray, transposed: bool) -> None:
    truth = np.ascontiguousarray(clean.T) if transposed else clean
    offsets = np.random.default_rng(0).normal(0, 8, (truth.shape[0], 1) if transposed else (1, truth.shape[1]))
    striped = (truth + offsets).astype(np.float32)
    assert psnr(classical.destripe(striped), truth) > psnr(striped, truth) + 6


def test_an_upright_edge_of_the_scene_is_not_a_stripe() -> None:
    scene = np.full((192, 256), 60, np.float32)
    scene[:, 100:140] = 200
    scene += np.random.default_rng(0).normal(0, 2, scene.shape).astype(np.float32)
    assert np.abs(classical.destripe(scene) - scene).max() < 3


def test_destripe_takes_both_axes_when_both_are_striped(clean: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    striped = (clean + rng.normal(0, 8, (1, 512)) + rng.normal(0, 6, (384, 1))).astype(np.float32)
    assert psnr(classical.destripe(striped), clean) > psnr(striped, clean) + 6


def test_a_small_target_does_not_pull_its_column(clean: np.ndarray) -> None:
    flat = np.full((192, 256), 100, np.float32)
    flat[60:80, 100] = 255
    assert abs(classical.column_offsets(flat)[0, 100]) < 2


def test_dead_pixels_go_and_the_rest_stays(clean: np.ndarray) -> None:
    dead = np.random.default_rng(1).random(clean.shape) < 0.002
    broken = np.where(dead, np.float32(255), clean)
    repaired = classical.replace_dead_pixels(broken)
    assert psnr(repaired, clean) > psnr(broken, clean) + 5
    assert np.mean(repaired[~dead] != clean[~dead]) < 0.05


@pytest.mark.parametrize("field", [classical.dome_shading, classical.gradient_dome_shading])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_dome_on_a_flat_scene_is_found(field: object, sign: int) -> None:
    dome = sign * 60 * cos4_dome(240, 320, 90, 200)
    frame = 120 + dome + np.random.default_rng(0).normal(0, 1, dome.shape).astype(np.float32)
    found = field(frame)  # type: ignore[operator]
    assert found.shape == frame.shape
    assert np.corrcoef(found.ravel(), dome.ravel())[0, 1] > 0.98
    share = classical.GRADIENT_DOME_SHARE if field is classical.gradient_dome_shading else classical.DOME_SHARE
    assert np.std(found) == pytest.approx(share * np.std(dome), rel=0.15)


def test_gradients_find_a_dome_that_levels_mistake_for_the_scene() -> None:
    rng = np.random.default_rng(4)
    gains = {field: [] for field in ("dome", "gradient")}
    for _ in range(6):
        scene = stretch(layout(rng, 240, 320))
        shaded = scene + 70 * cos4_dome(240, 320, rng.uniform(0, 240), rng.uniform(0, 320))
        before = fitted(shaded, scene)
        gains["dome"].append(fitted(shaded - classical.dome_shading(shaded), scene) - before)
        gains["gradient"].append(fitted(shaded - classical.gradient_dome_shading(shaded), scene) - before)
    assert np.mean(gains["gradient"]) > max(np.mean(gains["dome"]), 1.0)


def test_gaussian_shading_takes_smooth_fields_and_keeps_the_mean(clean: np.ndarray) -> None:
    ramp = np.linspace(-50, 50, 512, dtype=np.float32)[None].repeat(384, 0)
    field = classical.gaussian_shading(100 + ramp)
    assert np.corrcoef(field.ravel(), ramp.ravel())[0, 1] > 0.95
    assert abs(field.mean()) < 0.5


@pytest.mark.parametrize("sigma", [4.0, 15.0])
def test_noise_sigma_is_read_off_a_noisy_scene(clean: np.ndarray, sigma: float) -> None:
    noisy = cv2.GaussianBlur(clean, (0, 0), 1.5) + np.random.default_rng(2).normal(0, sigma, clean.shape)
    assert classical.noise_sigma(noisy.astype(np.float32)) == pytest.approx(sigma, rel=0.1)


@pytest.mark.parametrize("denoise", [classical.denoise_wavelet, classical.denoise_nlm])
def test_denoisers_denoise_and_leave_noiseless_frames_alone(clean: np.ndarray, denoise: object) -> None:
    noisy = (clean + np.random.default_rng(2).normal(0, 12, clean.shape)).astype(np.float32)
    assert psnr(denoise(noisy, 12.0), clean) > psnr(noisy, clean) + 4  # type: ignore[operator]
    assert np.array_equal(denoise(clean, 0.0), clean)  # type: ignore[operator]


def test_our_wavelet_step_is_no_weaker_than_scikit_image(clean: np.ndarray) -> None:
    restoration = pytest.importorskip("skimage.restoration")
    noisy = (clean + np.random.default_rng(2).normal(0, 12, clean.shape)).astype(np.float32)
    bayes = 255 * restoration.denoise_wavelet(noisy / 255, sigma=12 / 255, wavelet="sym4", method="BayesShrink")
    assert psnr(classical.denoise_wavelet(noisy, 12.0), clean) > psnr(bayes, clean) + 0.5


def test_bm3d_beats_the_wavelet_step(clean: np.ndarray) -> None:
    pytest.importorskip("bm3d")
    truth = clean[:64, :80]
    noisy = (truth + np.random.default_rng(2).normal(0, 15, truth.shape)).astype(np.float32)
    assert psnr(classical.denoise_bm3d(noisy, 15.0), truth) > psnr(classical.denoise_wavelet(noisy, 15.0), truth)


@pytest.mark.parametrize("denoiser", ["wavelet", "nlm"])
@pytest.mark.parametrize("preset", ["hm_tir_normal", "hm_tir_hard", "sensor_normal", "sensor_hard"])
def test_the_chain_improves_frames_of_every_preset(clean: np.ndarray, denoiser: str, preset: str) -> None:
    degraded = [degrade(clean, preset, np.random.default_rng(seed)) for seed in range(4)]
    restored = [classical.restore(frame, denoiser, "none") for frame in degraded]
    assert all(frame.shape == clean.shape and frame.dtype == np.float32 for frame in restored)
    assert all(0 <= frame.min() and frame.max() <= 255 for frame in restored)
    gain = [psnr(after, clean) - psnr(before, clean) for after, before in zip(restored, degraded, strict=True)]
    assert np.mean(gain) > 1


@pytest.mark.parametrize("shape", [(16, 16), (61, 80), (187, 297)])
def test_any_size_and_an_untouched_input(shape: tuple[int, int]) -> None:
    frame = degrade(stretch(layout(np.random.default_rng(0), *shape)), "sensor_normal", np.random.default_rng(0))
    before = frame.copy()
    for denoiser in ("wavelet", "nlm"):
        for shading in classical.SHADINGS:
            assert classical.restore(frame, denoiser, shading).shape == shape
    assert np.array_equal(frame, before)


def test_unknown_steps_are_refused_by_name(clean: np.ndarray) -> None:
    with pytest.raises(OptionError, match="denoiser is 'median': use one of wavelet"):
        classical.restore(clean, "median", "none")
    with pytest.raises(OptionError, match="shading is 'polynomial': use one of none"):
        classical.restore(clean, "wavelet", "polynomial")
