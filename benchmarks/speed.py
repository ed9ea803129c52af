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

"""Time and quality per frame for each engine and precision: python benchmarks/speed.py

int8 is measured only: the convolutions of the denoiser, quantised after training, in a temporary folder (_int8.py).
Each measurement runs in its own process; its peak memory includes Python, engine, weights and frames.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import cyclopts
import numpy as np
from _common import FOLDER, machine, markdown_table, write_result

from infrared_ir_ros.evaluation.metrics import psnr
from infrared_ir_ros.media import write_atomically

SIZES = ((120, 160), (256, 320), (512, 640), (1024, 1280))
PRESETS = ("hm_tir_normal", "hm_tir_hard", "sensor_light", "sensor_normal", "sensor_hard")
WAYS = (
    ("onnxruntime", "fp32"), ("onnxruntime", "int8"), ("openvino", "fp32"), ("openvino", "bf16"), ("openvino", "int8"),
    ("torch", "fp32"), ("torch", "bf16"),
)  # fmt: skip
REFERENCE = WAYS[0]
SCENES = 4  # procedural frames per preset, of QUALITY_SIZE
QUALITY_SIZE = (512, 640)
HEADER = ("", "PSNR", "against truth, worst preset", "may ship")
PAGE = FOLDER.parent / "docs" / "speed.md"
INTRODUCTION = """# What a frame costs

By `python benchmarks/speed.py`: median (95th percentile) of milliseconds from counts to counts, and megabytes of the
whole process at its peak. PSNR: dB of the worst frame against ONNX Runtime in fp32. Against truth: what the precision
adds to the PSNR of its worst preset, on procedural frames. int8 is measured, not shipped. OpenVINO
answers in fp32 where the processor has no bf16, as the PSNR then shows.
"""
LONGEST = 60.0  # seconds that one measurement takes, roughly
SHIPPABLE = 0.1  # dB that a precision may lose on its worst preset

app = cyclopts.App(help_format="plaintext")


@app.default
def speed(*, quick: bool = False, repeats: int = 20) -> None:
    """Print the table; write it into docs/speed.md, and results/speed.json (both not with --quick).

    Parameters
    ----------
    quick
        Only a check: two small sizes, one thread, one preset, 3 frames.
    repeats
        Timed frames per engine, precision, size and number of threads, after three that are not timed.
    """
    sizes, presets, scenes = (SIZES[:2], PRESETS[:1], 1) if quick else (SIZES, PRESETS, SCENES)
    threads, repeats = ((1,), 3) if quick else ((1, 2), repeats)
    figures: dict[str, float] = {}
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        _child("quantise", room / "int8")
        for way in filter(_runs_here, WAYS):
            words = (*way, room / "int8")
            _child("answers", *words, room / _file(way), ",".join(presets), scenes)
            quality = _quality(way, room, presets, scenes)
            for count in threads:
                costs = [_child("cost", *words, count, repeats, *size) for size in sizes]
                name = f"{' '.join(way)} {count} threads"
                figures |= {
                    f"{name} {width}x{height} {unit}": value
                    for (height, width), cost in zip(sizes, costs, strict=True)
                    for unit, value in cost.items()
                }
                rows.append((name, *map(_cell, costs), *_quality_cells(quality)))
                print(name, *map(_cell, costs), sep="  ", flush=True)
            figures |= {f"{' '.join(way)} {key}": value for key, value in quality.items()}
    table = markdown_table((*HEADER[:1], *(f"{width}x{height}" for height, width in sizes), *HEADER[1:]), rows)
    print(table)
    if not quick:
        write_result("speed", figures, seeds=range(scenes))
        write_atomically(PAGE, f"{INTRODUCTION}\n{machine()}\n\n{table}\n".encode())


def _runs_here(way: tuple[str, str]) -> bool:
    """Without bf16 in the processor, torch emulates it for minutes, and OpenVINO computes in fp32."""
    if importlib.util.find_spec(way[0]) is None:
        return False
    return way != ("torch", "bf16") or "bf16" in Path("/proc/cpuinfo").read_text()


def _child(task: str, *words: object) -> dict[str, float]:
    """Run one of the tasks below in a new process; its last printed line is the answer."""
    command = [sys.executable, __file__, task, *map(str, words)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _file(way: tuple[str, str]) -> str:
    return f"{'_'.join(way)}.npz"


def _quality(way: tuple[str, str], room: Path, presets: tuple[str, ...], scenes: int) -> dict[str, float]:
    """PSNR against the reference's answers (lowest of all frames), and the change of PSNR to the truth by preset."""
    answers, reference = np.load(room / _file(way)), np.load(room / _file(REFERENCE))
    numbers = [(preset, scene) for preset in presets for scene in range(scenes)]
    same = [psnr(answers[f"{preset} {scene}"], reference[f"{preset} {scene}"]) for preset, scene in numbers]
    figures = {"PSNR against fp32": round(min(min(same), 150.0), 2)}
    for preset in presets:
        moved = [
            psnr(answers[f"{preset} {scene}"], reference[f"truth {scene}"])
            - psnr(reference[f"{preset} {scene}"], reference[f"truth {scene}"])
            for scene in range(scenes)
        ]
        figures[f"{preset} dB"] = round(float(np.mean(moved)), 3)
    return figures


def _quality_cells(quality: dict[str, float]) -> tuple[str, str, str]:
    worst = min((value, name) for name, value in quality.items() if name.endswith(" dB"))
    moved = f"{worst[0]:+.2f} ({worst[1].removesuffix(' dB')})"
    return f"{quality['PSNR against fp32']:.1f}", moved, "yes" if worst[0] >= -SHIPPABLE else "NO"


def _cell(cost: dict[str, float]) -> str:
    return f"{cost['ms']:.1f} ({cost['p95 ms']:.1f}), {cost['MB']:.0f}"


@app.command
def quantise(folder: Path) -> None:
    """A task: write the int8 prior into `folder`."""
    from _int8 import write_int8

    write_int8(folder)
    print("{}")


@app.command
def answers(engine: str, precision: str, int8: Path, file: Path, presets: str, scenes: int) -> None:
    """A task: restore the degraded procedural frames; write the results and the truth into `file`."""
    from infrared_ir_ros.records import Counts, Options
    from infrared_ir_ros.simulation import degrade, layout, stretch

    restorer = _restorer(engine, precision, int8)
    restorer.options = Options(counts=Counts("fixed", 0.0, 255.0))  # float32 in and out: nothing is rounded
    frames: dict[str, np.ndarray] = {}
    for scene in range(scenes):
        frames[f"truth {scene}"] = stretch(layout(np.random.default_rng(scene), *QUALITY_SIZE))
        for preset in presets.split(","):
            bad = degrade(frames[f"truth {scene}"], preset, np.random.default_rng(scene))
            frames[f"{preset} {scene}"] = restorer.restore(bad).image
            restorer.reset()
    np.savez(file, **frames)
    print("{}")


@app.command
def cost(engine: str, precision: str, int8: Path, threads: int, repeats: int, height: int, width: int) -> None:
    """A task: time `repeats` frames of 16 bit from counts to counts on `threads` threads; print ms and MB."""
    import resource

    _limit(threads)
    from infrared_ir_ros.simulation import layout

    restorer = _restorer(engine, precision, int8)
    frame = (28000 + 3000 * layout(np.random.default_rng(0), height, width)).astype(np.uint16)
    times: list[float] = []
    while len(times) < 3 or (len(times) < repeats + 3 and sum(times) < 1000 * LONGEST):
        times.append(sum(restorer.restore(frame).milliseconds.values()))
    median, high = np.percentile(times[3:] or times[-1:], (50, 95))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"ms": round(float(median), 2), "p95 ms": round(float(high), 2), "MB": round(peak, 1)}))


def _limit(threads: int) -> None:
    """Limit this process to `threads` cores and threads: ONNX Runtime ignores the limit of cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import cv2

    cv2.setNumThreads(threads)
    if importlib.util.find_spec("onnxruntime"):
        import onnxruntime

        options = onnxruntime.SessionOptions

        def limited() -> onnxruntime.SessionOptions:
            made = options()
            made.intra_op_num_threads = threads
            return made

        onnxruntime.SessionOptions = limited


def _restorer(engine: str, precision: str, int8: Path):  # noqa: ANN202 - a Restorer, imported late
    from infrared_ir_ros.restoration import load_restorer

    if precision == "int8":  # the graph defines its int8 layers
        return load_restorer(prior_path=str(int8), engine=engine, precision="fp32")
    return load_restorer(engine=engine, precision=precision)


if __name__ == "__main__":
    app()
