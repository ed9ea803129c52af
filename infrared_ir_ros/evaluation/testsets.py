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

"""Clean test frames, spread deterministically over each data set; none of them is ever trained on.

The data folder is given by the environment variable INFRARED_DATA, else ../shared/data beside the repository.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.evaluation.classical import noise_sigma
from infrared_ir_ros.media import open_source, read_image
from infrared_ir_ros.records import CLEAN_PERCENTILES
from infrared_ir_ros.simulation import stretch

# name: patterns below the data folder. Sensors (not frames) of the first three are in the training data.
_PATTERNS = {
    "hit-uav": ("detection/hit-uav/test/images/*.jpg",),
    "buffalo-udder": ("segmentation/buffalo-udder/test/images/*",),
    "svanstrom": ("video/svanstrom_ir/IR_DRONE_*.mp4", "video/svanstrom_ir/IR_AIRPLANE_0[3-6]*.mp4"),
    "roadscene": ("clean_test/roadscene/*.png",),
    "vifb": ("clean_test/vifb/*.jpg",),
    "sirst-v2": ("small_target/sirst-v2/images/*.png",),
    "lynred": ("video/lynred_calibrated/*.avi",),
    "cptv-lepton3": ("raw16/cptv-lepton3/*.npz",),
    "flir-tau2": ("raw16/flir-adas-tau2/*.png", "raw16/zenmuse-xt/*.png"),
}
SETS = tuple(_PATTERNS)
SEEN_SENSORS = SETS[:3]
UNSEEN_SENSORS = SETS[3:]
_LEFT_OUT = {"IR_AIRPLANE_068.mp4"}  # not among the held-out clips, though the pattern matches it
MINIMUM_LEVELS, MAXIMUM_NOISE = 32, 6.0
_SEQUENCES = {".mp4", ".avi", ".npz"}


@dataclass(frozen=True)
class CleanFrame:
    """One clean frame of a test set: (height, width) float32 0..255, stretched, at its own full size."""

    set_name: str
    name: str
    image: np.ndarray


def data_folder() -> Path:
    """The folder of the data sets. Raises SourceError if it is missing."""
    default = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("INFRARED_DATA", default))
    if not folder.is_dir():
        raise SourceError(f"there is no data folder {folder}: set INFRARED_DATA to the folder of the data sets")
    return folder


def load_set(name: str, count: int, folder: Path) -> list[CleanFrame]:
    """Up to `count` frames of one of SETS, spread evenly over its files (and over the time of sequences).

    Raises SourceError: the set is unknown, missing from `folder`, or unreadable.
    """
    if name not in _PATTERNS:
        raise SourceError(f"test set is {name!r}: use one of {', '.join(SETS)}")
    files = [path for pattern in _PATTERNS[name] for path in sorted(folder.glob(pattern)) if path.name not in _LEFT_OUT]
    if not files:
        raise SourceError(f"test set {name} is not in {folder}")
    read = _from_sequences if files[0].suffix in _SEQUENCES else _from_stills
    usable = [CleanFrame(name, label, stretch(image)) for label, image in read(files, 2 * count) if is_clean(image)]
    return [usable[index] for index in spread(len(usable), count)]


def is_clean(image: np.ndarray) -> bool:
    """Whether a frame can stand for the truth: stretched, it shows a scene rather than levels and noise.

    image: (height, width) as stored. Needs MINIMUM_LEVELS counts between the percentiles of `stretch`, and white
    noise (Haar diagonal) of at most MAXIMUM_NOISE grey levels once stretched.
    """
    low, high = np.percentile(image, CLEAN_PERCENTILES)
    return bool(high - low >= MINIMUM_LEVELS and noise_sigma(stretch(image)) <= MAXIMUM_NOISE)


def spread(length: int, count: int) -> list[int]:
    """Up to `count` different indices in the middles of equal parts of range(length)."""
    count = min(count, length)
    return [int((i + 0.5) * length / count) for i in range(count)]


def _from_stills(files: list[Path], count: int) -> Iterator[tuple[str, np.ndarray]]:
    for index in spread(len(files), count):
        yield files[index].name, read_image(files[index])


def _from_sequences(files: list[Path], count: int) -> Iterator[tuple[str, np.ndarray]]:
    """`count` equal steps through all sequences, each taken as equally long; every file is read once."""
    places = [(i + 0.5) * len(files) / count for i in range(count)]
    for number, path in enumerate(files):
        source = open_source(path)
        wanted = {int(place % 1 * source.frame_count) for place in places if int(place) == number}
        for index, frame in enumerate(islice(source, max(wanted, default=-1) + 1)):
            if index in wanted:
                yield frame.name, frame.image
