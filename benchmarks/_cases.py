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

"""The cases of the restoration benchmark, and the classical chains on them, remembered on disk.

Classical results never change while the network trains: they are kept under benchmarks/cache, keyed by the frames and
the code that made them.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from functools import cache
from itertools import product
from pathlib import Path

import cv2
import numpy as np

from infrared_ir_ros.evaluation import Score, classical, metrics, score
from infrared_ir_ros.evaluation.testsets import CleanFrame, load_set
from infrared_ir_ros.media import write_atomically
from infrared_ir_ros.simulation import degrade

CACHE = Path(__file__).resolve().parent / "cache"
VARIANTS = tuple(product(("wavelet",), classical.SHADINGS))


@dataclass(frozen=True)
class Case:
    """One clean frame (float32 0..255) and what a preset made of it (uint8)."""

    preset: str
    set_name: str
    name: str
    clean: np.ndarray
    degraded: np.ndarray


def cases(sets: Iterable[str], presets: Iterable[str], frames: int, seed: int, folder: Path) -> Iterator[Case]:
    """Every frame of every set under every preset; what is drawn for one case depends on no other."""
    for set_name in sets:
        for frame in load_set(set_name, frames, folder):
            for preset in presets:
                yield _case(frame, preset, seed)


def _case(frame: CleanFrame, preset: str, seed: int) -> Case:
    label = zlib.crc32(f"{preset}/{frame.set_name}/{frame.name}".encode())
    degraded = degrade(frame.image, preset, np.random.default_rng([seed, label]))
    return Case(preset, frame.set_name, frame.name, frame.image, degraded.astype(np.uint8))


def to_levels(frame: np.ndarray) -> np.ndarray:
    """A result on the 8-bit levels that every method is scored on."""
    return np.rint(np.clip(frame, 0, 255)).astype(np.uint8)


def score_classical(case: Case, variants: tuple[tuple[str, str], ...] = VARIANTS) -> dict[str, Score]:
    """Scores of the input and of (denoiser, shading) variants by their names, from the cache where it has them."""
    cv2.setNumThreads(1)
    path = CACHE / f"{_key(case)}.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    missing = [variant for variant in variants if variant_name(*variant) not in known]
    if missing:
        known["input"] = astuple(score(case.degraded, case.clean))
        prepared = classical.prepare(case.degraded)
        for variant in missing:
            restored = to_levels(classical.finish(prepared, *variant))
            known[variant_name(*variant)] = astuple(score(restored, case.clean))
        write_atomically(path, json.dumps(known).encode())
    names = ("input", *(variant_name(*variant) for variant in variants))
    return {name: Score(*known[name]) for name in names}


def variant_name(denoiser: str, shading: str) -> str:
    """As it stands in tables and results."""
    return f"{denoiser}+{shading}"


def _key(case: Case) -> str:
    return hashlib.sha256(_code() + case.clean.tobytes() + case.degraded.tobytes()).hexdigest()[:24]


@cache
def _code() -> bytes:
    sources = (Path(module.__file__ or "").read_bytes() for module in (classical, metrics))
    return b"".join(sources) + cv2.__version__.encode()
