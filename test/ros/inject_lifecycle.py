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

"""Faults of life: signals, transitions, cycles, parameters (14-18 of the list)."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from domains import free_domain
from harness import PATIENCE, NodeProcess, Peer
from injection import ERROR, PARAMETERS, Rig, good_frame, playing
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from outcome import Outcome
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.ros.parameter import START, UNCONFIGURED
from infrared_ir_ros.ros.parameters import BY_NAME, TABLE, check_all

CONFIGURE, CLEANUP = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_CLEANUP
ACTIVATE, DEACTIVATE = Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_DEACTIVATE
SHUTDOWNS = {
    "unconfigured": Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    "inactive": Transition.TRANSITION_INACTIVE_SHUTDOWN,
    "active": Transition.TRANSITION_ACTIVE_SHUTDOWN,
}
AFTER = {  # state after a transition
    ("unconfigured", CONFIGURE): "inactive",
    ("inactive", ACTIVATE): "active",
    ("active", DEACTIVATE): "inactive",
    ("inactive", CLEANUP): "unconfigured",
}
WALKS = {  # transitions that lead an unconfigured node into a state
    "unconfigured": (),
    "inactive": (CONFIGURE,),
    "active": (CONFIGURE, ACTIVATE),
    "deactivated": (CONFIGURE, ACTIVATE, DEACTIVATE),
    "finalized": (SHUTDOWNS["unconfigured"],),
}
LATEST = 5.0  # seconds after its start at which a signal comes to a node in its start
FLAT = 30.0  # megabytes


def signals(domain: int, count: int, seed: int = 0) -> Outcome:
    """Fault 14: SIGINT or SIGTERM in any state, while frames come: exit code 0, no traceback.

    Two of three come at a random moment of the start, the others in a state that the node was led to.
    """
    outcome, rng = Outcome(), random.Random(seed)
    with _filming(domain) as peer:
        for number in range(0, count, 3):
            for turn in range(number, min(number + 2, count)):
                with outcome.fault(f"{turn} start"):
                    _signal(domain, peer, outcome, "start", rng)
            if number + 2 < count:
                state = list(WALKS)[number // 3 % len(WALKS)]
                other = free_domain()  # otherwise services of killed nodes might still be found
                with outcome.fault(f"{number + 2} {state}"), _filming(other) as peer_there:
                    _signal(other, peer_there, outcome, state, rng)
    return outcome


@contextmanager
def _filming(domain: int) -> Iterator[Peer]:
    """A peer that publishes frames all the time."""
    with Peer(domain) as peer:
        camera = peer.publisher(Image, "image", matched=False)
        with playing(lambda: camera.publish(good_frame(0)), 50):
            yield peer


def _signal(domain: int, peer: Peer, outcome: Outcome, state: str, rng: random.Random) -> None:
    with NodeProcess(domain, PARAMETERS | {"autostart": state == "start"}) as node:
        deadline = time.monotonic() + PATIENCE
        while not node.catches_signals():
            assert node.process.poll() is None and time.monotonic() < deadline, node.output()
            time.sleep(0.001)
        if state == "start":
            time.sleep(rng.uniform(0.0, LATEST))
        else:
            for transition in WALKS[state]:
                assert peer.change_state(transition), f"no transition {transition}"
        for _ in range(rng.choice((0, 0, 0, 2))):  # now and then, several at once
            node.process.send_signal(rng.choice((signal.SIGINT, signal.SIGTERM)))
        started = time.monotonic()
        code = node.stop(rng.choice((signal.SIGINT, signal.SIGTERM)))
        outcome.recoveries.append(time.monotonic() - started)
        assert code == 0, f"exit code {code}: {node.output()[-500:]}"
        assert "Traceback" not in node.output(), node.output()[-2000:]
        outcome.said += node.output().splitlines()[-1:]


def invalid_transitions(rig: Rig, count: int, seed: int = 0) -> Outcome:
    """Fault 15: random change_state calls, of which only those may succeed that the state allows."""
    outcome, rng = Outcome(), random.Random(seed)
    state = rig.peer.state()
    with rig.checked(outcome, all_arrive=False):
        for number in range(count):
            request = ChangeState.Request()
            request.transition.id = rng.choice((CONFIGURE, CLEANUP, ACTIVATE, DEACTIVATE, rng.randrange(256)))
            while request.transition.id == SHUTDOWNS[state]:  # allowed, and the end
                request.transition.id = rng.randrange(256)
            request.transition.label = rng.choice(("", "", "activate", "x" * 300))
            with outcome.fault(f"{number}: transition {request.transition.id} {request.transition.label!r} in {state}"):
                allowed = {state} | {after for (before, _), after in AFTER.items() if before == state}
                success = rig.peer.call(ChangeState, "change_state", request).success
                now = rig.peer.state()
                expected = AFTER.get((state, request.transition.id))
                if not request.transition.label:  # a label counts before a number
                    assert success == (expected is not None) and now == (expected or state), f"{success}, {now}"
                assert now in allowed and success == (now != state), f"success is {success} and the state is {now}"
                state = now
    lead(rig.peer, "unconfigured")
    return outcome


def lead(peer: Peer, wanted: str) -> None:
    """Bring the node into a state."""
    while (state := peer.state()) != wanted:
        up = {"unconfigured": CONFIGURE, "inactive": ACTIVATE}
        down = {"active": DEACTIVATE, "inactive": CLEANUP}
        order = ("unconfigured", "inactive", "active")
        towards = up if order.index(state) < order.index(wanted) else down
        assert peer.change_state(towards[state]), f"no way from {state} to {wanted}"


def failing_transitions(rig: Rig, count: int, folder: Path, seed: int = 0) -> Outcome:
    """Fault 16: missing weights: configure fails, its cause is logged and in the diagnostics, a retry works."""
    outcome = Outcome()
    lead(rig.peer, "unconfigured")
    with rig.checked(outcome, all_arrive=False):
        for number in range(count):
            path = str(folder / f"nowhere_{number}")
            with outcome.fault(path):
                since = len(rig.peer.diagnostics)
                assert rig.peer.set_parameters(prior_path=path)[0].successful
                assert not rig.peer.change_state(CONFIGURE), "configured without weights"
                assert rig.peer.state() == "unconfigured"
                status = rig.peer.wait_message("restorer", f"configure failed: {path}", ERROR, since)
                assert f"configure failed: {path}" in rig.node.output(), "not logged"
                outcome.said.append(status.message)
                assert rig.peer.set_parameters(prior_path="")[0].successful
                started = time.monotonic()
                assert rig.peer.change_state(CONFIGURE), "the retry failed"
                outcome.recoveries.append(time.monotonic() - started)
                assert rig.peer.change_state(CLEANUP)
    return outcome


def cycles(rig: Rig, count: int, seed: int = 0) -> Outcome:
    """Fault 17: configure, activate, deactivate, cleanup under load: memory, descriptors and threads stay flat."""
    outcome = Outcome()
    lead(rig.peer, "unconfigured")
    camera = rig.peer.publisher(Image, "image", matched=False)
    marks: list[tuple[float, int, int]] = []
    with rig.checked(outcome, all_arrive=False), playing(lambda: camera.publish(good_frame(0)), 100):
        for number in range(count):
            with outcome.fault(f"cycle {number}"):
                for transition in (CONFIGURE, ACTIVATE, DEACTIVATE, ACTIVATE, DEACTIVATE, CLEANUP):
                    started = time.monotonic()
                    assert rig.peer.change_state(transition), f"transition {transition} failed"
                    outcome.recoveries.append(time.monotonic() - started)
                    if transition == ACTIVATE and number % 4 == 0:
                        time.sleep(0.1)  # sometimes with frames in work, sometimes with none
            marks.append(_settled(rig))
    rig.peer.destroy(camera)
    outcome.require(outcome.figures["received"] > 0, "no load: no frame came")
    part = max(1, count // 5)  # the first ones fill caches
    early, late = marks[part : 2 * part] or marks[:1], marks[-part:]
    names = ("memory MB", "descriptors", "threads")
    growth = [min(mark[i] for mark in late) - max(mark[i] for mark in early) for i in range(3)]
    outcome.figures |= {f"growth of {name}": round(value, 1) for name, value in zip(names, growth, strict=True)}
    outcome.figures |= {f"last {name}": round(value, 1) for name, value in zip(names, marks[-1], strict=True)}
    outcome.require(growth[0] < FLAT and growth[1] <= 0 and growth[2] <= 0, f"not flat: {outcome.figures}")
    return outcome


def _settled(rig: Rig) -> tuple[float, int, int]:
    """MB, descriptors and threads of the node, each the least of half a second: what is just ending does not count."""
    marks = []
    for _ in range(10):
        marks.append((rig.node.memory() / 1e6, rig.node.descriptors(), rig.node.threads()))
        time.sleep(0.05)
    memory, descriptors, threads = map(min, zip(*marks, strict=True))
    return memory, descriptors, threads


def _change(rng: random.Random) -> dict[str, Any]:
    """A few values to set together: good, out of range, of the wrong type, unknown, contradicting each other."""
    kinds = ("number", "choice", "counts", "percentiles", "type", "unknown", "frozen")
    change: dict[str, Any] = {}
    for kind in rng.sample(kinds, rng.choice((1, 1, 2, 3))):
        if kind == "number":
            numbers = (0.0, 0.5, 1.0, -1.0, 2.0, 1e300, float("nan"), float("inf"))
            change[rng.choice(("strength", "smoothing", "max_age_ms"))] = rng.choice(numbers)
        elif kind == "choice":
            name = rng.choice(("tone", "palette", "on_failure", "counts.mapping"))
            change[name] = rng.choice((*BY_NAME[name].choices, "loud", "", "\x1b[31m", "é" * 1000))
        elif kind == "counts":
            change |= {"counts.minimum": rng.uniform(-2e6, 2e6), "counts.maximum": rng.uniform(-2e6, 2e6)}
        elif kind == "percentiles":
            change |= {"counts.low_percentile": rng.uniform(-5, 55), "counts.high_percentile": rng.uniform(45, 105)}
        elif kind == "type":
            change[rng.choice(TABLE).name] = rng.choice((True, 3, "text", [1.0]))
        elif kind == "unknown":
            change[rng.choice(("no_such_thing", "strength.more", "use_sim_time_"))] = 1.0
        else:
            change[rng.choice(("engine", "prior_path", "autostart"))] = rng.choice(("torch", "/nowhere", True))
    return change


def _acceptable(change: Mapping[str, Any], defaults: Mapping[str, Any]) -> bool:
    """Whether a configured node must take these values, all together; pairs that depend on each other come together."""
    try:
        check_all({**defaults, **{name: value for name, value in change.items() if name in BY_NAME}})
    except (OptionError, TypeError):
        return False
    if change.get("task", defaults["task"]) != defaults["task"]:  # the shipped prior knows one
        return False
    fixed = (name for name in change if name in BY_NAME and BY_NAME[name].change != "at any time")
    kept = all(BY_NAME[name].change == UNCONFIGURED and change[name] == defaults[name] for name in fixed)
    return kept and all(name in BY_NAME for name in change)


def parameter_sets(rig: Rig, count: int, seed: int = 0, clients: int = 8) -> Outcome:
    """Fault 18: random values, good and bad, from 8 clients at once: taken as a whole, or refused with a reason."""
    outcome, rng, peer = Outcome(), random.Random(seed), rig.peer
    lead(peer, "inactive")
    defaults = {parameter.name: parameter.default for parameter in TABLE} | PARAMETERS | {"autostart": False}
    services = [peer.node.create_client(SetParametersAtomically, "/restore_node/set_parameters_atomically")]
    services += [peer.node.create_client(SetParametersAtomically, services[0].srv_name) for _ in range(clients - 1)]
    peer.wait(lambda: all(service.service_is_ready() for service in services), "the service")
    with rig.checked(outcome, all_arrive=False):
        for _ in range(0, count, clients):
            changes = [_change(rng) for _ in services]
            requests = [SetParametersAtomically.Request(parameters=_messages(change)) for change in changes]
            started = time.monotonic()
            futures = [service.call_async(request) for service, request in zip(services, requests, strict=True)]
            for change, future in zip(changes, futures, strict=True):
                with outcome.fault(str(change)[:200]):
                    peer.wait(future.done, "the answer")
                    result, expected = future.result().result, _acceptable(change, defaults)
                    assert result.successful == expected, f"successful is {result.successful}: {result.reason}"
                    assert result.successful or result.reason, "refused without a reason"
                    outcome.said.append(result.reason)
            outcome.recoveries.append(time.monotonic() - started)
            names = [parameter.name for parameter in TABLE]
            check_all(dict(zip(names, peer.get_parameters(names), strict=True)))
    changeable = {name: value for name, value in defaults.items() if BY_NAME[name].change not in (START, UNCONFIGURED)}
    assert peer.set_together(**{name.replace(".", "__"): value for name, value in changeable.items()}).successful
    for service in services:
        peer.destroy(service)
    lead(peer, "unconfigured")
    return outcome


def _messages(change: Mapping[str, Any]) -> list[Any]:
    return [Parameter(name, value=value).to_parameter_msg() for name, value in change.items()]
