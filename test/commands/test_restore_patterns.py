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

"""restore_images with a pattern that is known, and into a folder that holds earlier results."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from infrared_ir_ros.commands.profile_sensor import profile_sensor
from infrared_ir_ros.commands.restore_images import restore_images
from infrared_ir_ros.commands.restoring import Restoring
from infrared_ir_ros.errors import InfraredError
from infrared_ir_ros.media import read_image, write_image
from infrared_ir_ros.restoration import Restorer

PRESERVE = Restoring(tone="preserve")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A camera with a strong pattern turns over a scene: 60 frames of 14 bit, and its pattern file."""
    folder, rng = tmp_path_factory.mktemp("film"), np.random.default_rng(1)
    scene = 8000 + 2000 * cv2.GaussianBlur(rng.standard_normal((48, 64 + 4 * 60)), (0, 0), 2)
    frames = np.stack([scene[:, at : at + 64] for at in range(0, 4 * 60, 4)])
    pattern = cv2.GaussianBlur(rng.standard_normal((48, 64)), (0, 0), 0.7)  # neighbours share it: it may be scene
    seen = (frames + 700 * pattern).astype(np.uint16)
    np.savez(folder / "film.npz", frames=seen)
    np.save(folder / "clean.npy", frames[0])
    write_image(folder / "picture.png", seen[0])
    write_image(folder / "small.png", seen[0][:32])
    assert profile_sensor(folder / "film.npz", output=folder, camera="boson 12") == 0
    return folder


@pytest.mark.parametrize("name", ["film.npz", "picture.png"])
def test_a_pattern_file_is_subtracted_from_the_first_frame_on(
    film: Path, name: str, tmp_path: Path, loaded_once: Restorer
) -> None:
    clean, left = np.load(film / "clean.npy"), {}
    for pattern_file in ("", str(film / "camera.pattern")):
        options = {"format": "png", "pattern_file": pattern_file, "restoring": PRESERVE}
        assert restore_images(film / name, output=tmp_path / "out", **options) == 0
        result = tmp_path / "out" / ("film/000000.png" if name == "film.npz" else name)
        left[bool(pattern_file)] = float(np.std(read_image(result) - clean))
    assert left[True] < 0.8 * left[False], left


def test_a_pattern_file_of_another_camera_or_none_is_refused(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], loaded_once: Restorer
) -> None:
    pattern = str(film / "camera.pattern")
    assert restore_images(film / "small.png", output=tmp_path / "out", pattern_file=pattern) == 1
    told = "small.png: the pattern is of camera 'boson 12' (64x48, uint16), but this one is 'boson 12' (64x32, uint16)"
    assert told in capsys.readouterr().err and not list((tmp_path / "out").iterdir())
    with pytest.raises(InfraredError, match="--passes 2 learns the pattern that --pattern-file holds"):
        restore_images(film / "film.npz", output=tmp_path / "out", passes=2, pattern_file=pattern)
    with pytest.raises(InfraredError, match="pattern not loaded"):
        restore_images(film / "film.npz", output=tmp_path / "out", pattern_file=str(film / "picture.png"))


def test_what_replaces_earlier_results_is_told(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], loaded_once: Restorer
) -> None:
    for told in ("1 restored, 0 failed", "1 restored (1 in place of earlier ones), 0 failed"):
        assert restore_images(film / "picture.png", output=tmp_path / "out") == 0
        assert told in capsys.readouterr().out
