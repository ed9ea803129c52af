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

"""Runs the two networks of an engine, estimator and denoiser, on frames of any size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from infrared_ir_ros.engines import Engine
from infrared_ir_ros.errors import EngineError, InfraredError, one_line
from infrared_ir_ros.records import Estimate

SMALL, TIMES = 32, 2  # pixels of the shorter side, up to which frames are restored so many times as large


def pad(unit: np.ndarray, multiple: int) -> np.ndarray:
    """(H, W) -> (1, 1, H', W') with sides divisible by `multiple`, mirrored at the bottom and the right."""
    bottom, right = (-side % multiple for side in unit.shape)
    return cv2.copyMakeBorder(unit, 0, bottom, 0, right, cv2.BORDER_REFLECT_101)[None, None]


def enlarged(unit: np.ndarray) -> np.ndarray:
    """A small frame TIMES as large, any other unchanged: (H, W) float32.

    The networks were trained on frames of 128 pixels and more; from a small one they take away detail."""
    times = _times(unit.shape)
    return unit if times == 1 else cv2.resize(unit, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)


def reduced(restored: np.ndarray, padded: np.ndarray, unit: np.ndarray, gain: float) -> np.ndarray:
    """A restored padded frame, (H', W'), at the size of `unit`, with the detail of it that was lost in enlarging.

    gain: of the restored tone."""
    times, (height, width) = _times(unit.shape), unit.shape
    before, after = (image[: times * height, : times * width] for image in (padded[0, 0], restored))
    if times == 1:
        return after
    before, after = (cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA) for image in (before, after))
    return after + np.float32(gain) * (unit - before)


def estimate_of(engine: Engine, padded: np.ndarray) -> Estimate:
    """The estimate for a padded frame, (1, 1, height, width) float32 in the unit range. Raises EngineError."""
    gain, offset, shading, columns, rows, bands, log_snr = _answer(engine.estimate, padded)
    return Estimate(
        gain=float(gain[0, 0]),
        offset=float(offset[0, 0]),
        shading=shading[0, 0],
        columns=columns[0, 0, 0],
        rows=rows[0, 0, :, 0],
        log_snr_bands=bands[0],
        log_snr=float(log_snr[0, 0]),
    )


def restored_by(engine: Engine, padded: np.ndarray, estimate: Estimate) -> np.ndarray:
    """One evaluation of the denoiser: a padded frame and its estimate -> (height, width) float32, restored tone.

    Raises EngineError."""
    scalars = (np.full((1, 1), value, np.float32) for value in (estimate.gain, estimate.offset))
    lines = (estimate.columns[None, None, None], estimate.rows[None, None, :, None])
    arrays = (*scalars, estimate.shading[None, None], *lines, estimate.log_snr_bands[None])
    return _answer(engine.restore, padded, *(np.ascontiguousarray(array, np.float32) for array in arrays))[0, 0]


def cropped(estimate: Estimate, shape: tuple[int, ...]) -> Estimate:
    """The estimate of a padded frame, with its shading cut to the frame of shape (height, width)."""
    padded, shape = (len(estimate.rows), len(estimate.columns)), tuple(_times(shape) * side for side in shape)
    if padded == shape:
        return estimate
    whole = cv2.resize(estimate.shading, padded[::-1], interpolation=cv2.INTER_LINEAR)[: shape[0], : shape[1]]
    return replace(estimate, shading=np.ascontiguousarray(whole))


def run_once(engine: Engine, height: int, width: int) -> None:
    """Run one synthetic frame, so that the first real one of this size is not slow."""
    ramp = np.linspace(0.2, 0.8, height * width, dtype=np.float32).reshape(height, width)
    padded = pad(enlarged(ramp), engine.multiple)
    restored_by(engine, padded, estimate_of(engine, padded))


def _answer(network: Callable, padded: np.ndarray, *estimate: np.ndarray) -> Any:
    """What a network of an engine answers. Raises EngineError if it fails."""
    try:
        return network(padded, *estimate)
    except InfraredError:
        raise
    except Exception as error:  # each engine has its own
        height, width = padded.shape[-2:]
        raise EngineError(
            f"the engine failed on a frame of {width}x{height} ({one_line(error)}): if memory is short, use smaller "
            "frames"
        ) from error


def _times(shape: tuple[int, ...]) -> int:
    return TIMES if min(shape) <= SMALL else 1
