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

"""Trains a detector on tiles of labelled frames with ultralytics."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infrared_ir_ros.errors import OptionError, one_line
from infrared_ir_ros.media.atomic import unwritable
from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import load_restorer
from infrared_ir_ros.training.detector_config import DetectorConfig
from infrared_ir_ros.training.detector_data import make_tiles
from infrared_ir_ros.training.yolo import ultralytics

RUN = "run"  # folder in the output that ultralytics writes into
LAST = Path(RUN, "weights", "last.pt")


def train_detector(
    config: DetectorConfig, data: Path, folder: Path, resume: bool = False, stop: Callable[[], bool] = lambda: False
) -> tuple[Path, bool]:
    """Cut the tiles and train on them. Returns the path of the best weights (`.pt`, a pickle of ultralytics), and
    whether the training is finished.

    stop: called after every epoch; True ends the training. Raises OptionError if ultralytics is missing or refuses a
    setting, or if `folder` holds another training.
    """
    if resume and not (folder / LAST).is_file():
        raise OptionError(f"{folder} holds no training to continue: omit --resume, or choose another --output")
    if not resume and (folder / LAST).exists():
        raise OptionError(f"{folder} already holds a training: continue it with --resume, or choose another --output")
    yolo = ultralytics().YOLO
    _check_settings(config)
    restorer = load_restorer(options=Options(tone="restore"))
    try:
        dataset = make_tiles(
            config.tiles, data, folder / "tiles", config.seed, lambda frame: restorer.restore(frame).image,
            restorer.description["weights"],
        )  # fmt: skip
    except OSError as error:
        raise unwritable(folder, error) from error
    model = yolo(str(folder / LAST) if resume else config.model, task="detect")
    if resume and not (model.ckpt or {}).get("optimizer"):
        raise OptionError(f"the training in {folder} is finished: choose another --output for a new one")
    model.add_callback("on_train_start", lambda trainer: _choose_precision(trainer, config.bf16))
    model.add_callback("on_model_save", lambda _: _stop_where_asked(stop))
    best = folder / RUN / "weights" / "best.pt"
    try:
        model.train(**_settings(config, dataset, folder), resume=resume)
    except _Stopped:
        return best, False
    except OSError as error:
        raise unwritable(folder, error) from error
    except RuntimeError as error:  # out of memory, unknown device, missing package
        raise OptionError(f"ultralytics could not train: {one_line(error)}") from error
    return best, True


def _check_settings(config: DetectorConfig) -> None:
    """Checks what would fail only after the tiles are cut or an epoch is trained. Raises OptionError."""
    try:
        importlib.import_module("torchvision.ops")  # needed to validate the first epoch
    except (ImportError, RuntimeError) as error:
        raise OptionError(
            f"ultralytics needs a torchvision that fits torch ({one_line(error)}): install it from the same index as "
            "torch"
        ) from error
    try:
        ultralytics("cfg").get_cfg(overrides=config.training)
    except (SyntaxError, TypeError, ValueError) as error:
        raise OptionError(f"training: ultralytics refuses its settings: {one_line(error)}") from error


def _settings(config: DetectorConfig, dataset: Path, folder: Path) -> dict[str, Any]:
    where = {"project": str(folder.resolve()), "name": RUN, "exist_ok": True}
    what = {"data": str(dataset), "imgsz": config.tiles.side, "time": config.minutes / 60, "seed": config.seed}
    return {"device": "cpu", "plots": False, "amp": False, **config.training, **what, **where}


def _choose_precision(trainer: Any, bf16: bool) -> None:
    """Set bfloat16 here, since ultralytics' setting refuses it on a CPU. It has float32's range, so gradients need no
    scaling."""
    trainer.amp = bf16


class _Stopped(Exception):
    """Leaves the trainer's loop after a checkpoint; its regular end would strip from it what resuming needs."""


def _stop_where_asked(stop: Callable[[], bool]) -> None:
    if stop():
        raise _Stopped
