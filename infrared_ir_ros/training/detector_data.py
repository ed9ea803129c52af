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

"""Tiles that a detector is trained on, cut from labelled frames: unchanged, and degraded and restored.

Labels are YOLO's, a text file per frame: class, and centre x, centre y, width and height as shares of the frame.
The recording of a frame is its name up to the last underscore. Whole recordings are held out; of a single recording,
its last frames.
"""

from __future__ import annotations

import hashlib
import shutil
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import yaml
from tqdm import tqdm

from infrared_ir_ros.errors import FrameError, OptionError, SourceError
from infrared_ir_ros.media import read_image, write_atomically, write_image
from infrared_ir_ros.media.hashing import fingerprint
from infrared_ir_ros.media.images import IMAGE_SUFFIXES
from infrared_ir_ros.media.labels import read_boxes
from infrared_ir_ros.media.paths import printable, regular_files
from infrared_ir_ros.media.yaml_text import load_yaml
from infrared_ir_ros.records import Counts
from infrared_ir_ros.restoration.counts import checked, window
from infrared_ir_ros.restoration.palettes import levels
from infrared_ir_ros.simulation import degrade, stretch
from infrared_ir_ros.training.detector_config import STORED, TilesConfig
from infrared_ir_ros.training.labels import View, boxes_in_view

VISIBLE = 0.4  # of an object's area that a tile must show, or the object is not labelled in it
DATASET = "data.yaml"  # written last: a folder that has it is complete
Restore = Callable[[np.ndarray], np.ndarray]


def make_tiles(config: TilesConfig, source: Path, folder: Path, seed: int, restore: Restore, weights: str = "") -> Path:
    """Cut the tiles of all frames in `source` (`images` and `labels`) into `folder`, in the layout of ultralytics.

    restore: (height, width) uint8 to the same, applied to degraded frames. weights: the hash of its own. Returns the
    path of the dataset's YAML; a complete folder of the same configuration, frames, labels, seed and weights is reused.
    Raises SourceError if frames or labels are missing or broken, or too few to hold some out.
    """
    dataset = folder / DATASET
    images = _labelled_frames(source)
    origin = (config, str(source.resolve()), [_contents(source, path) for path in images], seed, weights)
    made_of = hashlib.sha256(repr(origin).encode("utf-8", "replace")).hexdigest()
    if _made_of(dataset) == made_of:
        return dataset
    for old in (folder / "images", folder / "labels"):
        shutil.rmtree(old, ignore_errors=True)
    held_out = validation_frames(images, config.validation, seed)
    for path in tqdm(images, desc="tiles", unit="frame"):
        validation = path in held_out
        labels = _labels(_label_file(source, path), len(config.classes))
        for name, tile, boxes in _tiles_of(config, path, labels, seed, validation, restore):
            part = "val" if validation else "train"
            write_image(folder / "images" / part / f"{name}.png", tile)
            text = "".join(f"{int(kind)} {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n" for kind, x, y, w, h in boxes)
            (folder / "labels" / part).mkdir(parents=True, exist_ok=True)
            (folder / "labels" / part / f"{name}.txt").write_text(text)
    content = {"path": str(folder.resolve()), "train": "images/train", "val": "images/val"}
    content |= {"names": dict(enumerate(config.classes)), "made_of": made_of}
    write_atomically(dataset, yaml.safe_dump(content).encode())
    return dataset


def _labelled_frames(source: Path) -> list[Path]:
    """Raises SourceError if there are none, or two of the same name."""
    images = regular_files(source / "images", IMAGE_SUFFIXES)
    stems = [path.stem for path in images]
    if not any(_label_file(source, path).is_file() for path in images):
        raise SourceError(
            f"{printable(str(source))} has no labelled frames: give a folder with images/ and labels/ of the same "
            "names, such as images/a.png and labels/a.txt"
        )
    if twice := {stem for stem in stems if stems.count(stem) > 1}:
        raise SourceError(f"{len(twice)} names belong to two frames each, such as {printable(min(twice))}: rename one")
    return images


def _label_file(source: Path, frame: Path) -> Path:
    """Of a frame, which may lie in a subfolder of `source / "images"`; it need not exist."""
    return source / "labels" / f"{frame.stem}.txt"


def _contents(source: Path, frame: Path) -> tuple[str, int, str]:
    """Name and size of a frame, and the hash of its labels."""
    labels = _label_file(source, frame)
    return frame.name, frame.stat().st_size, fingerprint(labels) if labels.is_file() else ""


def _made_of(dataset: Path) -> str | None:
    """The digest of what the tiles in a complete folder were made from; None if it is not complete."""
    with suppress(OSError, ValueError, AttributeError):
        return load_yaml(dataset.read_bytes()).get("made_of", "")
    return None


def validation_frames(paths: list[Path], share: float, seed: int) -> set[Path]:
    """Frames to hold out: whole recordings, or, of few long ones, the last frames of the longest.

    Raises SourceError for a single frame."""
    if len(paths) < 2:
        raise SourceError(f"there is one frame, {printable(paths[0].name)}: give more, to train on and to validate on")
    of_frames = [recording(path) for path in paths]
    names, wanted = validation_recordings(of_frames, share, seed), max(round(share * len(paths)), 1)
    held_out = [path for path, name in zip(paths, of_frames, strict=True) if name in names]
    if len(held_out) < wanted / 2:
        sizes = Counter(of_frames)
        longest = max(sorted(sizes), key=sizes.__getitem__)
        held_out = [path for path, name in zip(paths, of_frames, strict=True) if name == longest][-wanted:]
    return set(held_out)


def recording(path: Path) -> str:
    """The recording of a frame: its name up to the last underscore."""
    return path.stem.rpartition("_")[0] or path.stem


def validation_recordings(of_frames: list[str], share: float, seed: int) -> set[str]:
    """Recordings to hold out, drawn until they hold `share` of the frames; none that makes it twice that, or all.

    of_frames: the recording of each frame."""
    sizes, wanted = Counter(of_frames), share * len(of_frames)
    names = sorted(sizes)
    chosen: set[str] = set()
    held = 0
    for index in np.random.default_rng(seed).permutation(len(names)):
        size = sizes[names[index]]
        if held < wanted and held + size < min(max(2 * wanted, 2), len(of_frames)):
            chosen.add(names[index])
            held += size
    return chosen


def _labels(path: Path, classes: int) -> np.ndarray:
    boxes = read_boxes(path)
    if (boxes[:, 0] >= classes).any():
        raise SourceError(f"labels {path}: class {boxes[:, 0].max():g} has no name: use a class below {classes}")
    return boxes


def _tiles_of(
    config: TilesConfig, path: Path, labels: np.ndarray, seed: int, validation: bool, restore: Restore
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, (side, side) uint8 and (n, 5) labels of each tile of a frame."""
    frame = _grey(path)
    for variant, count in (config.validation_variants if validation else config.variants).items():
        rng = np.random.default_rng([seed, zlib.crc32(f"{path.name}/{variant}".encode())])
        image = _variant(frame, variant, rng, restore)
        for index in range(count):
            top, left = _corner(image.shape, labels, config, rng)
            view = View("", 0, image.shape, top, left, config.side, config.side)
            yield f"{path.stem}_{variant}_{index}", view.of(image), boxes_in_view(labels, view, VISIBLE)


def _grey(path: Path) -> np.ndarray:
    """A frame as uint8; counts of more bits are stretched between percentiles, as for the detector."""
    try:
        frame = checked(read_image(path))
    except FrameError as error:
        raise SourceError(f"{printable(str(path))}: {error} Remove it") from error
    if frame.dtype == np.uint8:
        return frame
    return levels(window(frame, Counts()).to_unit(frame), 0.0, 1.0)


def _variant(frame: np.ndarray, variant: str, rng: np.random.Generator, restore: Restore) -> np.ndarray:
    if variant == STORED:
        return frame
    clean = stretch(frame)
    if variant == "clean":
        return np.rint(clean).astype(np.uint8)
    return restore(degrade(clean, variant, rng).astype(np.uint8))


def _corner(
    shape: tuple[int, ...], labels: np.ndarray, config: TilesConfig, rng: np.random.Generator
) -> tuple[int, int]:
    """Top and left of a tile: anywhere with probability `config.anywhere`, else with an object well inside."""
    room = np.array(shape) - config.side
    if (room < 0).any():
        raise OptionError(f"tiles have side {config.side}, a frame has {shape[1]}x{shape[0]}: choose a smaller side")
    if not len(labels) or rng.random() < config.anywhere:
        corner = rng.random(2) * (room + 1)
    else:
        _, x, y, _, _ = labels[rng.integers(len(labels))]
        corner = np.array([y, x]) * shape - rng.uniform(0.15, 0.85, 2) * config.side
    top, left = np.clip(corner, 0, room).astype(int)
    return int(top), int(left)
