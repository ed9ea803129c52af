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

"""The degradations of `simulation` for batches on any device, for trainings that the CPU would slow down.

Both families, with the same ranges but other random numbers, so a seed gives other frames than in `simulation`.
Frames are (batch, 1, height, width); internally, levels are 0..255.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.simulation import PRESETS, ranges
from infrared_ir_ros.simulation.ranges import HM_TIR, SEVERITY, Range
from infrared_ir_ros.training.kernels import gaussian_blur, jpeg, motion_blur
from infrared_ir_ros.training.raster import LINK_PRESET, Raster, through_each


def degrade_batch(
    clean: Tensor,
    presets: Sequence[str],
    generator: torch.Generator,
    scales: Sequence[float] | None = None,
    rasters: Sequence[Raster | None] = (),
) -> Tensor:
    """Degrade each frame by a preset of its own.

    clean: (batch, 1, height, width) float32, 0..1, sides of more than 12 pixels. presets: one of PRESETS per frame.
    generator: on the device of `clean`. scales: sensor pixels per pixel along an axis, per frame; default 1.
    rasters: the sensor's, for enlarged frames; none by default.
    Returns a new tensor on the 8-bit levels of 0..1. Raises OptionError for an unknown preset.
    """
    if unknown := set(presets) - set(PRESETS):
        raise OptionError(f"degradation preset is {min(unknown)!r}: use one of {', '.join(PRESETS)}")
    groups: dict[tuple[Callable, float], list[int]] = defaultdict(list)
    for index, (preset, scale) in enumerate(zip(presets, scales or [1.0] * len(presets), strict=True)):
        family = _sensor if preset in SEVERITY else _hm_tir if preset in HM_TIR else _clean
        groups[family, float(scale)].append(index)
    degraded = torch.empty_like(clean)
    for (family, scale), members in groups.items():
        at = torch.tensor(members).to(clean.device, non_blocking=True)
        draws = Draws(generator, len(members))
        degraded[at] = family(255 * clean[at], [presets[index] for index in members], draws, scale) / 255
    degraded = through_each(degraded, rasters)
    if linked := [index for index, raster in enumerate(rasters) if raster is not None and raster.linked]:
        degraded[linked] = degrade_batch(degraded[linked], [LINK_PRESET] * len(linked), generator)
    return degraded


class Draws:
    """Random parameters of `count` frames, (count, 1, 1, 1) float32 each."""

    def __init__(self, generator: torch.Generator, count: int) -> None:
        self._generator, self._count = generator, count

    def number(self, low: float, high: float) -> Tensor:
        return self.noise(torch.rand) * (high - low) + low

    def whole(self, low: float, high: float) -> Tensor:
        """A whole number in low..high, both included."""
        return self.number(low, high + 1).floor().clamp_max(high)

    def chance(self, probability: float) -> Tensor:
        return self.noise(torch.rand) < probability

    def strength(self, drawn: Range) -> Tensor:
        """A number in the range, or 0 in the frames where the degradation is absent."""
        return self.number(drawn.low, drawn.high) * self.chance(drawn.chance)

    def noise(self, kind: Callable[..., Tensor] = torch.randn, height: int = 1, width: int = 1) -> Tensor:
        shape = (self._count, 1, height, width)
        return kind(shape, generator=self._generator, device=self._generator.device)


def to_levels(frames: Tensor) -> Tensor:
    return frames.clamp(0, 255).round()


def _clean(frames: Tensor, presets: list[str], draws: Draws, scale: float) -> Tensor:
    return to_levels(frames)


def _hm_tir(frames: Tensor, presets: list[str], draws: Draws, scale: float) -> Tensor:
    """Tone, blur, optical non-uniformity, stripes, noise; 8-bit clipping after each."""
    single, normal = (
        torch.tensor([p == name for p in presets]).to(frames.device).view(-1, 1, 1, 1) for name in HM_TIR[:2]
    )
    group = draws.whole(0, 2)
    for step, member_of in ((_tone, 0), (_blur, 1), (_optics, 2), (_stripes, 2), (_noise, 2)):
        applied = torch.where(single, group == member_of, ~normal | draws.chance(ranges.HM_TIR_NORMAL_CHANCE))
        frames = torch.where(applied, to_levels(step(frames, draws, scale)), frames)
    return to_levels(frames)


def _tone(frames: Tensor, draws: Draws, scale: float) -> Tensor:
    return frames * (1 + draws.strength(ranges.TONE_CONTRAST)) + 255 * draws.strength(ranges.TONE_BRIGHTNESS)


def _blur(frames: Tensor, draws: Draws, scale: float) -> Tensor:
    return gaussian_blur(frames, draws.strength(ranges.BLUR) / scale, ranges.BLUR.high / scale)


def _optics(frames: Tensor, draws: Draws, scale: float) -> Tensor:
    dome = domes(frames, draws)
    return frames + draws.whole(*ranges.DOME[:2]) * torch.where(draws.chance(0.5), dome, 1 - dome)


def _stripes(frames: Tensor, draws: Draws, scale: float) -> Tensor:
    """Stripes on columns or rows; one pixel of a thumbnail averages `scale` lines."""
    gain, offset = (draws.strength(drawn) * scale**-0.5 for drawn in (ranges.STRIPE_GAIN, ranges.STRIPE_OFFSET))
    height, width = frames.shape[2:]
    columns, rows = (frames * gain * draws.noise(*line) + offset * draws.noise(*line)
                     for line in ((torch.randn, 1, width), (torch.randn, height, 1)))  # fmt: skip
    return frames + torch.where(draws.chance(0.5), columns, rows)


def _noise(frames: Tensor, draws: Draws, scale: float) -> Tensor:
    sigma = draws.strength(ranges.NOISE_VARIANCE).sqrt() / scale
    return frames + sigma * draws.noise(torch.randn, *frames.shape[2:])


def _sensor(frames: Tensor, presets: list[str], draws: Draws, scale: float) -> Tensor:
    """One frame per camera: atmosphere and lens, detector pattern and noise, readout."""
    severity = torch.tensor([SEVERITY[preset] for preset in presets]).to(frames.device).view(-1, 1, 1, 1)
    shape = frames.shape[2:]
    frames = _through_optics(frames, severity, draws, scale)
    gain = 1 + draws.strength(ranges.PIXEL_GAIN) * severity / scale * draws.noise(torch.randn, *shape)
    noise = draws.strength(ranges.NOISE) * severity / scale * draws.noise(torch.randn, *shape)
    return _read_out(frames * gain + _pattern(frames, severity, draws, scale) + noise, draws, scale)


def _through_optics(frames: Tensor, severity: Tensor, draws: Draws, scale: float) -> Tensor:
    largest = max(SEVERITY.values())
    sigma = draws.number(*ranges.LENS_BLUR[:2]) * severity + ranges.LEAST_BLUR
    sigma = sigma * draws.chance(ranges.LENS_BLUR.chance) / scale
    frames = gaussian_blur(frames, sigma, (ranges.LENS_BLUR.high * largest + ranges.LEAST_BLUR) / scale)
    length = 1 + draws.strength(ranges.MOTION) * severity / scale
    frames = motion_blur(frames, length, draws.number(0, math.pi), 1 + ranges.MOTION.high * largest / scale)
    contrast = 1 - draws.strength(ranges.CONTRAST_LOSS) * severity.clamp_max(1)
    return contrast * frames + (1 - contrast) * draws.strength(ranges.RADIANCE)


def _pattern(frames: Tensor, severity: Tensor, draws: Draws, scale: float) -> Tensor:
    """The detector's additive pattern, (batch, 1, height, width): lines, shading, pixels."""
    height, width = frames.shape[2:]
    fine, coarse = (period / scale for period in ranges.CLOUDS_PERIODS)
    lines = (
        draws.strength(ranges.COLUMNS) * draws.noise(torch.randn, 1, width)
        + draws.strength(ranges.ROWS) * draws.noise(torch.randn, height, 1)
    ) * scale**-0.5  # a pixel of a thumbnail averages `scale` lines
    clouds = torch.where(
        draws.chance(0.5), smooth_fields(draws, (height, width), fine), smooth_fields(draws, (height, width), coarse)
    )
    shading = (
        draws.strength(ranges.SMOOTH_COLUMNS) * smooth_fields(draws, (1, width), ranges.SMOOTH_COLUMNS_PERIOD / scale)
        + draws.strength(ranges.CLOUDS) * clouds
        + draws.chance(ranges.GLOW.chance) * glows(frames, draws)
        + draws.strength(ranges.VIGNETTING) * domes(frames, draws)
        + draws.strength(ranges.POLYNOMIAL) * polynomials(frames, draws)
    )
    pixels = draws.strength(ranges.PIXEL_OFFSET) / scale * draws.noise(torch.randn, height, width)
    if scale == 1:
        odd_even = 2.0 * (torch.arange(width, device=frames.device) % 2) - 1
        lines = lines + draws.strength(ranges.ODD_EVEN) * odd_even
    return severity * (lines + shading + pixels)


def _read_out(frames: Tensor, draws: Draws, scale: float) -> Tensor:
    low, high = torch.quantile(
        frames[:, :, ::3, ::3].flatten(1), frames.new_tensor(ranges.AGC_PERCENTILES) / 100, dim=1
    )[:, :, None, None, None]
    filled = (frames - low) * (255 / (high - low).clamp_min(ranges.AGC_LEAST_SPAN))
    frames = torch.where(draws.chance(ranges.AGC_CHANCE), filled, frames)
    if scale != 1:  # neither dead pixels nor the blocks of a codec survive averaging
        return to_levels(frames)
    dead = draws.noise(torch.rand, *frames.shape[2:]) < draws.strength(ranges.DEAD)
    level = torch.where(draws.chance(0.5), *ranges.DEAD_LEVELS)
    frames = to_levels(torch.where(dead, level, frames))
    packed = jpeg(frames, draws.whole(*ranges.JPEG_QUALITY[:2]))
    return torch.where(draws.chance(ranges.JPEG_QUALITY.chance), packed, frames)


def domes(like: Tensor, draws: Draws) -> Tensor:
    """cos^4(pi/2 * r/r_max) around a random pixel of each frame, where it is 1."""
    height, width = like.shape[2:]
    rows, columns = _axis(like, 0, height - 1, 2) - draws.number(0, height), _axis(like, 0, width - 1, 3)
    columns = columns - draws.number(0, width)
    radius = (rows * rows + columns * columns).sqrt()
    return torch.cos(radius * (math.pi / 2) / radius.amax((2, 3), keepdim=True)) ** 4


def glows(like: Tensor, draws: Draws) -> Tensor:
    """Warm borders; each side has its own strength and decay."""
    rows, columns = _axis(like, 0, 1, 2), _axis(like, 0, 1, 3)
    return sum(
        draws.number(*ranges.GLOW[:2]) * torch.exp(-side / draws.number(*ranges.GLOW_DECAY[:2]))
        for side in (rows, 1 - rows, columns, 1 - columns)
    )


def polynomials(like: Tensor, draws: Draws) -> Tensor:
    """Random polynomials of degree 2, of standard deviation about 1."""
    y, x = _axis(like, -1, 1, 2), _axis(like, -1, 1, 3)
    return sum(draws.noise() * term for term in (y, x, y * y - 1 / 3, x * x - 1 / 3, x * y))


def smooth_fields(draws: Draws, shape: tuple[int, int], period: float) -> Tensor:
    """Random fields (batch, 1, *shape) of standard deviation about 1 with features of `period` pixels."""
    coarse = (1 if side == 1 else max(round(side / max(period, 1)), 2) for side in shape)
    return F.interpolate(draws.noise(torch.randn, *coarse), size=shape, mode="bicubic", align_corners=False)


def _axis(like: Tensor, first: float, last: float, dim: int) -> Tensor:
    """Evenly spaced from first to last along a dimension of `like`, size 1 along all others."""
    shape = [1, 1, 1, 1]
    shape[dim] = like.shape[dim]
    return torch.linspace(first, last, like.shape[dim], device=like.device).view(shape)
