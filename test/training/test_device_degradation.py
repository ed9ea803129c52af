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

"""Degradations in torch against those in numpy: each operation by itself, each ingredient by itself, whole presets."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from infrared_ir_ros.errors import OptionError  # noqa: E402
from infrared_ir_ros.restoration.dead_pixels import replace_dead_pixels as replace_in_numpy  # noqa: E402
from infrared_ir_ros.simulation import PRESETS, degrade, layout, ranges, stretch  # noqa: E402
from infrared_ir_ros.simulation.ranges import Range  # noqa: E402
from infrared_ir_ros.training.degradation import degrade_batch  # noqa: E402
from infrared_ir_ros.training.kernels import gaussian_blur, jpeg, motion_blur, replace_dead_pixels  # noqa: E402

FRAMES = 120


@pytest.fixture(scope="module")
def scenes() -> np.ndarray:
    """(12, 64, 96) float32, 0..255."""
    return np.stack([stretch(layout(np.random.default_rng(seed), 64, 96)) for seed in range(12)])


def tensor(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(frames))[:, None]


def each(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(-1, 1, 1, 1)


def test_blur_is_that_of_opencv(scenes: np.ndarray) -> None:
    sigmas = (0.05, 0.5, 1.3, 3.0)
    blurred = gaussian_blur(tensor(scenes[:4]), each(*sigmas), 3.0)
    for one, scene, sigma in zip(blurred[1:, 0], scenes[1:4], sigmas[1:], strict=True):
        np.testing.assert_allclose(one, cv2.GaussianBlur(scene, (0, 0), sigma), atol=0.02)
    np.testing.assert_array_equal(blurred[0, 0], scenes[0])


def test_motion_smears_along_its_line_alone() -> None:
    point = torch.zeros(3, 1, 33, 33)
    point[:, :, 16, 16] = 1
    smeared = motion_blur(point, each(9.0, 9.0, 1.4), each(0.0, np.pi / 2, 0.7), 9.4)
    at = torch.arange(33) - 16.0
    for image, along, across in ((smeared[0, 0], 1, 0), (smeared[1, 0], 0, 1)):
        assert image.sum().item() == pytest.approx(1, abs=1e-5)
        spread = [(image.sum(1 - axis) * at**2).sum().item() for axis in (along, across)]
        assert spread[0] == pytest.approx(9**2 / 12, rel=0.15)  # the variance of an even distribution
        assert spread[1] == 0
    torch.testing.assert_close(smeared[2], point[2])


def test_jpeg_is_that_of_opencv(scenes: np.ndarray) -> None:
    frames = np.rint(scenes[:3, :61, :90])  # sides that are no multiples of a block
    packed = jpeg(tensor(frames), each(60.0, 80.0, 95.0))[:, 0].numpy()
    for own, frame, quality in zip(packed, frames, (60, 80, 95), strict=True):
        _, data = cv2.imencode(".jpg", frame.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
        decoded = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.float32)
        inside = slice(0, 56), slice(0, 88)  # where no block is padded
        errors = [np.abs(frame - one)[inside].mean() for one in (own, decoded)]
        assert errors[0] == pytest.approx(errors[1], rel=0.02)
        assert np.abs(own - decoded)[inside].mean() < 0.25 * errors[1]  # at quality 95 mostly rounding


def test_dead_pixels_are_replaced_as_in_numpy(scenes: np.ndarray) -> None:
    frames = scenes[:6] + np.random.default_rng(0).normal(0, 3, scenes[:6].shape).astype(np.float32)
    dead = np.random.default_rng(1).random(frames.shape) < 0.003
    dead[0, 0, 0] = dead[0, -1, 5] = dead[0, 7, -1] = True  # borders, too
    frames[dead] = 255
    replaced = replace_dead_pixels(tensor(frames))[:, 0].numpy()
    assert (replaced != frames).sum() > 20
    for own, frame in zip(replaced, frames, strict=True):
        np.testing.assert_array_equal(own, replace_in_numpy(frame))


def differences(scenes: np.ndarray, preset: str, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Degraded minus clean, in levels, by numpy and by torch: (FRAMES, height, width) each."""
    clean = scenes[np.arange(FRAMES) % len(scenes)]
    numpy = np.stack([degrade(one, preset, np.random.default_rng(s), scale) for s, one in enumerate(clean)])
    generator = torch.Generator().manual_seed(0)
    torch_ = degrade_batch(tensor(clean) / 255, [preset] * FRAMES, generator, [scale] * FRAMES)[:, 0].numpy() * 255
    return numpy - clean, torch_ - clean


def statistics(difference: np.ndarray) -> dict[str, float]:
    """In levels, mean over the frames: brightness, spread, spread of column and row means, grain."""
    grain = np.diff(np.diff(difference, axis=1), axis=2)
    lines = [np.diff(difference.mean(axis), axis=1).std(1) for axis in (1, 2)]
    parts = {
        "brightness": np.abs(difference.mean((1, 2))),
        "spread": difference.std((1, 2)),
        "columns": lines[0],
        "rows": lines[1],
        "grain": np.abs(grain).mean((1, 2)),
    }
    return {name: float(values.mean()) for name, values in parts.items()}


def disagreements(first: dict[str, float], second: dict[str, float], tolerance: float) -> list[str]:
    """Statistics that differ by more than the tolerance, and by more than rounding. Brightness is one number a frame,
    the others are means over many pixels or lines."""
    return [
        f"{name}: {first[name]:.2f} and {second[name]:.2f}"
        for name in first
        if abs(first[name] - second[name])
        > (1.5 if name == "brightness" else 1) * tolerance * max(first[name], second[name]) + 0.03
    ]


NAMES = [name for name, value in vars(ranges).items() if isinstance(value, Range)]
STRONGEST = {
    "TONE_CONTRAST": Range(-0.5, -0.5), "TONE_BRIGHTNESS": Range(0.2, 0.2), "BLUR": Range(2, 2), "DOME": Range(50, 50),
    "STRIPE_GAIN": Range(0.1, 0.1), "STRIPE_OFFSET": Range(5, 5), "NOISE_VARIANCE": Range(100, 100),
    "LENS_BLUR": Range(1.5, 1.5), "MOTION": Range(6, 6), "CONTRAST_LOSS": Range(0.6, 0.6), "COLUMNS": Range(6, 6),
    "ROWS": Range(6, 6), "SMOOTH_COLUMNS": Range(8, 8), "ODD_EVEN": Range(4, 4), "CLOUDS": Range(12, 12),
    "GLOW": Range(20, 20), "VIGNETTING": Range(30, 30), "POLYNOMIAL": Range(10, 10), "PIXEL_OFFSET": Range(8, 8),
    "PIXEL_GAIN": Range(0.05, 0.05), "DEAD": Range(0.003, 0.003), "NOISE": Range(10, 10), "JPEG_QUALITY": Range(60, 60),
}  # fmt: skip
LASTING = ("RADIANCE", "GLOW_DECAY")  # ranges that mean nothing alone


def keep_only(monkeypatch: pytest.MonkeyPatch, ingredient: str) -> None:
    """Leave one ingredient of the degradations, always present and always as strong, and nothing else."""
    for name in NAMES:
        if name not in LASTING:
            monkeypatch.setattr(ranges, name, Range(0, 0, 0.0))
    monkeypatch.setattr(ranges, "RADIANCE", Range(220, 220))
    monkeypatch.setattr(ranges, "LEAST_BLUR", 0.0)
    monkeypatch.setattr(ranges, "AGC_CHANCE", float(ingredient == "AGC_CHANCE"))
    if ingredient in STRONGEST:
        monkeypatch.setattr(ranges, ingredient, STRONGEST[ingredient])


def test_every_range_is_compared() -> None:
    assert {*STRONGEST, *LASTING} == set(NAMES)


@pytest.mark.parametrize("scale", [1.0, 4.0])
@pytest.mark.parametrize("ingredient", [*STRONGEST, "AGC_CHANCE"])
def test_each_ingredient_is_as_strong_as_in_numpy(
    scenes: np.ndarray, monkeypatch: pytest.MonkeyPatch, ingredient: str, scale: float
) -> None:
    keep_only(monkeypatch, ingredient)
    of_paper = NAMES.index(ingredient) < NAMES.index("LENS_BLUR") if ingredient in NAMES else False
    numpy, torch_ = differences(scenes, "hm_tir_hard" if of_paper else "sensor_normal", scale)
    expected = statistics(numpy)
    if scale == 1:
        assert max(expected.values()) > 1, "the ingredient shows"
    assert not disagreements(expected, statistics(torch_), 0.12)
    if expected["spread"] > 1:
        assert disagreements(expected, statistics(1.3 * torch_), 0.12)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_do_as_much_as_in_numpy(scenes: np.ndarray, preset: str) -> None:
    numpy, torch_ = differences(scenes, preset, 1.0)
    assert not disagreements(statistics(numpy), statistics(torch_), 0.2)


def test_each_frame_gets_its_own_preset_and_scale(scenes: np.ndarray) -> None:
    clean = tensor(np.full((400, 32, 32), 120, np.float32)) / 255
    presets = ["clean", "hm_tir_hard", "hm_tir_hard", "sensor_hard"] * 100
    scales = [1.0, 1.0, 8.0, 2.0] * 100
    kept = clean.clone()
    degraded = degrade_batch(clean, presets, torch.Generator().manual_seed(1), scales) * 255
    assert torch.equal(clean, kept)
    np.testing.assert_allclose(degraded, degraded.round(), atol=1e-4)
    assert torch.equal(degraded[::4].round(), 255 * clean[::4])
    grain = degraded.diff(dim=3).std((1, 2, 3)).view(-1, 4).mean(0)
    assert grain[1] > 3 * grain[2] > 0
    again = degrade_batch(clean, presets, torch.Generator().manual_seed(1), scales) * 255
    assert torch.equal(degraded, again)
    assert len({tuple(frame.flatten().tolist()) for frame in degraded[1::4]}) == 100


def test_unknown_presets_are_refused() -> None:
    with pytest.raises(OptionError, match="'fog'"):
        degrade_batch(torch.zeros(1, 1, 32, 32), ["fog"], torch.Generator())
