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

"""Tasks of a node over DDS: frames flow while the task is switched, none is lost or mixed, and refusals are told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from harness import NodeProcess, Peer, assert_balanced, make_image, scene, stamp_ns  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from tiny_tasks import TASKS, write_prior  # noqa: E402

from infrared_ir_ros.records import Options  # noqa: E402
from infrared_ir_ros.restoration import load_restorer  # noqa: E402
from infrared_ir_ros.restoration.folding import ADAPTERS, WEIGHTS  # noqa: E402
from infrared_ir_ros.restoration.prompts import PROMPT, PromptBank  # noqa: E402
from infrared_ir_ros.restoration.weights import find_prior  # noqa: E402
from infrared_ir_ros.ros.bridge import PlainBridge  # noqa: E402

SHAPE, SCENES = (48, 64), 5
PARAMETERS = {"engine": "onnxruntime", "smoothing": 0.0, "max_age_ms": 60000.0}  # tests run on busy machines


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_prior(tmp_path_factory.mktemp("prior")).folder


class Viewer:
    """Sends frames one after the other and says which task's reference each answer equals, bit for bit."""

    OLD = "an older one of the same name"

    def __init__(self, peer: Peer, folder: Path) -> None:
        self.peer = peer
        self.answers: list[Image] = peer.collect(Image, "restored")
        self.timings: list[DiagnosticArray] = peer.collect(DiagnosticArray, "timing")
        self.tasks: dict[int, str] = {}  # by stamp
        self._folder = folder
        self._references: dict[str, list[np.ndarray]] = {}
        for task in TASKS:
            self.know(task)
        peer.wait_state("active")
        self._camera = peer.publisher(Image, "image")

    def know(self, task: str, bank: Path | str = "") -> None:
        """Restore the scenes here too. What a task of this name was before stays known as OLD."""
        restorer = load_restorer(
            prior_path=str(self._folder), engine="onnxruntime", options=Options(task), prompts=str(bank)
        )
        if task in self._references:
            self._references[self.OLD] = self._references[task]
        self._references[task] = [restorer.restore(scene(seed, SHAPE)).image for seed in range(SCENES)]

    def look(self) -> str:
        """The task that the next frame is restored for; AssertionError if it is a mixture or does not come."""
        seed, before = len(self.tasks) % SCENES, len(self.answers)
        message = make_image(scene(seed, SHAPE), "mono16")
        self._camera.publish(message)
        self.peer.wait(lambda: len(self.answers) > before, "the restored frame")
        assert stamp_ns(self.answers[-1]) == stamp_ns(message)
        image = PlainBridge().imgmsg_to_cv2(self.answers[-1])
        (task,) = [task for task in self._references if np.array_equal(image, self._references[task][seed])]
        self.tasks[stamp_ns(message)] = task
        return task

    def until(self, task: str) -> Iterator[str]:
        """Frames until the first that is restored for `task`."""
        while True:
            seen = self.look()
            yield seen
            if seen == task:
                return


@pytest.fixture(scope="module")
def viewer(domain: int, folder: Path) -> Iterator[Viewer]:
    with NodeProcess(domain, PARAMETERS | {"prior_path": str(folder)}) as node, Peer(domain) as peer:
        yield Viewer(peer, folder)
        assert "Traceback" not in node.output()


def test_frames_flow_while_the_task_is_switched(viewer: Viewer) -> None:
    old_ones = 0
    for task, old in (("detect", "restore"), ("restore", "detect"), ("detect", "restore")):
        assert viewer.look() == old
        assert viewer.peer.set_parameters(task=task)[0].successful
        seen = list(viewer.until(task))
        assert set(seen[:-1]) <= {old}  # one change, and never back
        old_ones += len(seen) - 1
        assert [viewer.look() for _ in range(3)] == [task] * 3
        viewer.peer.wait(
            lambda task=task: viewer.peer.values("restorer").get("task") == task, "diagnostics of the task"
        )
    assert old_ones > 0  # it was folded while frames went on
    said = {stamp_ns(timing): timing.status[0].message for timing in viewer.timings}
    assert said and all(said[stamp] == f"restored for {viewer.tasks[stamp]}" for stamp in said)


def test_an_unknown_task_is_refused_and_a_fold_that_fails_is_told(viewer: Viewer, folder: Path) -> None:
    task = viewer.look()
    (result,) = viewer.peer.set_parameters(task="juggle")
    assert not result.successful and result.reason == "task is 'juggle': this prior knows restore, detect"
    other = next(name for name in TASKS if name != task)
    graph = (folder / "restore.onnx").read_bytes()
    (folder / "restore.onnx").write_bytes(graph[:-1])
    try:
        assert viewer.peer.set_parameters(task=other)[0].successful
        viewer.peer.wait_message("restorer", f"task '{other}' can't be folded, '{task}' stays", level=b"\x02")
        assert viewer.look() == task
    finally:
        (folder / "restore.onnx").write_bytes(graph)
    assert viewer.peer.set_parameters(task=other)[0].successful
    assert list(viewer.until(other))[-1] == other
    viewer.peer.wait(lambda: viewer.peer.status("restorer").message == "active", "a report without complaint")


def test_a_new_bank_is_taken_with_its_task(viewer: Viewer, folder: Path, tmp_path: Path) -> None:
    """As the trainer does it: both parameters at once, while frames go on; the same file again is read anew."""
    task, bank = viewer.look(), tmp_path / "bank.safetensors"
    hashes = find_prior("embedded", str(folder)).hashes
    empty = PromptBank(hashes[WEIGHTS], hashes[ADAPTERS])
    for prompt in (-np.ones(PROMPT), np.linspace(-2, 2, PROMPT)):
        bank.write_bytes(empty.with_prompt("my_camera", prompt).to_bytes())
        viewer.know("my_camera", bank)
        assert viewer.peer.set_together(prompts=str(bank), task="my_camera").successful
        seen = list(viewer.until("my_camera"))
        assert set(seen[:-1]) <= {task, viewer.OLD}
        assert [viewer.look() for _ in range(3)] == ["my_camera"] * 3
    bank.write_bytes(b"no bank")
    refused = viewer.peer.set_together(prompts=str(bank), task="restore")
    assert not refused.successful and "bank.safetensors is no" in refused.reason
    assert viewer.look() == "my_camera"


def test_a_bank_that_was_refused_is_not_taken_later(viewer: Viewer, folder: Path, tmp_path: Path) -> None:
    """It can be read, but has not the task that was asked for with it."""
    peer, bank = viewer.peer, tmp_path / "bank.safetensors"
    hashes = find_prior("embedded", str(folder)).hashes
    empty = PromptBank(hashes[WEIGHTS], hashes[ADAPTERS])
    bank.write_bytes(empty.with_prompt("stray", np.ones(PROMPT)).to_bytes())
    assert peer.set_together(prompts="", task="restore").successful
    assert not peer.set_together(prompts=str(bank), task="juggle").successful
    assert peer.set_together(prompts="").successful
    refused = peer.set_together(task="stray")
    assert not refused.successful and refused.reason == "task is 'stray': this prior knows restore, detect"
    assert list(viewer.until("restore"))[-1] == "restore"


def test_no_frame_was_lost(viewer: Viewer) -> None:
    """Last of this module: whatever was sent before is in the counters."""
    values = viewer.peer.fresh_values()
    assert_balanced(values)
    assert int(values["published"]) == len(viewer.tasks) and values["dropped"] == "0"
