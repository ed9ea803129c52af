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

"""The examples of an adaptation: a frame as the network sees it, and its target.

`clean`: good frames, degraded by a preset or a measured profile. `pairs`: frames with clean counterparts. `self`:
degraded frames alone, recorrupted: with noise e of known covariance in a frame y = x + e, and n drawn from the same
distribution, y + a n and y - n / a have independent noise, so that the second is as good a target as x is, on average
(Pang et al., Recorrupted-to-Recorrupted, CVPR 2021). It teaches nothing about other degradations (blur, shading, tone,
noise that neighbouring pixels share), and smooths texture that was mistaken for noise. `labels`: unchanged frames with
labelled objects; a frozen detector judges how well it detects them in the restored frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from infrared_ir_ros.engines.engine import MULTIPLE
from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.records import Counts, Detection
from infrared_ir_ros.restoration.counts import Window, checked, narrowed, split_excess, window
from infrared_ir_ros.restoration.dead_pixels import replace_dead_pixels
from infrared_ir_ros.restoration.inference import enlarged, pad
from infrared_ir_ros.simulation import stretch
from infrared_ir_ros.simulation.camera import Degrader, GreyScale
from infrared_ir_ros.simulation.profile import read_profile

ADDED = 0.5  # a of the recorruption: little more noise than in use, and a target that is not too noisy
LEAST_NOISE = 0.2  # grey levels: less is lost in the rounding of 8 bits


@dataclass(frozen=True)
class Moment:
    """A frame (H, W) of a recording, in its own counts, with its clean counterpart and its labels, if any."""

    frame: np.ndarray
    clean: np.ndarray | None = None
    labels: tuple[Detection, ...] = ()


class Example(NamedTuple):
    """seen: (H', W') float32, the network's input, padded to multiples of 32. target: (H, W) float32, 0..1; both of a
    small frame are enlarged, as by the restorer.

    noisy: the target is noisy, and has the tone of `seen`. boxes: for a detector, instead of the target: (n, 5)
    float32, class, then centre x, centre y, width and height as shares of the frame.
    """

    seen: np.ndarray
    target: np.ndarray
    noisy: bool = False
    boxes: np.ndarray | None = None


Draw = Callable[[Moment, np.random.Generator], Example]


@dataclass(frozen=True)
class Noise:
    """Standard deviations in grey levels of 0..255: of independent pixels, of column and of row offsets."""

    pixels: float
    columns: float
    rows: float

    def __post_init__(self) -> None:
        if max(self.pixels, self.columns, self.rows) < LEAST_NOISE:
            raise OptionError(
                f"the frames have noise of {self.pixels:.2f} and lines of {self.columns:.2f} and {self.rows:.2f} grey "
                "levels: too little to learn from; if these frames are good, use supervision clean"
            )

    @classmethod
    def of_profile(cls, path: Path) -> Noise:
        """The noise of a profile of profile_sensor. Raises SourceError if it is damaged."""
        sensor = read_profile(str(path))
        pixels = float(np.hypot(sensor.NOISE.low, sensor.PIXEL_OFFSET.low))
        return cls(pixels, sensor.COLUMNS.low, sensor.ROWS.low)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """(H, W) float32 levels."""
        sizes = {shape: self.pixels, (1, shape[1]): self.columns, (shape[0], 1): self.rows}
        return sum(np.float32(sigma) * rng.standard_normal(size, np.float32) for size, sigma in sizes.items())


def degraded(preset: str, counts: Counts) -> Draw:
    """Good frames, degraded differently each time. Raises OptionError for an unknown preset."""
    Degrader(preset, 0)
    if preset == "clean":
        raise OptionError("degradation is 'clean', which degrades nothing: name a preset, or profile_sensor's .yaml")
    return partial(_degraded, preset, counts)


def _degraded(preset: str, counts: Counts, moment: Moment, rng: np.random.Generator) -> Example:
    bad = Degrader(preset, int(rng.integers(2**31)))(moment.frame)
    return Example(_seen(bad, counts)[0], enlarged(stretch(moment.frame) / np.float32(255)))


def paired(counts: Counts) -> Draw:
    """Frames with clean counterparts."""
    return partial(_paired, counts)


def _paired(counts: Counts, moment: Moment, rng: np.random.Generator) -> Example:
    assert moment.clean is not None  # `read_material` guarantees it for pairs
    return Example(_seen(moment.frame, counts)[0], enlarged(stretch(moment.clean) / np.float32(255)))


def labelled(names: Sequence[str], counts: Counts) -> Draw:
    """Unchanged frames with their boxes. names: the detector's classes; boxes of other classes are left out."""
    return partial(_labelled, tuple(names), counts)


def _labelled(names: tuple[str, ...], counts: Counts, moment: Moment, rng: np.random.Generator) -> Example:
    height, width = moment.frame.shape
    known = [one for one in moment.labels if one.label in names]
    rows = [(names.index(one.label), *_shares(one.box, height, width)) for one in known]
    seen, view = _seen(moment.frame, counts)
    unchanged = view.to_unit(moment.frame.astype(np.float32))
    return Example(seen, enlarged(unchanged), boxes=np.array(rows, np.float32).reshape(-1, 5))


def _shares(box: tuple[float, float, float, float], height: int, width: int) -> tuple[float, float, float, float]:
    """Left, top, right, bottom in pixels -> centre x, centre y, width, height as shares of the frame."""
    left, top, right, bottom = box
    return (left + right) / 2 / width, (top + bottom) / 2 / height, (right - left) / width, (bottom - top) / height


def recorrupted(noise: Noise, counts: Counts) -> Draw:
    """Degraded frames alone."""
    return partial(_recorrupted, noise, counts)


def _recorrupted(noise: Noise, counts: Counts, moment: Moment, rng: np.random.Generator) -> Example:
    levels, like = GreyScale(moment.frame), np.dtype(np.float32)
    whole = replace_dead_pixels(checked(moment.frame))
    clean, added = levels.levels(whole), noise.draw(whole.shape, rng)
    seen, view = _seen(levels.values(clean + ADDED * added, like), counts, moment.frame.dtype)
    return Example(seen, enlarged(view.to_unit(levels.values(clean - added / ADDED, like))), noisy=True)


def _seen(frame: np.ndarray, counts: Counts, dtype: np.dtype | None = None) -> tuple[np.ndarray, Window]:
    """The network's input for a frame, prepared as by the restorer, and the window of its counts."""
    repaired = replace_dead_pixels(checked(frame))
    view = narrowed(window(repaired, counts, dtype or frame.dtype), repaired)
    seen, _ = split_excess(view.to_unit(repaired))
    return pad(enlarged(seen), MULTIPLE)[0, 0], view
