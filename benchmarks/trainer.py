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

"""The cost of a trainer for the node: two processes on the same cores, with and without the pause rule.

python benchmarks/trainer.py

The camera's rate is one that the node alone sustains. At the end the node is switched to another bank and its task, as
the trainer does, while frames keep coming.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import numpy as np
from _common import markdown_table, write_result
from diagnostic_msgs.msg import DiagnosticArray
from node import Bench, NodeProcess, Peer, free_domain, make_image, stamp_ns
from std_srvs.srv import Trigger

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.media import write_image
from infrared_ir_ros.restoration.folding import ADAPTERS, WEIGHTS
from infrared_ir_ros.restoration.prompts import PROMPT, PromptBank
from infrared_ir_ros.restoration.weights import find_prior
from infrared_ir_ros.simulation.camera import Degrader, film_scene
from infrared_ir_ros.simulation.scene import ThermalScene

PHASES = ("alone", "without the rule", "with the rule")
TASK = "mine"


def trainer(
    *, height: int = 512, width: int = 640, frames: int = 200, part: float = 0.5, limit: float = 1.5, nice: int = 10,
    seed: int = 0,
) -> int:  # fmt: skip
    """Measure lost frames and p95 latency; write results/trainer.json. Ends with 1 if a frame is lost or mixed at the
    switch.

    Parameters
    ----------
    height
        Height of the frames.
    width
        Width of the frames.
    frames
        Frames sent in each phase.
    part
        Share of the rate that the node alone sustains.
    limit
        Multiple of the p95 latency without training beyond which the trainer pauses.
    nice
        Niceness of the trainer.
    seed
        Seed of scene, sensor and training.
    """
    scene = ThermalScene(seed, height, width)
    shots = list(islice(film_scene(scene, "mono8", 30.0, Degrader("sensor_normal", seed)), 12))
    domain, figures = free_domain(), {}
    with tempfile.TemporaryDirectory() as room, NodeProcess(domain, {"engine": "auto"}) as node, Peer(domain) as peer:
        for number, shot in enumerate(shots):
            write_image(Path(room, "in", f"{number:02d}.png"), shot.clean)
        bench = Bench(peer, [make_image(shot.image, "mono8") for shot in shots])
        bench.play_for(1.0, 5.0)
        rate = min(30.0, part * 1000.0 / bench.restorer_ms())
        figures["rate Hz"] = round(rate, 2)
        learn = {"sources": f"{room}/in", "degradation": "sensor_normal", "minutes": 1000.0, "optimise": "operators"}
        learn |= {"nice": nice}
        figures |= _phase(bench, PHASES[0], rate, frames)
        for phase in PHASES[1:]:
            print(f"{rate:.2f} Hz, {phase}", file=sys.stderr)
            allowed = limit * figures[f"{PHASES[0]}.p95 ms"] if phase == PHASES[2] else 0.0
            asked = learn | {"output": f"{room}/{phase.replace(' ', '_')}", "latency_limit_ms": float(allowed)}
            with NodeProcess(domain, asked, module="infrared_ir_ros.ros.trainer_node") as process:
                steps = _start(peer)
                figures |= _phase(bench, phase, rate, frames)
                figures[f"{phase}.steps"] = steps()
                figures[f"{phase}.exit code"] = process.stop()
        print(f"{rate:.2f} Hz, the switch", file=sys.stderr)
        figures |= _switch(bench, rate, write_bank(Path(room), seed))
        notes = {key: peer.values("restorer").get(key, "") for key in ("prior", "weights", "engine", "precision")}
        figures["exit code"] = node.stop()
    write_result(
        "trainer", figures, seeds=[seed], notes=notes | {"frames": f"{width}x{height} mono8", "nice": str(nice)}
    )
    print(_table(figures))
    return int(bool(figures["switch.lost"] or figures["switch.mixed"]))


def _start(peer: Peer):  # noqa: ANN202 - a function that gives the steps so far
    """Start the training, and wait until it computes."""
    losses = peer.collect(DiagnosticArray, "trainer_node/losses")
    peer.call(Trigger, "/trainer_node/start")
    peer.wait(lambda: losses, "the first report of the trainer", 600.0)

    def steps() -> float:
        return float({value.key: value.value for value in losses[-1].status[0].values}["step"])

    return steps


def _phase(bench: Bench, name: str, rate: float, frames: int) -> dict[str, float]:
    bench.forget()
    bench.play(rate, lambda: len(bench.sent) >= frames)
    heard = [stamp for stamp in bench.sent if stamp in bench.heard]
    latency = [1000.0 * (bench.heard[stamp] - bench.sent[stamp]) for stamp in heard]
    figures = {"frames": len(bench.sent), "lost": len(bench.sent) - len(heard), "median ms": np.median(latency)}
    figures |= {"p95 ms": np.percentile(latency, 95)}
    return {f"{name}.{key}": round(float(value), 2) for key, value in figures.items()}


def write_bank(folder: Path, seed: int) -> Path:
    """A bank with another task; a training may find nothing better, and then saves none."""
    hashes = find_prior("embedded").hashes
    prompt = np.random.default_rng(seed).normal(1, 1, PROMPT).astype(np.float32)
    bank = PromptBank(hashes[WEIGHTS], hashes[ADAPTERS]).with_prompt(TASK, prompt)
    (folder / "bank.safetensors").write_bytes(bank.to_bytes())
    return folder / "bank.safetensors"


def _switch(bench: Bench, rate: float, bank: Path) -> dict[str, float]:
    """Set both parameters while frames keep coming; counts those lost, or restored for the old task after the new."""
    tasks: dict[int, str] = {}
    asked: list[bool] = []

    def hear(message: DiagnosticArray) -> None:
        tasks[stamp_ns(message)] = message.status[0].message.removeprefix("restored for ")

    def done() -> bool:
        if len(tasks) >= 10 and not asked:
            asked.append(bench.peer.set_together(prompts=str(bank), task=TASK).successful)
        return list(tasks.values()).count(TASK) >= 10

    bench.peer.node.create_subscription(DiagnosticArray, "timing", hear, 10)
    bench.forget()
    bench.play(rate, done)
    order = [tasks[stamp] for stamp in sorted(tasks)]
    lost = len(bench.sent) - len([stamp for stamp in bench.sent if stamp in bench.heard])
    late = len([task for task in order[order.index(TASK) :] if task != TASK])
    return {"switch.frames": len(bench.sent), "switch.lost": lost, "switch.mixed": late}


def _table(figures: Mapping[str, float]) -> str:
    rows = []
    for phase in PHASES:
        cells = [f"{figures[f'{phase}.{key}']:g}" for key in ("frames", "lost", "median ms", "p95 ms")]
        rows.append([phase, *cells, f"{figures.get(f'{phase}.steps', 0):g}"])
    table = markdown_table(["trainer", "frames", "lost", "median, ms", "p95, ms", "its steps"], rows)
    switch = [f"{key.removeprefix('switch.')} {value:g}" for key, value in figures.items() if key.startswith("switch")]
    return f"{table}\n\n{figures['rate Hz']:g} Hz. The switch: {', '.join(switch)}."


if __name__ == "__main__":
    run_command(trainer)
