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

"""The part of the pattern that two overlaid frames of a moving scene tell."""

import cv2
import numpy as np
import pytest

from infrared_ir_ros.restoration.pattern.memory import REFUTED, USE_OVERLAID
from infrared_ir_ros.restoration.pattern.pairs import OverlaidPairs

CELLS = (60, 80)
NOTHING = np.zeros(CELLS, np.float32)


def passing(count: int, speed: float, seed: int = 0) -> list[np.ndarray]:
    """A wide scene, as a camera sees it that turns to and fro."""
    rng = np.random.default_rng(seed)
    wide = 20 * cv2.GaussianBlur(rng.standard_normal((CELLS[0] + 40, 400)).astype(np.float32), (0, 0), 2)
    places = [(160 + 150 * np.sin(speed / 150 * i), 20 + 15 * np.sin(speed / 40 * i)) for i in range(count)]
    centres = [(x + (CELLS[1] - 1) / 2, y + (CELLS[0] - 1) / 2) for x, y in places]
    return [cv2.getRectSubPix(wide, CELLS[::-1], centre) for centre in centres]


def told(frames: list[np.ndarray], known: np.ndarray = NOTHING) -> OverlaidPairs:
    pairs = OverlaidPairs(CELLS, (240, 320), background=False)
    for taught, frame in enumerate(frames):
        pairs.look(frame, taught, known)
    pairs.settle()
    return pairs


def stripes() -> np.ndarray:
    lines = np.random.default_rng(7).normal(0, 3, (1, CELLS[1]))
    return np.broadcast_to(lines - lines.mean(), CELLS).astype(np.float32)


def test_what_does_not_move_with_the_scene_is_found() -> None:
    pairs = told([frame + stripes() for frame in passing(80, 1.0)], stripes())
    assert np.corrcoef(pairs.pattern[0].ravel(), stripes().ravel())[0, 1] > 0.4
    assert pairs.ratios[0] < USE_OVERLAID[0] and pairs.ratios[1] < 0.22


def test_a_scene_without_a_pattern_tells_none_and_refutes_one_that_is_the_scene() -> None:
    frames = passing(80, 1.0)
    pairs = told(frames, np.mean(frames[:20], axis=0) - np.mean(frames[:20]))
    assert pairs.ratios[0] > USE_OVERLAID[1] and pairs.ratios[1] > REFUTED and pairs.judged > 10


def test_what_lies_in_the_same_place_in_every_frame_is_not_taken_for_pattern() -> None:
    sky = np.linspace(60, 0, CELLS[0] // 2, dtype=np.float32)[:, None] * np.ones((1, CELLS[1]), np.float32)
    frames = [np.vstack([sky, frame[CELLS[0] // 2 :]]) for frame in passing(80, 1.0)]
    assert told(frames).pattern[0][: CELLS[0] // 2].std() < 0.05 * sky.std()


def dome() -> np.ndarray:
    down, across = np.mgrid[: CELLS[0], : CELLS[1]].astype(np.float32)
    return 8 * np.cos((across - 40) / 25) * np.cos((down - 30) / 20)


def test_a_turn_tells_what_is_too_smooth_for_frames_that_lie_close() -> None:
    pairs = told([frame + dome() for frame in passing(80, 1.0)])
    assert np.std(dome() - pairs.pattern[0]) < 0.25 * dome().std()  # 0.14, and 0.40 of frames that lie close alone


def test_while_the_camera_turns_what_else_is_known_is_corrected() -> None:
    frames = passing(80, 1.0)
    known = dome() + np.mean(frames[:20], axis=0) - np.mean(frames[:20])  # some of the scene was taken for pattern
    pairs = told([frame + dome() for frame in frames], known)
    assert pairs.turning
    assert np.std(dome() - pairs.pattern[0]) < 0.5 * np.std(dome() - known)
    assert pairs.of_turn < pairs.ratios[1]


def test_a_turn_completes_what_is_known_of_a_glow() -> None:
    """From a flat field on, a glow that is far stronger than the scene is an outlier, and stays one."""
    inwards = np.exp(-np.arange(CELLS[1]) / 8)
    glow = np.broadcast_to(60 * (inwards + inwards[::-1]), CELLS).astype(np.float32)
    pairs = told([frame + glow for frame in passing(80, 1.0)], 0.7 * glow)
    assert np.std(glow - pairs.pattern[0]) < 0.15 * glow.std()  # 0.09, and 0.86 where nothing is known


def test_what_does_not_move_as_one_corrects_nothing() -> None:
    rng = np.random.default_rng(2)
    frames = [cv2.GaussianBlur(rng.normal(0, 20, CELLS).astype(np.float32), (0, 0), 2) for _ in range(60)]
    pairs = told(frames, dome())
    assert not pairs.turning and pairs.of_turn == 1.0


def test_a_camera_that_is_known_is_looked_at_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infrared_ir_ros.restoration.pattern.pairs.YOUNG", 60)
    frames = passing(60, 1.0)
    young, old = told(frames), told([*frames, *frames[::-1], *frames])
    assert 0 < old.judged - young.judged < 1.2 * young.judged


def test_a_camera_that_turns_slowly_judges_no_shading() -> None:
    assert told(passing(80, 0.02)).judged == 0


@pytest.mark.parametrize("change", [0.5, 3.0])
def test_another_exposure_rescales_what_is_known(change: float) -> None:
    pairs = told([frame + stripes() for frame in passing(60, 1.0)])
    before = pairs.pattern[0]
    pairs.rescale(np.float32(change))
    pairs.settle()
    assert np.std(pairs.pattern[0] - change * before) < 0.15 * change * before.std()


def test_frames_too_small_for_a_flow_tell_nothing() -> None:
    pairs = OverlaidPairs((8, 10), (16, 20), background=False)
    for taught in range(40):
        pairs.look(np.random.default_rng(taught).random((8, 10), np.float32), taught, np.zeros((8, 10), np.float32))
    pairs.settle()
    assert not pairs.pattern[0].any() and pairs.ratios == (1.0, 1.0)
