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

"""How well frames are restored: ours, v = 0, rivals and the classical chains on clean frames of nine data sets.

python benchmarks/restoration.py                 the whole table
python benchmarks/restoration.py --render-only   the tables of the last run again

Classical chains take longest; their results are cached, and --classical-only computes them beforehand. Rivals that
benchmarks/rivals.py has trained are included.
"""

from __future__ import annotations

import os
from collections import defaultdict
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from _cases import Case, cases, perceptual_distance, score_classical, to_levels
from _common import read_result, write_result
from _figures import ALL_VARIANTS, DEGRADED, DESIGN_VARIANTS, Figures, best_variant, summarise
from _report import render
from _requirements import FIRST_LEADS
from _rivals import load_rivals
from tqdm import tqdm

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.engines.torch_engine import TorchEngine
from infrared_ir_ros.evaluation import Score, classical, score
from infrared_ir_ros.evaluation.testsets import SETS, data_folder
from infrared_ir_ros.media import write_image
from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import Restorer, load_restorer
from infrared_ir_ros.restoration.weights import find_prior

ScoreTable = dict[tuple[str, str], dict[str, list[Score]]]


def restoration(
    *,
    frames: int = 8,
    denoiser_frames: int = 1,
    perceptual_frames: int = 2,
    presets: tuple[str, ...] = DEGRADED,
    sets: tuple[str, ...] = SETS,
    prior_path: str = "",
    engine: str = "onnxruntime",
    classical_only: bool = False,
    workers: int = 0,
    seed: int = 0,
    pictures: Path | None = None,
    name: str = "restoration",
    render_only: bool = False,
) -> None:
    """Restore degraded frames of known truth by every method; print the tables and write results/NAME.json.

    Parameters
    ----------
    frames
        Frames of each set and preset.
    denoiser_frames
        Frames of each set and main preset for non-local means and, if installed, BM3D.
    perceptual_frames
        Frames of each set and preset for ST-LPIPS, if its weights are installed.
    presets
        Degradations.
    sets
        Data sets.
    prior_path
        Folder of the weights; the shipped ones if empty.
    engine
        Engine of the restorer: auto, onnxruntime, openvino or torch; openvino compiles for every frame size.
    classical_only
        Only fill the cache of classical results; writes no result.
    workers
        Processes for the classical chains; 0: one per core.
    seed
        Seed of all degradations.
    pictures
        Folder for strips of input, section 7, best chain, ours and clean: one frame of each set and preset.
    name
        Name of the result file.
    render_only
        Print the tables of results/NAME.json and stop.
    """
    if render_only:
        print(render(read_result(name)))
        return
    everything = list(cases(sets, (*presets, "clean"), frames, seed, data_folder(), perceptual_frames))
    todo = [case for case in everything if case.preset != "clean"]
    scores: ScoreTable = defaultdict(lambda: defaultdict(list))
    with ProcessPoolExecutor(workers or os.cpu_count(), get_context("spawn")) as pool:  # a fork deadlocks in OpenCV
        running = [pool.submit(score_classical, case) for case in todo]
        methods = None if classical_only else Methods(prior_path, engine)
        for case in tqdm(everything if methods else [], "ours", disable=methods is None):
            _append(scores, case, methods(case))
        for case, future in zip(tqdm(todo, "classical"), running, strict=True):
            _append(scores, case, future.result())
        figures = summarise(scores)
        figures |= _compare_denoisers(pool, todo, scores, figures, denoiser_frames)
    print(render(figures))
    if methods:
        print(f"\n{write_result(name, figures, [seed], methods.description)}")
        if pictures:
            _write_pictures(pictures, todo, figures, methods)


class Methods:
    """The methods compared with the classical chains: v = 0 (estimates only, no network), trained rivals, and ours."""

    def __init__(self, prior_path: str, engine: str) -> None:
        self.ours = load_restorer(prior_path=prior_path, engine=engine, options=Options(tone="restore"))
        self._v0 = Restorer(
            TorchEngine(find_prior("embedded", prior_path), "cpu", "fp32", wiener=True), Options(tone="restore")
        )
        self._rivals = load_rivals()
        self.description = {f"prior.{key}": value for key, value in self.ours.description.items()}
        self.description |= {f"rival.{name}": rival.description for name, rival in self._rivals.items()}

    def __call__(self, case: Case) -> dict[str, Score]:
        """Scores by method."""
        results = {"ours": self.ours.restore(case.degraded).image}
        if case.preset == "clean":
            self.ours.options = Options(tone="preserve")
            results["preserved"] = self.ours.restore(case.degraded).image
            self.ours.options = Options(tone="restore")
        else:
            results["v0"] = self._v0.restore(case.degraded).image
            results |= {name: rival.restore(case.degraded) for name, rival in self._rivals.items()}
        distance = perceptual_distance(case)
        return {method: score(result, case.clean, distance) for method, result in results.items()}


def _append(scores: ScoreTable, case: Case, results: dict[str, Score]) -> None:
    for method, result in results.items():
        scores[case.preset, case.set_name][method].append(result)


def _compare_denoisers(
    pool: ProcessPoolExecutor, todo: list[Case], scores: ScoreTable, figures: Figures, frames: int
) -> Figures:
    """Other denoisers in the best section 7 chain, on the first `frames` of each set and preset.

    Figures PRESET.denoisers.METHOD.MEASURE are means over exactly these frames.
    """
    others = ("nlm", "bm3d") if find_spec("bm3d") else ("nlm",)
    running: list[tuple[str, Score, Future[dict[str, Score]]]] = []
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for case in todo:
        index = counts[case.preset, case.set_name]
        counts[case.preset, case.set_name] += 1
        if index < frames and case.preset in FIRST_LEADS:  # BM3D takes ten seconds or more
            best = best_variant(figures, case.preset, DESIGN_VARIANTS, "psnr_fitted")
            variants = tuple((denoiser, best.split("+")[1]) for denoiser in others)
            entry = scores[case.preset, case.set_name][best][index]
            running.append(
                (case.preset, entry, pool.submit(score_classical, replace(case, perceptual=False), variants))
            )
    found: dict[tuple[str, str], list[Score]] = defaultdict(list)
    for preset, entry, future in tqdm(running, "other denoisers"):
        found[preset, "wavelet"].append(entry)
        for name, other in future.result().items():
            if name != "input":
                found[preset, name.split("+")[0]].append(other)
    return {
        f"{preset}.denoisers.{method}.{measure}": round(float(np.mean([getattr(e, measure) for e in entries])), 4)
        for (preset, method), entries in found.items()
        for measure in ("psnr", "psnr_fitted")
    }


def _write_pictures(folder: Path, todo: list[Case], figures: Figures, methods: Methods) -> None:
    """One labelled strip for each set and preset, its middle frame."""
    groups: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in todo:
        groups[case.preset, case.set_name].append(case)
    for (preset, set_name), group in tqdm(groups.items(), "pictures"):
        case = group[len(group) // 2]
        panels = {"input": case.degraded}
        for label, variants in (("section 7", DESIGN_VARIANTS), ("strongest", ALL_VARIANTS)):
            variant = best_variant(figures, preset, variants, "psnr")
            panels[f"{label}: {variant}"] = to_levels(classical.restore(case.degraded, *variant.split("+")))
        panels["ours"] = methods.ours.restore(case.degraded).image
        strip = [_labelled(image, f"{text} {score(image, case.clean).psnr:.1f} dB") for text, image in panels.items()]
        strip.append(_labelled(to_levels(case.clean), f"clean {set_name} {preset}"))
        write_image(folder / f"{preset}_{set_name}.png", np.hstack(strip))


def _labelled(image: np.ndarray, text: str) -> np.ndarray:
    bar = np.zeros((18, image.shape[1]), np.uint8)
    cv2.putText(bar, text, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255, 1, cv2.LINE_AA)
    return np.vstack([bar, image])


if __name__ == "__main__":
    run_command(restoration)
