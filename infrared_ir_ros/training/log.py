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

"""What a training leaves to look at: CSV, TensorBoard, sample pictures."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter


class TrainingLog:
    """Means of the loss terms since the last row, as a row of log.csv and as TensorBoard scalars."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._board = SummaryWriter(str(folder / "tensorboard"))
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, terms: dict[str, Tensor]) -> None:
        for name, term in terms.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(term)
        self._count += 1

    def write(self, stage: str, step: int, seconds: float, rate: float) -> dict[str, float]:
        """Write the means since the last call and return them."""
        means = {name: value / max(self._count, 1) for name, value in self._sums.items()}
        self._sums, self._count = {}, 0
        path = self._folder / f"log_{stage}.csv"
        fresh = not path.exists()
        row = {"step": step, "seconds": round(seconds, 1), "rate": f"{rate:.3g}"}
        row |= {name: f"{value:.5g}" for name, value in means.items()}
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row.keys())
            if fresh:
                writer.writeheader()
            writer.writerow(row)
        for name, value in means.items():
            self._board.add_scalar(f"{stage}/{name}", value, step)
        return means

    def picture(self, name: str, degraded: Tensor, restored: Tensor, clean: Tensor) -> None:
        """Write up to four triples degraded | restored | clean as samples/<name>.png."""
        rows = [
            np.concatenate([x[0].clamp(0, 1).cpu().numpy() for x in triple], 1)
            for triple in list(zip(degraded, restored, clean, strict=True))[:4]
        ]
        (self._folder / "samples").mkdir(exist_ok=True)
        sheet = np.rint(np.concatenate(rows, 0) * 255).astype(np.uint8)
        cv2.imwrite(str(self._folder / "samples" / f"{name}.png"), sheet)

    def close(self) -> None:
        self._board.close()
