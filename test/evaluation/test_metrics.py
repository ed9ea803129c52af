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

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infrared_ir_ros.evaluation import metrics

reference = pytest.importorskip("skimage.metrics")


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    clean = np.clip(np.cumsum(rng.normal(0, 4, (48, 63)), axis=1) + 120, 0, 255).astype(np.float32)
    return np.clip(0.7 * clean + 30 + rng.normal(0, 9, clean.shape), 0, 255).astype(np.float32), clean


def test_psnr_agrees_with_scikit_image(pair: tuple[np.ndarray, np.ndarray]) -> None:
    restored, clean = pair
    expected = reference.peak_signal_noise_ratio(clean, restored, data_range=255)
    assert metrics.psnr(restored, clean) == pytest.approx(expected, abs=1e-5)


def test_ssim_agrees_with_scikit_image(pair: tuple[np.ndarray, np.ndarray]) -> None:
    restored, clean = pair
    expected = reference.structural_similarity(
        clean.astype(float),
        restored.astype(float),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
    )
    assert metrics.ssim(restored, clean) == pytest.approx(expected, abs=1e-6)


def test_luma_agrees_with_scikit_image_and_reads_higher_by_a_constant(pair: tuple[np.ndarray, np.ndarray]) -> None:
    color = pytest.importorskip("skimage.color")
    restored, clean = pair
    luma = [color.rgb2ycbcr(np.repeat(frame[..., None] / 255.0, 3, 2))[..., 0] for frame in (restored, clean)]
    expected = reference.peak_signal_noise_ratio(luma[1], luma[0], data_range=255)
    assert metrics.psnr_luma(restored, clean) == pytest.approx(expected, abs=1e-3)
    assert metrics.psnr_luma(restored, clean) - metrics.psnr(restored, clean) == pytest.approx(1.3219, abs=1e-3)


def test_integer_frames_do_not_wrap_around() -> None:
    dark, bright = np.zeros((16, 16), np.uint8), np.full((16, 16), 255, np.uint8)
    assert metrics.psnr(dark, bright) == 0.0
    assert metrics.psnr(bright, bright) == math.inf


def test_fit_agrees_with_a_least_squares_solver(pair: tuple[np.ndarray, np.ndarray]) -> None:
    restored, clean = pair
    design = np.stack([restored.ravel(), np.ones(restored.size)], 1).astype(float)
    solution, *_ = np.linalg.lstsq(design, clean.ravel().astype(float), rcond=None)
    assert np.allclose(metrics.fit_tone(restored, clean).ravel(), design @ solution, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(gain=st.floats(0.05, 4), offset=st.floats(-200, 200))
def test_figures_after_the_fit_do_not_see_tone(gain: float, offset: float) -> None:
    rng = np.random.default_rng(1)
    clean = rng.uniform(0, 255, (24, 24))
    restored = clean + rng.normal(0, 10, clean.shape)
    plain, toned = (
        metrics.psnr(metrics.fit_tone(frame, clean), clean) for frame in (restored, gain * restored + offset)
    )
    assert toned == pytest.approx(plain, abs=1e-6)
    assert plain >= metrics.psnr(restored, clean)


def test_an_inverted_or_flat_picture_gets_no_credit() -> None:
    clean = np.random.default_rng(2).uniform(0, 255, (24, 24))
    spread = metrics.psnr(np.full_like(clean, clean.mean()), clean)
    for useless in (255 - clean, np.full_like(clean, 7.0)):
        assert metrics.psnr(metrics.fit_tone(useless, clean), clean) == pytest.approx(spread)


@pytest.mark.parametrize("level", [33.333, 0.1, 123.456, 200.1])
def test_a_flat_picture_fits_as_the_mean_whatever_its_rounding(level: float) -> None:
    clean = np.random.default_rng(0).uniform(0, 255, (48, 64))
    assert np.array_equal(metrics.fit_tone(np.full((48, 64), level), clean), np.full((48, 64), clean.mean()))


def test_frames_of_different_sizes_are_refused_with_both_shapes() -> None:
    with pytest.raises(ValueError, match=r"\(8, 9\) and \(9, 8\)"):
        metrics.score(np.zeros((8, 9)), np.zeros((9, 8)))


def test_st_lpips_is_asked_as_the_frame_comes_and_after_the_fit(pair: tuple[np.ndarray, np.ndarray]) -> None:
    restored, clean = pair
    seen: list[np.ndarray] = []
    result = metrics.score(restored, clean, lambda frame, _: float(len(seen.append(frame) or seen)))
    assert (result.st_lpips, result.st_lpips_fitted) == (1.0, 2.0)
    assert np.array_equal(seen[0], restored) and np.allclose(seen[1], metrics.fit_tone(restored, clean), atol=1)
    assert math.isnan(metrics.score(restored, clean).st_lpips)
