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

"""The pack: one file of clean training frames, in named sets of grey frames, with their labels.

The pack is an .npz of uint8 arrays named `<set>/<number>`; labels are named `<set>.boxes/<number>` (float32) and
`<set>.mask/<number>` (uint8), see training.labels. It holds no pickles.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from infrared_ir_ros.errors import OptionError, SourceError
from infrared_ir_ros.media.atomic import atomic_file
from infrared_ir_ros.media.images import read_image
from infrared_ir_ros.media.labels import read_boxes, read_mask
from infrared_ir_ros.media.paths import printable, read_file
from infrared_ir_ros.simulation import layout
from infrared_ir_ros.training.labels import Labels

PHOTO_WIDTH, PHOTO_HEIGHT = 1280, 512  # larger photographs are shrunk, and still cover this
LEAST_PHOTO, LEAST_SMALL_PHOTO = 360, 120  # pixels of the shorter side
CC_STILLS = "01 02 03 05 06 10 11 12 14 15 17 e40 t640".split()  # CC0, CC BY or MIT; the others are for tests only
HELD_OUT_CLIPS = ("IR_DRONE", "IR_AIRPLANE_03", "IR_AIRPLANE_04", "IR_AIRPLANE_05", "IR_AIRPLANE_06")

BOXES, MASK = ".boxes", ".mask"

FrameSets = dict[str, list[np.ndarray]]


def write_pack(data: Path, photographs: Path | None, output: Path, layouts: int = 400, seed: int = 0) -> dict[str, int]:
    """Read the permissive recordings under `data`, photographs, and `layouts` procedural scenes into one file.

    data: the folder that holds `detection/`, `segmentation/`, `video/` and `raw16/`. photographs: a folder of freely
    licensed photographs, searched recursively, or None; those too small for whole frames are the set
    `small_photographs`, for thumbnails. The file is written atomically.
    Returns the number of frames in each set. Raises SourceError if `data` lacks a set, there are no photographs, or
    `output` cannot be written, and OptionError for numbers below 0.
    """
    if min(layouts, seed) < 0:
        raise OptionError(f"layouts is {layouts} and seed is {seed}: use numbers of 0 or more")
    if photographs is not None and not photographs.is_dir():
        raise SourceError(f"photographs is {printable(str(photographs))}, which is not a folder: give one")
    aerial, animals = data / "detection/hit-uav/train", data / "segmentation/buffalo-udder/train"
    sets: FrameSets = {
        "hit_uav": list(_pictures(aerial / "images")),
        "buffalo": list(_pictures(animals / "images")),
        "stills": [
            _counts_to_grey(path)
            for path in sorted((data / "raw16/flir-rjpeg").glob("*.png"))
            if path.stem in CC_STILLS
        ],
        "svanstrom": list(_clips(data / "video/svanstrom_ir")),
    }
    for name, frames in sets.items():
        if not frames:
            raise SourceError(f"no frames of {name} under {data}: is this the folder of the thermal recordings?")
    if photographs is not None:
        found = list(_photographs(photographs))
        sets["photographs"] = [image for image in found if min(image.shape) >= LEAST_PHOTO]
        if small := [image for image in found if min(image.shape) < LEAST_PHOTO]:
            sets["small_photographs"] = small
        if not sets["photographs"]:
            raise SourceError(
                f"no photographs under {printable(str(photographs))}: give png or jpg of at least {LEAST_PHOTO} pixels "
                "a side, not drawings"
            )
    rng = np.random.default_rng(seed)
    sets["layouts"] = [np.rint(255 * layout(rng, 512, 640)).astype(np.uint8) for _ in range(layouts)]
    counts = {name: len(frames) for name, frames in sets.items()}
    sets["hit_uav" + BOXES] = [read_boxes(aerial / "labels" / f"{stem}.txt") for stem in _stems(aerial / "images")]
    sets["buffalo" + MASK] = [read_mask(animals / "masks" / f"{stem}.png") for stem in _stems(animals / "images")]
    named = {f"{name}/{index:05d}": frame for name, frames in sets.items() for index, frame in enumerate(frames)}
    with atomic_file(output) as file:
        np.savez(file, **named)
    return counts


def read_pack(path: Path) -> FrameSets:
    """The sets of a pack: name -> frames (height, width) uint8. Raises SourceError if it is missing or invalid."""
    sets = _read(path, lambda name: not name.endswith((BOXES, MASK)))
    if not sets:
        raise SourceError(f"{printable(str(path))} holds no frames: make it with `pack_frames`")
    for name, frames in sets.items():
        for frame in frames:
            if frame.ndim != 2 or frame.dtype != np.uint8 or frame.size == 0:
                raise SourceError(
                    f"{printable(str(path))} is not a training pack: {printable(name)} holds {frame.dtype} "
                    f"{frame.shape}, where frames are uint8 (height, width): make it with `pack_frames`"
                )
    return sets


def read_labels(path: Path) -> Labels:
    """The labels of a pack; old packs have none. Raises SourceError as `read_pack`."""
    boxes, masks = (_read(path, lambda name, kind=kind: name.endswith(kind)) for kind in (BOXES, MASK))
    return Labels(*({name.split(".")[0]: labels for name, labels in sets.items()} for sets in (boxes, masks)))


def _read(path: Path, wanted: Callable[[str], bool]) -> dict[str, list[np.ndarray]]:
    """Arrays by set, for the sets whose name is `wanted`."""
    shown = printable(str(path))
    if not path.is_file():
        raise SourceError(f"there is no training pack {shown}: make it with `pack_frames DATA --output {shown}`")
    sets: dict[str, list[np.ndarray]] = defaultdict(list)
    try:
        with np.load(path, allow_pickle=False) as archive:
            for name in archive.files:
                if wanted(set_name := name.split("/")[0]):
                    sets[set_name].append(archive[name])
    except OSError as error:
        raise SourceError(f"cannot read {shown}: {error.strerror or error}") from None
    except Exception:  # zip, zlib and numpy may raise anything on damaged data
        raise SourceError(f"{shown} is not a training pack, or damaged: make it again with `pack_frames`") from None
    return dict(sets)


def _pictures(folder: Path) -> Iterator[np.ndarray]:
    for path in sorted(folder.glob("*")):
        image = _grey(path)
        if image is None:
            raise SourceError(f"{path} is not a readable picture: remove it")
        yield image


def _grey(path: Path) -> np.ndarray | None:
    """(height, width) uint8, or None if it is not a picture. Reads the file itself, since OpenCV crashes at names that
    are not UTF-8. Raises SourceError as `read_file`.
    """
    data = np.frombuffer(read_file(path), np.uint8)
    try:
        return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    except cv2.error:  # larger than OpenCV decodes
        return None


def _stems(folder: Path) -> list[str]:
    return [path.stem for path in sorted(folder.glob("*"))]


def _counts_to_grey(path: Path) -> np.ndarray:
    counts = read_image(path).astype(np.float32)
    low, high = np.percentile(counts, (0.1, 99.9))
    return np.rint(np.clip((counts - low) / (high - low), 0, 1) * 255).astype(np.uint8)


def _clips(folder: Path, frames_per_clip: int = 6) -> Iterator[np.ndarray]:
    for path in sorted(folder.glob("*.mp4")):
        if path.stem.startswith(HELD_OUT_CLIPS):
            continue
        video = cv2.VideoCapture(str(path))
        count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        for index in np.linspace(5, count - 10, frames_per_clip).astype(int):
            video.set(cv2.CAP_PROP_POS_FRAMES, int(index))
            read, image = video.read()
            if read:
                yield cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)


def _photographs(folder: Path) -> Iterator[np.ndarray]:
    """Grey photographs, shrunk to 1280 wide or 512 high, the largest first, without smaller copies."""
    seen: list[np.ndarray] = []
    for image in sorted(_textured(folder), key=np.size, reverse=True):
        tiny = cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA).astype(np.float32)
        if all(np.abs(tiny - other).mean() > 4 for other in seen):
            seen.append(tiny)
            yield image


def _textured(folder: Path) -> Iterator[np.ndarray]:
    """Grey pictures, shrunk, without drawings (no texture), tiny and unreadable files."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in (".jpg", ".jpeg", ".png") or path.is_symlink() or not path.is_file():
            continue
        try:
            image = _grey(path)
        except SourceError:  # too large or unreadable
            continue
        if image is None or min(image.shape) < LEAST_SMALL_PHOTO:
            continue
        scale = max(PHOTO_WIDTH / image.shape[1], PHOTO_HEIGHT / image.shape[0])
        if scale < 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        if np.abs(cv2.Laplacian(image.astype(np.float32), -1)).mean() > 2.0:
            yield image
