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

"""What becomes of a learned task is told, also where the restoring node is not there, says no, or dies meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from harness import Peer
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.client import Client
from rclpy.task import Future

from infrared_ir_ros.ros import activation
from infrared_ir_ros.ros.activation import IN_USE, Activation, Target

SERVICE = "/restorer/set_parameters_atomically"


@pytest.fixture(scope="module")
def trainer(domain: int) -> Iterator[Peer]:
    with Peer(domain) as peer:
        yield peer


class Restorer:
    """Answers like the parameters of a node, once it may."""

    def __init__(self, peer: Peer, refusal: str = "") -> None:
        self.asked: list[SetParametersAtomically.Request] = []
        self.may_answer = threading.Event()
        self._refusal = refusal
        peer.node.create_service(SetParametersAtomically, SERVICE, self._answer)

    def _answer(
        self, request: SetParametersAtomically.Request, response: SetParametersAtomically.Response
    ) -> SetParametersAtomically.Response:
        self.asked.append(request)
        self.may_answer.wait(10.0)
        response.result.successful, response.result.reason = not self._refusal, self._refusal
        return response


def become_of(trainer: Peer, service: str = SERVICE) -> str:
    asked = Activation(trainer.node)
    asked.ask(Target(service, "bank", "mine"))

    def told() -> str:
        asked.follow()
        return asked.text

    said = trainer.wait(told, "what became of the task")
    assert not [client for client in trainer.node.clients if client.srv_name.endswith(service)]
    return said


@pytest.mark.parametrize(("refusal", "told"), [("", IN_USE), ("no", "restore_node refused the new task: no")])
def test_the_answer_is_told(domain: int, trainer: Peer, refusal: str, told: str) -> None:
    with Peer(domain) as peer:
        restorer = Restorer(peer, refusal)
        restorer.may_answer.set()
        assert become_of(trainer) == told
        (request,) = restorer.asked
        assert [(one.name, one.value.string_value) for one in request.parameters] == [
            ("prompts", "bank"),
            ("task", "mine"),
        ]


def test_an_answer_that_is_lost_is_asked_for_again(domain: int, trainer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activation, "ASKED_AGAIN", 0.2)
    answers: list[Future] = []

    def lossy(client: Client, request: object) -> Future:
        answers.append(call_async(client, request))
        return answers[-1] if len(answers) > 1 else Future()

    call_async = Client.call_async
    monkeypatch.setattr(Client, "call_async", lossy)
    with Peer(domain) as peer:
        Restorer(peer).may_answer.set()
        assert become_of(trainer) == IN_USE
    assert len(answers) >= 2


def test_a_node_that_dies_before_it_answers_is_told(
    domain: int, trainer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activation, "ANSWERED_WITHIN", 0.5)
    with Peer(domain) as peer:
        restorer = Restorer(peer)
        told = become_of(trainer)
        assert told.startswith(f"{SERVICE} does not answer: the new task is saved, but perhaps not in use; set its")
        assert restorer.asked
        restorer.may_answer.set()


@pytest.mark.parametrize(
    ("service", "words"), [("/nobody/set", "/nobody/set does not answer"), ("/no body", "not the name of a node")]
)
def test_a_node_that_is_not_there_is_told(
    trainer: Peer, monkeypatch: pytest.MonkeyPatch, service: str, words: str
) -> None:
    monkeypatch.setattr(activation, "FOUND_WITHIN", 0.2)
    told = become_of(trainer, service)
    assert words in told and "not in use" in told and "perhaps" not in told
