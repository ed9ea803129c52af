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
"""The two graphs of an engine, for frames of any size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from infrared_ir_ros.engines import Engine
from infrared_ir_ros.records import Estimate, Options
from infrared_ir_ros.restoration import Restorer, load_restorer
from infrared_ir_ros.restoration.inference import cropped
from infrared_ir_ros.restoration.library import Library


def test_a_frame_has_the_shading_of_its_part_of_the_padded_one() -> None:
    """Else a shading that is given back lies elsewhere than where it was seen."""
    shading = np.add.outer(np.arange(64), 3 * np.arange(80)).astype(np.float32)
    rows, columns = 96, 192
    estimate = Estimate(1.0, 0.0, shading, np.zeros(columns), np.zeros(rows), np.zeros(64), 1.0)
    found = cropped(estimate, (81, 161)).shading
    assert np.array_equal(found, cv2.resize(shading, (columns, rows), interpolation=cv2.INTER_LINEAR)[:81, :161])


class Noted:
    """An engine, and the shapes of what its graphs were asked to look at."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self.multiple, self.description = engine, engine.multiple, engine.description
        self.candidates = engine.candidates
        self.seen: set[tuple[tuple[int, ...], ...]] = set()

    def estimate(self, padded: np.ndarray) -> tuple[np.ndarray, ...]:
        self.seen.add((padded.shape,))
        return self._engine.estimate(padded)

    def restore(self, *arrays: np.ndarray) -> np.ndarray:
        self.seen.add(tuple(array.shape for array in arrays))
        return self._engine.restore(*arrays)


FRAME = np.random.default_rng(0).integers(0, 255, (50, 90)).astype(np.uint8)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return load_restorer(engine="onnxruntime")._switch.current.engine


def test_frames_of_the_size_of_the_warm_up_are_nothing_new_to_an_engine(engine: Engine) -> None:
    """The first frame of a size costs it seconds."""
    noted = Noted(engine)
    restorer = Restorer(noted)
    restorer.warm_up(*FRAME.shape)
    warm = noted.seen.copy()
    restorer.restore(FRAME)
    assert noted.seen == warm and len(warm) == 2


def test_another_tasks_engine_is_warm_before_it_is_taken(engine: Engine) -> None:
    engines = {"restore": Noted(engine), "detect": Noted(engine)}
    restorer = Restorer(engines["restore"], library=Library(tuple(engines), engines.__getitem__))
    restorer.restore(FRAME)
    restorer.options = Options(task="detect")
    restorer.wait_for_task()
    warm = engines["detect"].seen.copy()
    assert restorer.restore(FRAME).task == "detect"
    assert engines["detect"].seen == warm and len(warm) == 2


def natural(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Kelvin, 290 to 300, with detail of every size: a spectrum falling with 1/f^1.2, seen by a small sensor."""
    side = 256
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = 1
    scene = np.fft.ifft2(np.fft.fft2(rng.normal(size=(side, side))) / frequency**1.2).real
    small = cv2.resize(scene, shape[::-1], interpolation=cv2.INTER_AREA)
    return (290 + 10 * (small - small.min()) / np.ptp(small)).astype(np.float32)


@pytest.mark.parametrize(("shape", "kelvin"), [((16, 16), 0.3), ((24, 32), 0.2)])
def test_a_clean_frame_of_a_small_sensor_keeps_its_detail(shape: tuple[int, int], kelvin: float) -> None:
    restorer = load_restorer(engine="onnxruntime", precision="fp32", options=Options(tone="preserve", smoothing=0.0))
    frames = [natural(shape, np.random.default_rng(seed)) for seed in range(6)]
    assert np.sqrt(np.mean([(restorer.restore(frame).image - frame) ** 2 for frame in frames])) < kelvin
