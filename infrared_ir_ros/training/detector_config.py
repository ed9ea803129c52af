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

"""The configuration of `train_detector`: the tiles of labelled frames, and the settings of ultralytics."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from infrared_ir_ros.detection.files import checked_names
from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.training.config import build, check_presets, check_weights, read_table
from infrared_ir_ros.training.numbers import Count, Positive, PositiveCount, Seed, Share

OURS = ("data", "imgsz", "time", "seed", "project", "name", "exist_ok", "resume")  # of ultralytics' settings
STORED = "stored"  # variant of a frame: unchanged, including its contrast; `clean` is the frame stretched


@dataclass(frozen=True)
class TilesConfig:
    """classes: names of the labels' classes, in order. side: of a tile, pixels; a multiple of 32.

    variants: number of tiles per training frame, by variant: `stored`, `clean`, or a preset (degraded, then restored).
    validation_variants: the same for held-out frames. validation: share of frames to hold out, by recordings.
    anywhere: share of tiles at any place in the frame; the others contain an object.
    """

    classes: list[str]
    variants: dict[str, Count]
    validation_variants: dict[str, Count]
    side: Annotated[PositiveCount, Field(multiple_of=32)] = 320
    validation: Annotated[Share, Field(gt=0, lt=1)] = 0.1
    anywhere: Share = 0.2


@dataclass(frozen=True)
class DetectorConfig:
    """model: name of an ultralytics configuration; its weights start at random. minutes: length of the schedule.

    seed: below 2**32, as numpy's old generator, which ultralytics seeds, requires.
    bf16: forward and backward in bfloat16, twice as fast on processors with AVX512-BF16.
    training: settings of ultralytics' trainer, by its names.
    """

    tiles: TilesConfig
    minutes: Positive
    model: str = "yolov8n.yaml"
    seed: Annotated[Seed, Field(lt=2**32)] = 0
    bf16: bool = False
    training: dict[str, Any] = field(default_factory=dict)


def read_detector_config(path: Path) -> DetectorConfig:
    """Read a configuration. Raises OptionError with the file, the key and the expected value."""
    content = read_table(path)
    if not isinstance(content.get("tiles"), dict):
        raise OptionError(f"configuration {path} has no table `tiles`: see config/train_detector.yaml")
    tiles = build(path, TilesConfig, content["tiles"], where="tiles: ")
    try:
        checked_names(tiles.classes)  # fails now rather than in the export after the training
    except OptionError as error:
        raise OptionError(f"{path}: tiles: classes: {error}") from None
    for key in ("variants", "validation_variants"):
        counts = getattr(tiles, key)
        check_weights(path, f"tiles: {key}", counts, counts.values())
        check_presets(path, f"tiles: {key}", [variant for variant in counts if variant != STORED])
    config = build(path, DetectorConfig, content | {"tiles": tiles})
    if taken := [name for name in OURS if name in config.training]:
        raise OptionError(
            f"{path}: training: {', '.join(taken)}: set from tiles.side, minutes, seed and the command's options, "
            "remove them"
        )
    return config
