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

"""Opens sources of frames: images, videos, npz sequences, bags."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.frames import DEFAULT_FRAME_RATE, Report, Source, log_problem
from infrared_ir_ros.media.images import IMAGE_SUFFIXES, ImageSource
from infrared_ir_ros.media.npz import open_npz
from infrared_ir_ros.media.paths import existing, printable, suffix_of
from infrared_ir_ros.media.video import VIDEO_SUFFIXES, VideoSource

BAG_SUFFIXES = frozenset({".mcap", ".db3", ".mcap.zstd", ".db3.zstd"})
SEQUENCES = VIDEO_SUFFIXES | {".npz"}
OTHER_SUFFIXES = IMAGE_SUFFIXES | SEQUENCES


def open_source(
    path: str | os.PathLike[str],
    topic: str = "",
    frame_rate: float = DEFAULT_FRAME_RATE,
    report: Report = log_problem,
) -> Source:
    """A source of frames: folder of images, image, video, npz, or rosbag2 (folder, .mcap, .db3).

    topic: of a bag; "" takes the first image topic. frame_rate: Hz of images, which have no clock.
    report: called with one line for each problem that does not stop the source.
    Raises SourceError: missing, neither file nor folder, unknown kind, damaged from the start.
    """
    resolved = existing(path)
    suffix = suffix_of(resolved)
    if resolved.is_dir():
        return _bag(resolved, topic, report) if is_bag(resolved) else _pictures(resolved, frame_rate, report)
    if suffix in IMAGE_SUFFIXES:
        return ImageSource(resolved, frame_rate, report)
    if suffix in VIDEO_SUFFIXES:
        return VideoSource(resolved, report)
    if suffix == ".npz":
        return open_npz(resolved)
    if suffix in BAG_SUFFIXES:
        return _bag(resolved, topic, report)
    kinds = ", ".join(sorted(BAG_SUFFIXES | OTHER_SUFFIXES))
    raise SourceError(f"{printable(str(path))} has an unknown suffix ({suffix or 'none'!r}): use a folder or {kinds}")


def is_bag(folder: Path) -> bool:
    """Whether a folder is one bag, and not a folder of bags or of pictures.

    A killed recorder leaves no metadata.yaml, only NAME_0.mcap (or NAME.mcap), NAME_1.mcap and so on. Folders of
    pictures may also have a metadata.yaml.
    """
    files = [path for path in folder.iterdir() if not path.name.startswith(".")]
    holds_others = any(suffix_of(path) in OTHER_SUFFIXES for path in files)
    parts = {path.name[: -len(suffix_of(path))] for path in files if suffix_of(path) in BAG_SUFFIXES}
    if (folder / "metadata.yaml").is_file():
        return bool(parts) or not holds_others
    names = {re.sub(r"_\d+$", "", part) for part in parts}
    begins = any(part in names or part.endswith("_0") for part in parts)
    return not holds_others and (len(parts) == 1 or (len(names) == 1 and begins))


def bags_of(files: Iterable[Path], is_one: Callable[[Path], bool] = is_bag) -> set[Path]:
    """The folders of these files that are bags. Each folder is listed once, whatever it holds."""
    return {folder for folder in {file.parent for file in files} if is_one(folder)}


def whole_bags(files: list[Path], is_one: Callable[[Path], bool] = is_bag) -> list[Path]:
    """The files, and in place of a bag's the folder of that bag, once."""
    bags = bags_of(files, is_one)
    whole = (file.parent if suffix_of(file) in BAG_SUFFIXES and file.parent in bags else file for file in files)
    return list(dict.fromkeys(whole))


def _pictures(folder: Path, frame_rate: float, report: Report) -> ImageSource:
    try:
        return ImageSource(folder, frame_rate, report)
    except SourceError:
        others = [path.name for path in sorted(folder.iterdir()) if suffix_of(path) in BAG_SUFFIXES | SEQUENCES]
        if not others:
            raise
        what = printable(f"{folder} holds videos or bags ({', '.join(others[:3])}")
        raise SourceError(f"{what}{', ...' if len(others) > 3 else ''}): name one of them") from None


def _bag(path: Path, topic: str, report: Report) -> Source:
    from infrared_ir_ros.media.bag_reader import BagSource  # rosbags is slow to import and rarely needed

    return BagSource(path, topic, report)
