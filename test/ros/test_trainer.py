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

"""The trainer over DDS, beside a restoring node: learns, gives way, is told to stop, and leaves whole files."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue  # noqa: E402
from harness import PATIENCE, NodeProcess, Peer, assert_balanced, make_image, scene, stamp_ns  # noqa: E402
from rcl_interfaces.srv import SetParametersAtomically  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from std_msgs.msg import Float32  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402
from tiny_tasks import write_prior  # noqa: E402

from infrared_ir_ros.media import write_image  # noqa: E402
from infrared_ir_ros.restoration.prompts import read_bank  # noqa: E402
from infrared_ir_ros.ros import latency  # noqa: E402
from infrared_ir_ros.ros.latency import LatencyWatch  # noqa: E402
from infrared_ir_ros.ros.trainer_parameters import TRAINER_TABLE, render  # noqa: E402
from infrared_ir_ros.ros.training_job import Asked, State, TrainingJob  # noqa: E402
from infrared_ir_ros.simulation import layout  # noqa: E402
from infrared_ir_ros.training import checkpoint  # noqa: E402
from infrared_ir_ros.training.adapt_frames import Lesson  # noqa: E402
from infrared_ir_ros.training.adapt_plan import RATES, SUPERVISIONS, Plan, Report  # noqa: E402

TRAINER = "infrared_ir_ros.ros.trainer_node"
SHAPE = (48, 64)


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_prior(tmp_path_factory.mktemp("prior")).folder)


@pytest.fixture(scope="module")
def learn(prior: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Parameters of a trainer that learns from a few pictures."""
    folder, rng = tmp_path_factory.mktemp("in"), np.random.default_rng(0)
    for number in range(8):
        write_image(folder / f"{number}.png", np.rint(255 * layout(rng, *SHAPE)).astype(np.uint8))
    sources = {"sources": str(folder), "degradation": "sensor_hard", "prior_path": prior}
    return sources | {"optimise": "adapters", "task": "mine", "steps": 24, "nice": 0}


def timing(milliseconds: float) -> DiagnosticArray:
    values = [KeyValue(key="estimate_ms", value="1.0"), KeyValue(key="age_ms", value=str(milliseconds))]
    return DiagnosticArray(status=[DiagnosticStatus(values=values)])


def ask(peer: Peer, what: str) -> Trigger.Response:
    return peer.call(Trigger, f"/trainer_node/{what}")


def set_task(peer: Peer, task: str) -> None:
    """The parameter of the trainer."""
    parameters = [Parameter("task", value=task).to_parameter_msg()]
    request = SetParametersAtomically.Request(parameters=parameters)
    answer = peer.call(SetParametersAtomically, "/trainer_node/set_parameters_atomically", request)
    assert answer.result.successful


def wait_state(peer: Peer, *states: str) -> None:
    """Wait for a report that is not older than this call."""
    seen = len(peer.diagnostics)
    said = lambda: {v.value for a in peer.diagnostics[seen:] for s in a.status for v in s.values if v.key == "state"}  # noqa: E731
    peer.wait(lambda: said() & set(states), f"the state {states}")


def test_a_task_is_learned_beside_the_node_and_taken_without_losing_a_frame(
    domain: int, prior: str, learn: dict[str, object], tmp_path: Path
) -> None:
    asked = learn | {"output": str(tmp_path / "out"), "activate": True, "latency_limit_ms": 0.0}
    node = {"prior_path": prior, "engine": "onnxruntime", "max_age_ms": 60000.0}
    with (
        NodeProcess(domain, node) as restorer,
        NodeProcess(domain, asked, module=TRAINER) as trainer,
        Peer(domain) as peer,
    ):
        restored, timings = peer.collect(Image, "restored"), peer.collect(DiagnosticArray, "timing")
        progress, losses = (
            peer.collect(k, f"trainer_node/{t}") for k, t in ((Float32, "progress"), (DiagnosticArray, "losses"))
        )
        pictures = peer.collect(Image, "trainer_node/comparison")
        camera = peer.publisher(Image, "image")
        assert ask(peer, "start").success
        set_task(peer, "another")  # of the next training: this one's is what was learned
        sent: list[int] = []
        deadline = time.monotonic() + 120
        while "restored for mine" not in [one.status[0].message for one in timings]:
            assert time.monotonic() < deadline, trainer.output()
            message = make_image(scene(len(sent) % 5, SHAPE), "mono16")
            sent.append(stamp_ns(message))
            camera.publish(message)
            peer.wait(lambda: len(restored) == len(sent), "the restored frame")
            time.sleep(0.05)  # the pace of a camera
        assert [stamp_ns(image) for image in restored] == sent
        tasks = [one.status[0].message.removeprefix("restored for ") for one in timings]
        assert tasks == sorted(tasks, key=["restore", "mine"].index)
        assert_balanced(peer.fresh_values())
        assert (tmp_path / "out" / "prompts.safetensors").is_file()
        assert "mine" in read_bank(str(tmp_path / "out/prompts.safetensors")).bases
        saved = peer.wait_message("training", "saved")
        assert {v.value for v in saved.values if v.key == "task"} == {"mine"}
        assert {one.status[0].message for one in losses} == {"mine"}
        assert progress[-1].data == 1.0 and {v.key for v in losses[-1].status[0].values} >= {"loss.frame", "best.psnr"}
        assert pictures and (pictures[-1].height, pictures[-1].width) == (48, 3 * 64)
        set_task(peer, "mine")
        again = ask(peer, "start")
        assert again.success  # and fails in its thread, since the task is there
        peer.wait_message("training", "already holds a finished adaptation", DiagnosticStatus.ERROR)
        assert [trainer.stop(), restorer.stop()] == [0, 0]
        assert "Traceback" not in trainer.output() + restorer.output()


@pytest.fixture
def trainer(domain: int, learn: dict[str, object], tmp_path: Path) -> Iterator[tuple[NodeProcess, Peer]]:
    asked = learn | {"output": str(tmp_path / "out"), "steps": 100000, "minutes": 1000.0, "latency_limit_ms": 100.0}
    with NodeProcess(domain, asked, module=TRAINER) as process, Peer(domain, "/trainer_node") as peer:
        yield process, peer
        assert "Traceback" not in process.output()


def test_it_pauses_holds_while_the_node_is_late_and_can_be_cancelled(
    trainer: tuple[NodeProcess, Peer], learn: dict[str, object], tmp_path: Path
) -> None:
    process, peer = trainer
    refused = ask(peer, "pause")
    assert not refused.success and refused.message == "nothing is being trained: call ~/start first"
    assert ask(peer, "start").success
    wait_state(peer, "training")
    late = peer.publisher(DiagnosticArray, "timing")
    for _ in range(3):
        late.publish(timing(999.0))
    wait_state(peer, "holding")
    wait_state(peer, "training")  # some time after the last frame that was late
    refused = ask(peer, "start")
    assert not refused.success and "is being trained: ~/cancel it first" in refused.message
    assert ask(peer, "pause").success
    wait_state(peer, "paused")
    steps = peer.fresh_values("training")["step"]
    assert peer.fresh_values("training")["step"] == steps
    assert not peer.set_parameters(minutes=-1.0)[0].successful
    assert ask(peer, "start").message.startswith("continues with ")
    wait_state(peer, "training")
    assert ask(peer, "cancel").success
    wait_state(peer, "cancelled")
    assert not list((tmp_path / "out").glob("*"))
    assert peer.set_together(sources="").successful
    refused = ask(peer, "start")
    assert not refused.success and "no source is given" in refused.message
    assert peer.set_together(sources=str(learn["sources"])).successful and ask(peer, "start").success
    assert ask(peer, "pause").success
    wait_state(peer, "paused")
    assert process.stop(signal.SIGTERM) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == [checkpoint.FILE]


def test_what_is_being_cancelled_cannot_go_on(trainer: tuple[NodeProcess, Peer]) -> None:
    """~/start said that it did, and nothing was trained."""
    _, peer = trainer
    assert all(ask(peer, what).success for what in ("start", "pause", "cancel"))  # before its first step
    answers = [ask(peer, "start")]
    while not answers[-1].success:
        assert "is being cancelled: call ~/start once it has ended" in answers[-1].message
        answers.append(ask(peer, "start"))
    assert len(answers) > 1 and answers[-1].message.startswith("learns ")


def test_a_signal_leaves_a_checkpoint_that_can_be_read(trainer: tuple[NodeProcess, Peer], tmp_path: Path) -> None:
    process, peer = trainer
    assert ask(peer, "start").success
    peer.wait(lambda: int(peer.values("training").get("step", 0)) > 0, "a step")
    assert process.stop() == 0
    assert checkpoint.load(tmp_path / "out").step > 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == [checkpoint.FILE]


def hopeless(folder: Path) -> Asked:
    """What fails once it looks for its prior."""
    lesson = Lesson((str(folder),), degradation="sensor_hard")
    return Asked(Plan("mine"), lesson, folder / "out", str(folder / "none"), "", nice=0, threads=1)


def test_a_job_that_fails_at_once_says_why(tmp_path: Path) -> None:
    """Before its maker could keep it, and while the state is already told to others."""
    told: list[tuple[State, str]] = []
    done = lambda job, outcome: told.append((job.state, job.failure))  # noqa: E731
    job = TrainingJob(hopeless(tmp_path), lambda: False, lambda *_: None, print, done)
    job.stop(60.0)
    assert told == [(State.FAILED, job.failure)] and str(tmp_path / "none") in job.failure


def test_a_job_that_is_cancelled_during_its_last_step_keeps_nothing(
    learn: dict[str, object], prior: str, tmp_path: Path
) -> None:
    lesson = Lesson((str(learn["sources"]),), degradation="sensor_hard")
    asked = Asked(Plan("mine", optimise="adapters", steps=2), lesson, tmp_path / "out", prior, "", nice=0, threads=1)
    done = threading.Event()

    def tell(job: TrainingJob, report: Report) -> None:
        if report.step == 2:
            job.cancel()

    job = TrainingJob(asked, lambda: False, tell, print, lambda *_: done.set())
    assert done.wait(PATIENCE) and job.state == State.CANCELLED, job.failure
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has no niceness of its own here")
@pytest.mark.parametrize(("before", "nice"), [(17, 17), (0, 10)])
def test_a_job_lowers_its_priority_and_never_raises_it(tmp_path: Path, before: int, nice: int) -> None:
    """As a robot starts it, of low priority already."""
    found: list[int] = []
    niceness = lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())  # noqa: E731

    def begin() -> None:
        itself = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, itself, max(before, niceness()))
        asked = replace(hopeless(tmp_path), nice=10)
        TrainingJob(asked, lambda: False, lambda *_: None, print, lambda *_: found.append(niceness())).stop(60.0)

    beginner = threading.Thread(target=begin)
    beginner.start()
    beginner.join()
    assert found == [max(nice, niceness())]


def test_latency_is_that_of_the_slowest_of_twenty_and_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(latency.time, "monotonic", lambda: now)
    watch = LatencyWatch()
    assert watch.milliseconds() == 0
    for milliseconds in [*range(10, 29), 500]:
        watch.hear(timing(milliseconds))
    assert watch.milliseconds() == 500
    for _ in range(20):
        watch.hear(timing(20.0))
    assert watch.milliseconds() == 28
    watch.hear(DiagnosticArray(status=[DiagnosticStatus(values=[KeyValue(key="age_ms", value="soon")])]))
    now = latency.WINDOW + 1
    assert watch.milliseconds() == 0


def test_the_configuration_file_is_the_rendering_of_the_table() -> None:
    assert (Path(__file__).parents[2] / "config/train.yaml").read_text() == render()
    choices = {parameter.name: parameter.choices for parameter in TRAINER_TABLE}
    assert choices["optimise"] == tuple(RATES) and choices["supervision"] == SUPERVISIONS
