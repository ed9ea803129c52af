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

"""Latency and losses that the node adds to the restorer: two processes over DDS, 640x512 mono16.

python benchmarks/node.py
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from _common import markdown_table, write_result
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import Image

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.simulation.camera import Degrader, film_scene
from infrared_ir_ros.simulation.scene import ThermalScene

TEST = Path(__file__).resolve().parents[1] / "test"
sys.path[:0] = [str(TEST), str(TEST / "ros")]
from domains import free_domain  # noqa: E402 - shared
from harness import NodeProcess, Peer, assert_balanced, make_image, stamp_ns  # noqa: E402 - shared
from injection import playing  # noqa: E402

HEIGHT, WIDTH = 512, 640
SETTLED = 5.0  # seconds of frames before measuring
SUSTAINABLE = 0.8  # share of the restorer's own rate that counts as sustainable
ALLOWED_ADDED, ALLOWED_AGE = 6.0, 20.0  # milliseconds: median that the node may add; age beyond two inferences
ALLOWED_SLOPE = 2.0  # megabytes a minute


@dataclass
class Bench:
    """Sends frames to the node and records the results by stamp. Times in seconds, steady clock."""

    peer: Peer
    frames: list[Image]
    sent: dict[int, float] = field(default_factory=dict)
    heard: dict[int, float] = field(default_factory=dict)
    steps: dict[int, dict[str, float]] = field(default_factory=dict)  # milliseconds of each restored frame

    def __post_init__(self) -> None:
        self.peer.wait_state("active")
        self.peer.node.create_subscription(Image, "restored", self._on_restored, 10, raw=True)
        self.peer.node.create_subscription(DiagnosticArray, "timing", self._on_timing, 10)
        self.camera = self.peer.publisher(Image, "image")
        self.forget()

    def _on_restored(self, raw: bytes) -> None:
        now = time.monotonic()
        seconds, nanoseconds = np.frombuffer(raw, np.uint32, 2, 4)  # the stamp is what a message begins with
        self.heard[int(seconds) * 10**9 + int(nanoseconds)] = now

    def _on_timing(self, message: DiagnosticArray) -> None:
        values = {value.key: float(value.value) for value in message.status[0].values}
        self.steps[stamp_ns(message)] = values

    def send(self) -> None:
        frame = self.frames[len(self.sent) % len(self.frames)]
        stamp = time.time_ns()
        frame.header.stamp.sec, frame.header.stamp.nanosec = divmod(stamp, 10**9)
        self.sent[stamp] = time.monotonic()
        self.camera.publish(frame)

    def forget(self) -> None:
        for record in (self.sent, self.heard, self.steps):
            record.clear()

    def play(self, rate: float, until: Callable[[], bool]) -> None:
        """Send frames at a rate until `done` is true, and wait two seconds for the last results."""
        with playing(self.send, rate):
            while not until():
                time.sleep(0.002)
        deadline = time.monotonic() + 2.0
        while len(self.heard) < len(self.sent) and time.monotonic() < deadline:
            time.sleep(0.01)

    def play_for(self, rate: float, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.play(rate, lambda: time.monotonic() > end)

    def restorer_ms(self) -> float:
        return float(np.median([steps["restorer_ms"] for steps in self.steps.values()]))


def node(*, frames: int = 300, minutes: float = 5.0, engine: str = "auto", seed: int = 0) -> int:
    """Measure lost frames, added time, age under overload and memory; write results/node.json.

    Ends with 1 if a requirement is not met.

    Parameters
    ----------
    frames
        Number of frames sent at a sustainable rate.
    minutes
        Minutes for which memory is watched.
    engine
        Engine of the restorer: auto, onnxruntime, openvino or torch.
    seed
        Seed of scene and sensor.
    """
    shots = film_scene(ThermalScene(seed, HEIGHT, WIDTH), "mono16", 30.0, Degrader("sensor_normal", seed))
    messages = [make_image(shot.image, "mono16") for shot in islice(shots, 8)]
    domain = free_domain()
    with NodeProcess(domain, {"engine": engine}, environment={"OMP_NUM_THREADS": ""}) as process, Peer(domain) as peer:
        bench = Bench(peer, messages)
        figures = _rate(bench)
        figures |= _sustained(bench, figures["rate Hz"], frames)
        figures |= _overload(bench, figures["rate Hz"])
        figures |= _memory(bench, process, figures["rate Hz"], minutes)
        values = peer.fresh_values()
        assert_balanced(values)
        figures["pending at the end"] = int(values["pending"])
        description = peer.values("restorer")
        figures["exit code"] = process.stop()
    notes = {key: description.get(key, "") for key in ("prior", "weights", "engine", "device", "precision")}
    write_result("node", figures, seeds=[seed], notes=notes)
    return _print(figures, notes, frames, minutes)


def _rate(bench: Bench) -> dict[str, float]:
    """A rate that the restorer sustains, from its time on single frames."""
    bench.play_for(1.0, SETTLED)
    alone = bench.restorer_ms()
    rate = min(30.0, SUSTAINABLE * 1000.0 / alone)
    return {"restorer alone ms": alone, "rate Hz": round(rate, 2)}


def _sustained(bench: Bench, rate: float, frames: int) -> dict[str, float]:
    bench.forget()
    bench.play(rate, lambda: len(bench.sent) >= frames)
    wanted = list(bench.sent)[:frames]
    heard = [stamp for stamp in wanted if stamp in bench.heard]
    timed = [stamp for stamp in heard if stamp in bench.steps]
    latency = {stamp: 1000.0 * (bench.heard[stamp] - bench.sent[stamp]) for stamp in timed}
    added = [latency[stamp] - bench.steps[stamp]["restorer_ms"] for stamp in timed]
    steps = {f"{name} median ms": _median(bench, timed, f"{name}_ms") for name in ("wait", "decode", "publish")}
    return {
        "frames": len(wanted),
        "frames lost": len(wanted) - len(heard),
        "restorer median ms": _median(bench, timed, "restorer_ms"),
        "latency median ms": round(float(np.median(list(latency.values()))), 2),
        "added median ms": round(float(np.median(added)), 2),
        "added p95 ms": round(float(np.percentile(added, 95)), 2),
        **steps,
    }


def _median(bench: Bench, stamps: list[int], name: str) -> float:
    return round(float(np.median([bench.steps[stamp][name] for stamp in stamps])), 3)


def _overload(bench: Bench, rate: float) -> dict[str, float]:
    """A camera ten times too fast; age: from the camera's publish call to the arrival of the restored frame."""
    bench.forget()
    bench.play_for(10.0 * rate / SUSTAINABLE, 15.0)
    heard = [stamp for stamp in bench.heard if stamp in bench.sent]
    ages = [1000.0 * (bench.heard[stamp] - bench.sent[stamp]) for stamp in heard]
    inference = bench.restorer_ms()
    slack = [  # relative to the frame's own inference and the rest of the previous one, for which it may wait
        1000.0 * (bench.heard[stamp] - bench.sent[stamp])
        - bench.steps[stamp]["restorer_ms"]
        - bench.steps[earlier]["restorer_ms"]
        for earlier, stamp in zip(heard, heard[1:], strict=False)
        if stamp in bench.steps and earlier in bench.steps
    ]
    order = list(bench.heard)
    return {
        "overload sent": len(bench.sent),
        "overload published": len(heard),
        "overload out of order": int(order != sorted(order)),
        "overload inference median ms": round(inference, 2),
        "overload age median ms": round(float(np.median(ages)), 2),
        "overload age max ms": round(max(ages), 2),
        "overload age max beyond two median inferences ms": round(max(ages) - 2 * inference, 2),
        "overload age max beyond its two inferences ms": round(max(slack), 2),
    }


def _memory(bench: Bench, process: NodeProcess, rate: float, minutes: float) -> dict[str, float]:
    bench.forget()
    samples: list[tuple[float, float]] = []
    started = time.monotonic()

    def done() -> bool:
        now = time.monotonic() - started
        if not samples or now - samples[-1][0] > 1.0:
            samples.append((now, process.memory() / 1e6))
        return now > 60.0 * minutes

    bench.play(rate, done)
    seconds, sizes = np.array(samples[len(samples) // 5 :]).T  # the first fifth fills caches
    slope = float(np.polyfit(seconds, sizes, 1)[0]) * 60.0 if len(seconds) > 2 else 0.0
    return {
        "memory minutes": minutes,
        "memory first MB": round(float(sizes[0]), 1),
        "memory last MB": round(float(sizes[-1]), 1),
        "memory slope MB per minute": round(slope, 3),
    }


def _print(figures: dict[str, float], notes: dict[str, str], frames: int, minutes: float) -> int:
    beyond = "overload age max beyond its two inferences ms"
    checks = (
        (f"frames lost of {frames} at {figures['rate Hz']:g} Hz", figures["frames lost"], 0, "0"),
        ("median that the node adds, ms", figures["added median ms"], ALLOWED_ADDED, f"< {ALLOWED_ADDED:g}"),
        ("ten times too fast: oldest beyond 2 inferences, ms", figures[beyond], ALLOWED_AGE, f"< {ALLOWED_AGE:g}"),
        (f"memory over {minutes:g} min, MB a minute", figures["memory slope MB per minute"], ALLOWED_SLOPE, "flat"),
        ("exit code", figures["exit code"], 0, "0"),
    )
    rows = [(name, f"{value:g}", asked, "yes" if value <= limit else "NO") for name, value, limit, asked in checks]
    print(f"{notes['prior']} on {notes['engine']} {notes['device']} {notes['precision']}")
    print(markdown_table(("640x512 mono16, two processes", "measured", "asked", "reached"), rows))
    print("\n".join(f"  {name}: {value:g}" for name, value in figures.items()))
    return int(any(row[-1] == "NO" for row in rows))


if __name__ == "__main__":
    run_command(node)
