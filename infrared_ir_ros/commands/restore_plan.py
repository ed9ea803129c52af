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

"""Plans which file is restored to which, and checks for conflicts, before the first one is restored."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media import Source, can_write_video, open_source, write_atomically
from infrared_ir_ros.media.frames import Report
from infrared_ir_ros.media.headers import HEAD, is_radiometric
from infrared_ir_ros.media.images import IMAGE_SUFFIXES, LOSSLESS_SUFFIXES
from infrared_ir_ros.media.paths import existing, printable, regular_files, suffix_of
from infrared_ir_ros.media.sources import BAG_SUFFIXES, bags_of, is_bag, whole_bags
from infrared_ir_ros.media.video import VIDEO_SUFFIXES

SEQUENCE_SUFFIXES = VIDEO_SUFFIXES | {".npz"}
JPEGS = frozenset({".jpg", ".jpeg"})
SUFFIXES = IMAGE_SUFFIXES | SEQUENCE_SUFFIXES | BAG_SUFFIXES
LOSSLESS_VIDEO = frozenset({".mkv", ".avi"})


@dataclass(frozen=True)
class Job:
    """One file, or a bag's folder, to restore. target: a file; a folder for a bag, or for a video if none can be
    written. frames: 0 if unknown. topic: of a bag, "" the first."""

    source: Path
    target: Path
    label: str
    is_video: bool
    frames: int
    topic: str = ""

    def open(self, report: Report = lambda _: None) -> Source:
        """Its frames. Raises SourceError."""
        return open_source(self.source, self.topic, report=report)


def plan(input: Path, output: Path, format: str = "auto", topic: str = "") -> list[Job]:
    """The jobs in natural order; files already in `output` are not input.

    format, topic: of videos and of bags, as in `restore_images`.
    Raises SourceError if the input does not exist or holds nothing to restore, an output would replace an input, or the
    video codec is missing.
    """
    root = existing(input)
    if root.is_dir() and not _is_bag(root):
        inside = output.absolute().resolve()
        files = [path for path in regular_files(root, SUFFIXES) if not (_below(path, inside, root) or _is_twice(path))]
        files = whole_bags(files, _is_bag)
    else:
        if root.is_file() and suffix_of(root) not in SUFFIXES:
            raise SourceError(
                f"{printable(str(input))} has an unknown suffix: use a folder or {', '.join(sorted(SUFFIXES))}"
            )
        root, files = root.parent, [root]
    if not files:
        raise SourceError(f"{printable(str(input))} holds no pictures, videos or bags")
    targets = _targets([path.relative_to(root) for path in files], output, format)
    sources = {path.resolve() for path in files}
    for path, target in zip(files, targets, strict=True):
        if target.resolve() in sources:
            raise SourceError(
                f"restoring {printable(str(path))} would overwrite the input {printable(str(target))}: "
                "choose another --output"
            )
    return [_job(path, target, root, topic) for path, target in zip(files, targets, strict=True)]


def passed_over(input: Path, output: Path) -> str:
    """One line on files of other kinds in the folder `input`; "" if there are none, or it is not a folder."""
    root, inside = existing(input), output.absolute().resolve()
    if not root.is_dir() or _is_bag(root):
        return ""
    unknown = [path for path in regular_files(root) if suffix_of(path) not in SUFFIXES]
    bags = bags_of(unknown, _is_bag)
    others = [
        suffix_of(path) or "no suffix" for path in unknown if path.parent not in bags and not _below(path, inside, root)
    ]
    files = f"{len(others)} file{'s' if len(others) > 1 else ''}"
    return f"skipped {files} of other kinds ({printable(', '.join(sorted(set(others))))})" if others else ""


def rendered(input: Path, output: Path) -> str:
    """One line on radiometric jpegs of FLIR at `input`, whose counts jpeg readers do not see; "" if there are none."""
    root, inside = existing(input), output.absolute().resolve()
    jpegs = [path for path in regular_files(root, JPEGS) if not _below(path, inside, root)] if root.is_dir() else [root]
    count = 0
    for path in jpegs:
        with suppress(OSError), open(path, "rb") as file:
            count += is_radiometric(file.read(HEAD))
    if not count:
        return ""
    files = f"{count} file{'s' if count > 1 else ''}"
    counts = "the counts inside, which `exiftool -b -RawThermalImage` extracts"
    return f"{files} of FLIR: the coloured pictures were restored, not {counts}"


def check_output(output: Path) -> None:
    """Raises SourceError if `output` cannot be written."""
    probe = output / ".restore_images"
    write_atomically(probe, b"")
    probe.unlink(missing_ok=True)


def _is_bag(folder: Path) -> bool:
    """Stricter than `media.sources.is_bag`: bag files collected in a folder without metadata are separate inputs."""
    return (folder / "metadata.yaml").is_file() and is_bag(folder)


def _is_twice(path: Path) -> bool:
    """Whether this is the cut copy of a recorder killed while it compressed a file that still exists."""
    return path.suffix.lower() == ".zstd" and path.with_suffix("").is_file()


def _below(path: Path, output: Path, root: Path) -> bool:
    return output != root and output.is_relative_to(root) and path.resolve().is_relative_to(output)


def _targets(names: list[Path], output: Path, format: str) -> list[Path]:
    """The target of each file. If two have the same, the one that keeps its suffix gets it; the folder of a sequence is
    never one that holds other targets."""
    kept = {name for name in names if name.suffix.lower() in LOSSLESS_SUFFIXES or suffix_of(name) not in SUFFIXES}
    video_suffix = format != "png"
    if video_suffix and any(name.suffix.lower() in SEQUENCE_SUFFIXES for name in names) and not can_write_video():
        video_suffix = False
        if format == "video":
            raise SourceError("this OpenCV cannot write lossless FFV1 video: use --format png for folders of pictures")
    taken = kept | {folder for name in names for folder in name.parents}
    targets = []
    for name in names:
        target = name if name in kept else _converted(name, video_suffix)
        while name not in kept and target in taken:
            target = target.with_name(f"{target.stem}_{name.suffix[1:]}{target.suffix}")
        taken.add(target)
        targets.append(output / target)
    return targets


def _converted(name: Path, videos: bool) -> Path:
    suffix = suffix_of(name)
    if suffix in IMAGE_SUFFIXES:
        return name.with_suffix(".png")
    if suffix in BAG_SUFFIXES or (suffix in SEQUENCE_SUFFIXES and not videos):
        return name.with_name(name.name[: -len(suffix)])
    if suffix not in SEQUENCE_SUFFIXES:
        return name  # the folder of a bag
    return name if suffix in LOSSLESS_VIDEO else name.with_suffix(".mkv")


def _job(path: Path, target: Path, root: Path, topic: str) -> Job:
    is_video = path.is_dir() or path.suffix.lower() not in IMAGE_SUFFIXES
    job = Job(path, target, printable(path.relative_to(root).as_posix()), is_video, 0 if is_video else 1, topic)
    with suppress(SourceError):  # reported when it is restored
        return replace(job, frames=job.open().frame_count) if is_video else job
    return job
