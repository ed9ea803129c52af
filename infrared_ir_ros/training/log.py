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

"""The log of a training: CSV, TensorBoard, sample pictures."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from infrared_ir_ros.media import write_atomically, write_image
from infrared_ir_ros.media.atomic import unwritable


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Turns an OSError of the block, which writes into `folder`, into SourceError."""
    try:
        yield
    except OSError as error:
        raise unwritable(folder, error) from error


class TrainingLog:
    """Means of the loss terms since the last row, as a row of log_<stage>.csv and as TensorBoard scalars.

    sums, counted: of the terms since the last row, from a checkpoint; the attributes of the same names are to be saved
    in one. All methods raise SourceError if the folder cannot be written.
    """

    def __init__(self, folder: Path, sums: dict[str, Tensor] | None = None, counted: int = 0) -> None:
        self._folder = folder
        with _writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._board = SummaryWriter(str(folder / "tensorboard"))
        self.sums: dict[str, Tensor] = dict(sums or {})
        self.counted = counted
        self._columns: dict[Path, list[str]] = {}

    def add(self, terms: dict[str, Tensor]) -> None:
        """Add a step's terms. They stay on their device: reading them would wait for it at every step."""
        for name, term in terms.items():
            term = term.detach()
            self.sums[name] = self.sums[name].to(term.device) + term if name in self.sums else term.clone()
        self.counted += 1

    def write(self, stage: str, step: int, seconds: float, rate: float) -> dict[str, float]:
        """Write the means since the last call and return them."""
        values = torch.stack(list(self.sums.values())).double().cpu() / max(self.counted, 1)
        means = dict(zip(self.sums, values.tolist(), strict=True))
        self.sums, self.counted = {}, 0
        row = {"step": str(step), "seconds": f"{seconds:.1f}", "rate": f"{rate:.3g}"}
        row |= {name: f"{mean:.9g}" for name, mean in means.items()}
        with _writing(self._folder):
            self._append(self._folder / f"log_{stage}.csv", row)
            for name, value in means.items():
                self._board.add_scalar(f"{stage}/{name}", value, step)
        return means

    def _append(self, path: Path, row: dict[str, str]) -> None:
        """Add a row. For the first row of a session, and if the columns have changed, rewrite the file.

        Rows from this step on are then dropped: an interrupted session wrote them after its last checkpoint.
        """
        if self._columns.get(path) == list(row):
            with path.open("a", newline="") as file:
                csv.DictWriter(file, row).writerow(row)
            return
        old = list(csv.DictReader(path.open(newline=""))) if path.is_file() else []
        rows = [one for one in old if int(one["step"]) < int(row["step"])] + [row]
        columns = list(dict.fromkeys(name for one in rows for name in one))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(rows)
        write_atomically(path, text.getvalue().encode())
        self._columns[path] = columns

    def picture(self, name: str, degraded: Tensor, restored: Tensor, clean: Tensor) -> None:
        """Write up to four triples degraded | restored | clean as samples/<name>.png."""
        rows = [
            np.concatenate([x[0].float().nan_to_num().clamp(0, 1).cpu().numpy() for x in triple], 1)
            for triple in list(zip(degraded, restored, clean, strict=True))[:4]
        ]
        sheet = np.rint(np.concatenate(rows, 0) * 255).astype(np.uint8)
        write_image(self._folder / "samples" / f"{name}.png", sheet)

    def close(self) -> None:
        with _writing(self._folder):
            self._board.close()
