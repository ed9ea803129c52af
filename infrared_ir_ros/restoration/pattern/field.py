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

"""One smooth field that explains the slopes of many frames (design section 1.9).

Weiss (Deriving intrinsic images from image sequences, ICCV 2001) takes a robust centre of each gradient separately and
then integrates; small biases add up to wrong low frequencies. Here the field and the outliers are found together: the
field p minimises the sum over frames f and slopes of rho(slope(f) - slope(p)) with the Geman-McClure-like rho behind
Cauchy weights squared, by reweighted least squares from coarse to fine scale (graduated non-convexity).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

SCALES = np.geomspace(
    4, 0.7, 8
)  # times the median residual: wide first, so that no edge of the scene is locked in early
FLATNESS = 1e-3  # weight per frame of the assumption that there is no slope
SOLVER_STEPS, SOLVER_ACCURACY = 60, 1e-4


def common_field(frames: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """The field that frames of a moving scene have in common, of mean 0.

    frames: (n, rows, columns) float32, rows and columns even. trust: of the same shape, 0..1, how far
    each cell is trusted. Returns (rows, columns) float32, same units.
    """
    seen = slopes(frames)
    pairs = [np.minimum(trust[..., 1:], trust[..., :-1]), np.minimum(trust[:, 1:], trust[:, :-1])]
    field = np.zeros(frames.shape[1:], np.float32)
    least = np.float32(1e-3 * frames[-1].std() + 1e-12)
    for scale in SCALES:
        numerators, denominators = [], []
        residuals = [slope - inner for slope, inner in zip(seen, slopes(field), strict=True)]
        typical = np.median(np.abs(np.concatenate([part[::2].ravel() for part in residuals])))
        width = np.float32(scale) * typical + least
        for slope, residual, pair in zip(seen, residuals, pairs, strict=True):
            weight = pair / doubt(residual, width)
            numerators.append(np.einsum("nij,nij->ij", weight, slope))
            denominators.append(weight.sum(0) + np.float32(FLATNESS * len(frames)))
        field = _integrate(numerators, denominators, field)
    return field


def doubt(residuals: np.ndarray, width: float) -> np.ndarray:
    """The inverse of the weight: Cauchy's weight squared is 1 / (1 + (r / width)^2)^2."""
    return np.square(1 + np.square(residuals / width))


def slopes(frames: np.ndarray) -> list[np.ndarray]:
    return [np.diff(frames, axis=-1), np.diff(frames, axis=-2)]


def divergence(along_x: np.ndarray, along_y: np.ndarray) -> np.ndarray:
    """The transpose of `slopes`: (rows, columns) float32."""
    out = np.zeros((along_x.shape[0], along_y.shape[1]), np.float32)
    out[:, 1:] += along_x
    out[:, :-1] -= along_x
    out[1:] += along_y
    out[:-1] -= along_y
    return out


def _integrate(numerators: list[np.ndarray], weights: list[np.ndarray], start: np.ndarray) -> np.ndarray:
    """Weighted Poisson equation by conjugate gradients, preconditioned with the unweighted one (a cosine transform)."""
    inverse = inverse_laplacian(start.shape) / np.float32(np.mean(weights[0]))

    def apply(field: np.ndarray) -> np.ndarray:
        return divergence(*(w * slope for w, slope in zip(weights, slopes(field), strict=True)))

    return conjugate_gradients(apply, divergence(*numerators), start, inverse)


def conjugate_gradients(
    apply: Callable[[np.ndarray], np.ndarray],
    right: np.ndarray,
    start: np.ndarray,
    inverse: np.ndarray,
    accuracy: float = SOLVER_ACCURACY,
) -> np.ndarray:
    """The field of mean 0 with apply(field) = right, by preconditioned conjugate gradients.

    inverse: the preconditioner, as factors of the cosine transform. accuracy: of the residual, relative to `right`."""
    field, rest = start, right - apply(start)
    direction, before = None, 1.0
    goal = accuracy * np.linalg.norm(right)
    for _ in range(SOLVER_STEPS):
        if np.linalg.norm(rest) <= goal:
            break
        guess = cv2.idct(cv2.dct(rest) * inverse)
        now = float(np.vdot(rest, guess))
        direction = guess if direction is None else guess + np.float32(now / before) * direction
        pushed = apply(direction)
        step = np.float32(now / max(float(np.vdot(direction, pushed)), 1e-30))
        field, rest, before = field + step * direction, rest - step * pushed, now
    return field - field.mean()


def inverse_laplacian(shape: tuple[int, ...]) -> np.ndarray:
    rows, columns = (2 - 2 * np.cos(np.pi * np.arange(n) / n) for n in shape)
    values = rows[:, None] + columns[None]
    values[0, 0] = np.inf  # the mean is free
    return (1 / values).astype(np.float32)
