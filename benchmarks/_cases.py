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

"""The cases of the restoration benchmark, and the cached results of the classical chains.

Classical results do not depend on the network: they are kept under benchmarks/cache, keyed by the frames and the code.
"""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, replace
from functools import cache
from itertools import count, product
from pathlib import Path

import cv2
import numpy as np

from infrared_ir_ros.evaluation import Score, classical, metrics, score
from infrared_ir_ros.evaluation.metrics import Distance
from infrared_ir_ros.evaluation.testsets import CleanFrame, load_set, spread
from infrared_ir_ros.media import read_image, write_atomically, write_image
from infrared_ir_ros.simulation import degrade

CACHE = Path(__file__).resolve().parent / "cache"
VARIANTS = tuple(product(("wavelet",), classical.SHADINGS))
SINGLE = "hm_tir_single"
GROUPS = ("tone", "blur", "noise")  # the preset hm_tir_single draws one of them before anything else
SINGLE_PRESETS = tuple(f"{SINGLE}_{group}" for group in GROUPS)


@dataclass(frozen=True)
class Case:
    """One clean frame (float32 0..255), degraded by a preset (uint8).

    perceptual: whether ST-LPIPS is computed for it.
    """

    preset: str
    set_name: str
    name: str
    clean: np.ndarray
    degraded: np.ndarray
    perceptual: bool = False


def cases(
    sets: Iterable[str], presets: Iterable[str], frames: int, seed: int, folder: Path, perceptual_frames: int = 0
) -> Iterator[Case]:
    """Every frame of every set under every preset; the random numbers of a case do not depend on the others.

    perceptual_frames: frames of each set, spread over it, for which ST-LPIPS is computed.
    """
    for set_name in sets:
        loaded = load_set(set_name, frames, folder)
        perceptual = set(spread(len(loaded), perceptual_frames))
        for index, frame in enumerate(loaded):
            for preset in presets:
                yield _case(frame, preset, seed, index in perceptual)


def _case(frame: CleanFrame, preset: str, seed: int, perceptual: bool) -> Case:
    label = zlib.crc32(f"{preset}/{frame.set_name}/{frame.name}".encode())
    if preset in SINGLE_PRESETS:
        degraded = degrade(frame.image, SINGLE, _generator_that_draws(preset, [seed, label]))
    else:
        degraded = degrade(frame.image, preset, np.random.default_rng([seed, label]))
    return Case(preset, frame.set_name, frame.name, frame.image, degraded.astype(np.uint8), perceptual)


def _generator_that_draws(preset: str, seeds: list[int]) -> np.random.Generator:
    """The first generator of a seeded series with which hm_tir_single draws the group of `preset`."""
    group = preset.removeprefix(f"{SINGLE}_")
    row = ([*seeds, attempt] for attempt in count())
    return next(np.random.default_rng(s) for s in row if np.random.default_rng(s).choice(GROUPS) == group)


def to_levels(frame: np.ndarray) -> np.ndarray:
    """A result on the 8-bit levels that every method is scored on."""
    return np.rint(np.clip(frame, 0, 255)).astype(np.uint8)


def score_classical(case: Case, variants: tuple[tuple[str, str], ...] = VARIANTS) -> dict[str, Score]:
    """Scores of the input and of (denoiser, shading) variants, by name; cached ones are reused."""
    cv2.setNumThreads(1)
    path = CACHE / f"{_key(case)}.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    distance = perceptual_distance(case)
    missing = [variant for variant in variants if not _is_known(known, variant_name(*variant), distance)]
    if missing:
        known["input"] = astuple(score(case.degraded, case.clean, distance))
        prepared = classical.prepare(case.degraded)
        for variant in missing:
            restored = to_levels(classical.finish(prepared, *variant))
            known[variant_name(*variant)] = astuple(score(restored, case.clean, distance))
        write_atomically(path, json.dumps(known).encode())
    names = ("input", *(variant_name(*variant) for variant in variants))
    found = {name: Score(*known[name]) for name in names}
    if distance is None:  # another run may have computed it
        found = {name: replace(entry, st_lpips=math.nan, st_lpips_fitted=math.nan) for name, entry in found.items()}
    return found


def classical_frames(case: Case) -> dict[str, np.ndarray]:
    """The degraded frame restored by each of VARIANTS, (height, width) uint8 by name; cached."""
    cv2.setNumThreads(1)
    paths = {variant: CACHE / f"{_key(case)}_{variant_name(*variant)}.png" for variant in VARIANTS}
    missing = [variant for variant, path in paths.items() if not path.exists()]
    prepared = classical.prepare(case.degraded) if missing else case.degraded
    for variant in missing:
        write_image(paths[variant], to_levels(classical.finish(prepared, *variant)))
    return {variant_name(*variant): read_image(path) for variant, path in paths.items()}


def _is_known(known: dict[str, list[float]], name: str, distance: Distance | None) -> bool:
    return name in known and (distance is None or not math.isnan(Score(*known[name]).st_lpips))


def perceptual_distance(case: Case) -> Distance | None:
    """ST-LPIPS for a case with `perceptual`, if its weights are installed."""
    if not case.perceptual:
        return None
    from infrared_ir_ros.training import perceptual  # imports torch: only if needed

    return perceptual.st_lpips().distance if perceptual.is_installed() else None


def variant_name(denoiser: str, shading: str) -> str:
    """Its name in tables and results."""
    return f"{denoiser}+{shading}"


def _key(case: Case) -> str:
    return hashlib.sha256(_code() + case.clean.tobytes() + case.degraded.tobytes()).hexdigest()[:24]


@cache
def _code() -> bytes:
    sources = (Path(module.__file__ or "").read_bytes() for module in (classical, metrics))
    return b"".join(sources) + cv2.__version__.encode()
