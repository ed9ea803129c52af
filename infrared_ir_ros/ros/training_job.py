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

"""One training, in a thread of low priority: started, paused, cancelled and reported on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path

from infrared_ir_ros.errors import InfraredError
from infrared_ir_ros.restoration.priority import give_way
from infrared_ir_ros.restoration.prompts import read_bank
from infrared_ir_ros.restoration.weights import find_prior
from infrared_ir_ros.training.adapt_frames import Lesson, read_material
from infrared_ir_ros.training.adapt_plan import Outcome, Plan, Report


class State(str, Enum):
    """The state of the trainer."""

    IDLE = "idle"
    READING = "reading"
    TRAINING = "training"
    PAUSED = "paused"  # by ~/pause
    HOLDING = "holding"  # restore_node is late
    SAVED = "saved"
    NOT_BETTER = "not better than its start"
    CANCELLED = "cancelled"
    STOPPED = "stopped"  # with the process; ~/start continues
    FAILED = "failed"


RUNNING = (State.READING, State.TRAINING, State.PAUSED, State.HOLDING)


@dataclass(frozen=True)
class Asked:
    """A request for a training. nice, threads: niceness and number of threads of the computation."""

    plan: Plan
    lesson: Lesson
    output: Path
    prior_path: str
    prompts: str
    nice: int
    threads: int


class _Cancelled(Exception):
    """~/cancel: nothing is kept."""


class TrainingJob:
    """Trains as `asked` until it is done or stopped.

    late: whether restore_node is late; called ten times a second while the job holds. tell, problem, done: called from
    the job's thread with each step's report, with each unreadable input, and at the end. tell and done are passed the
    job, because its creator may not have it yet, or have a newer one. failure: why the state is FAILED.
    """

    def __init__(
        self,
        asked: Asked,
        late: Callable[[], bool],
        tell: Callable[[TrainingJob, Report], None],
        problem: Callable[[str], None],
        done: Callable[[TrainingJob, Outcome | None], None],
    ) -> None:
        self.asked, self.state, self.failure = asked, State.READING, ""
        self._late, self._tell, self._problem, self._done = late, partial(tell, self), problem, partial(done, self)
        self._paused, self._cancelled, self._stopping = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="training", daemon=True)
        self._thread.start()

    @property
    def paused(self) -> bool:
        """Whether a pause was requested."""
        return self._paused.is_set()

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled.is_set()

    def pause(self, paused: bool) -> None:
        """Takes effect after the current step."""
        (self._paused.set if paused else self._paused.clear)()

    def cancel(self) -> None:
        """Stop after the current step; nothing is kept."""
        self._cancelled.set()

    def stop(self, patience: float) -> None:
        """Save a checkpoint and end; waits at most `patience` seconds."""
        self._stopping.set()
        self._thread.join(patience)

    def _work(self) -> None:
        outcome: Outcome | None = None
        try:
            outcome = self._train()
            if not outcome.finished:
                self.state = State.STOPPED
            else:
                self.state = State.SAVED if outcome.bank else State.NOT_BETTER
        except _Cancelled:
            self._checkpoint.unlink(missing_ok=True)
            self.state = State.CANCELLED
        except InfraredError as error:
            self.failure, self.state = str(error), State.FAILED
        except Exception as error:  # torch may raise anything, and the node reports it
            self.failure, self.state = f"{type(error).__name__}: {error}", State.FAILED
        self._done(outcome)

    def _train(self) -> Outcome:
        asked = self.asked
        give_way(asked.nice)
        from infrared_ir_ros.training.adapt import adapt  # takes seconds, which do not matter in this thread
        from infrared_ir_ros.training.processes import use_threads

        use_threads(asked.threads)
        files, bank = find_prior("embedded", asked.prior_path), read_bank(asked.prompts) if asked.prompts else None
        material = read_material(asked.lesson, self._problem)
        resume = self._checkpoint.is_file()
        return adapt(asked.plan, files, bank, material, asked.output, resume, self._stop, self._pause, self._tell)

    def _stop(self) -> bool:
        if self._cancelled.is_set():
            raise _Cancelled
        return self._stopping.is_set()

    def _pause(self) -> bool:
        if self._paused.is_set():
            self.state = State.PAUSED
        else:
            self.state = State.HOLDING if self._late() else State.TRAINING
        return self.state != State.TRAINING

    @property
    def _checkpoint(self) -> Path:
        from infrared_ir_ros.training.checkpoint import FILE

        return self.asked.output / FILE
