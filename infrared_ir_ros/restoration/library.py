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

"""The tasks of a prior and of a user's bank of prompts, and the engines for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from infrared_ir_ros.engines import Engine, engines_by_task
from infrared_ir_ros.errors import OptionError, one_line
from infrared_ir_ros.restoration.folding import Tasks
from infrared_ir_ros.restoration.weights import find_prior


class Library(NamedTuple):
    """names: of the tasks. engine_for: task -> an engine with its weights; may take seconds."""

    names: tuple[str, ...]
    engine_for: Callable[[str], Engine]

    def check(self, task: str) -> None:
        """Raises OptionError for an unknown task."""
        if task not in self.names:
            raise OptionError(f"task is {one_line(repr(task))}: this prior knows {', '.join(self.names)}")


def open_library(
    prior: str = "embedded",
    prior_path: str = "",
    engine: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    prompts: str = "",
) -> Library:
    """The tasks of a prior (shipped, or of the folder `prior_path`) and of the bank in the file `prompts`.

    Raises WeightsError (missing, damaged, of another prior) and OptionError (unknown prior, engine, device or
    precision; an engine that is not installed).
    """
    files = find_prior(prior, prior_path)
    tasks = Tasks(files, prompts)
    return Library(tasks.names, engines_by_task(files, tasks.fold, engine, device, precision))
