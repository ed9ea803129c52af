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

"""Distributes recordings over a Ray cluster, one per core."""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Generator
from pathlib import Path

import infrared_ir_ros
from infrared_ir_ros.commands.evaluate_asked import Asked
from infrared_ir_ros.commands.evaluate_bench import Bench, set_up
from infrared_ir_ros.commands.evaluate_job import Job, attempt
from infrared_ir_ros.errors import InfraredError, OptionError, SourceError
from infrared_ir_ros.evaluation.report import Recording
from infrared_ir_ros.media.paths import printable

LOCAL = "local"
TRIES = 5  # retries of a recording whose worker dies


def spread(jobs: list[Job], asked: Asked, room: Path) -> Generator[tuple[Job, Recording | InfraredError], None, None]:
    """The result of each job, in the order of completion. If a worker dies, its job is retried.

    asked.ray: the address of a cluster whose machines all see the recordings and `room` under these paths; `local`
    starts one here. Raises OptionError if Ray is not installed or the cluster does not answer.
    """
    try:
        import ray
    except ImportError as error:
        raise OptionError("--ray needs Ray: pip install -r requirements/cluster.txt") from error
    _knock(asked.ray)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no telemetry
    if asked.ray == LOCAL:  # its workers inherit the environment
        root = str(Path(infrared_ir_ros.__file__).parents[1])
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(asked.ray, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _nobody(asked.ray, error) from error
    for number, handler in handlers.items():
        signal.signal(number, handler)  # Ray's handlers print a page of addresses
    try:
        task = ray.remote(num_cpus=1, max_retries=TRIES)(_in_a_worker)
        waiting = {task.remote(job, asked, room.absolute()): job for job in jobs}
        while waiting:
            (ready,), _ = ray.wait(list(waiting))
            job = waiting.pop(ready)
            try:
                yield job, ray.get(ready)
            except ray.exceptions.RayError as error:
                yield job, SourceError(f"its worker failed: {printable(str(error))}")
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raises OptionError unless HOST:PORT accepts connections: Ray itself would retry forever."""
    if address in (LOCAL, "auto"):
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError, OverflowError) as error:
        raise _nobody(address, error) from error


def _nobody(address: str, error: Exception) -> OptionError:
    reason = printable(str(error))
    return OptionError(
        f"--ray is {address!r}, but no cluster answers ({reason}): use HOST:PORT of its head, auto or local, and "
        "RAY_AUTH_MODE=token if it needs a token"
    )


_benches: dict[str, Bench] = {}


def _in_a_worker(job: Job, asked: Asked, room: Path) -> Recording | InfraredError:
    """Run a job in a worker, which loads the bench once."""
    key = repr(asked)
    if key not in _benches:
        _benches[key] = set_up(asked)
    return attempt(job, asked, _benches[key], room)
