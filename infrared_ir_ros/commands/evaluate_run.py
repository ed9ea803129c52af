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

"""The run behind evaluate_bag: evaluates each recording, then writes the report; bad recordings are skipped."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from contextlib import closing

from tqdm import tqdm

from infrared_ir_ros.commands.evaluate_asked import Asked
from infrared_ir_ros.commands.evaluate_bench import Bench, configuration, set_up
from infrared_ir_ros.commands.evaluate_job import CannotWrite, Job, attempt, jobs
from infrared_ir_ros.commands.evaluate_pictures import choose_pictures
from infrared_ir_ros.commands.evaluate_store import Store
from infrared_ir_ros.errors import InfraredError, SourceError
from infrared_ir_ros.evaluation.recordings import recordings
from infrared_ir_ros.evaluation.report import Evaluation, Recording, write_report


def evaluate(asked: Asked) -> int:
    """Judge all recordings and write the report. Returns 0, or 1 if something was left out.

    If interrupted, finished recordings are kept for the next call, and KeyboardInterrupt says so. Raises InfraredError
    if nothing could be judged, or if the output exists or cannot be written.
    """
    todo, bench = jobs(recordings(asked.inputs)), set_up(asked)
    shown = configuration(asked, bench)
    store = Store(asked.output)
    with store.open(json.dumps([repr(asked), shown])):
        try:
            found, failed = _judge_all(todo, asked, bench, store)
        except KeyboardInterrupt:
            done = f"({store.done()} of {len(todo)} recordings are done: run the same command again to continue)"
            raise KeyboardInterrupt(*([done] if store.done() else [])) from None
        evaluation = Evaluation(bench.names, shown, found, failed, bench.notes)
        write_report(store.folder, evaluation, choose_pictures(evaluation, store.folder))
        store.publish()
    print(f"{len(found)} of {len(todo)} recordings evaluated: {asked.output / 'report.html'}")
    return 1 if failed or any(one.problems for one in found) else 0


def _judge_all(todo: list[Job], asked: Asked, bench: Bench, store: Store) -> tuple[list[Recording], dict[str, str]]:
    """The evaluated recordings, and the reasons why others failed, by name."""
    found = {job: kept for job in todo if (kept := store.load(job))}
    failed: dict[Job, str] = {}
    if found:
        _tell(f"{len(found)} of {len(todo)} recordings were done before")
    with closing(_answers([job for job in todo if job not in found], asked, bench, store)) as answers:
        for job, answer in answers:
            if isinstance(answer, InfraredError):
                failed[job] = str(answer)
                _tell(f"{job.name}: {answer}")
                continue
            store.save(job, answer)
            found[job] = answer
            for line in (*answer.problems, ", ".join(f"{name} {value}" for name, value in answer.facts.items())):
                if line:
                    _tell(f"{job.name}: {line}")
    if not found:
        raise SourceError("no recording could be evaluated, and no report was written")
    return [found[job] for job in todo if job in found], {job.name: failed[job] for job in todo if job in failed}


def _answers(
    todo: list[Job], asked: Asked, bench: Bench, store: Store
) -> Generator[tuple[Job, Recording | InfraredError], None, None]:
    """The result of each job. Raises CannotWrite, since all other jobs would fail, too."""
    if asked.ray:
        from infrared_ir_ros.commands.evaluate_cluster import spread

        answers = spread(todo, asked, store.folder)
    else:
        answers = ((job, attempt(job, asked, bench, store.folder)) for job in todo)
    with closing(answers):
        for job, answer in answers:
            if isinstance(answer, CannotWrite):
                raise answer
            yield job, answer


def _tell(text: str) -> None:
    tqdm.write(f"evaluate_bag: {text}", file=sys.stderr)
