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

"""The estimated timestep compared with the true one, a sweep per image, and fixed ones.

python benchmarks/estimator.py

The sweep shifts the log-SNR of all sub-bands together and restores the frame for each shift; `best of the sweep` is
each image's best shift, chosen by the truth. `best fixed` gives all images of the mix the log-SNR that is best for it:
one number for all sub-bands (a timestep), or the mix's mean of each sub-band, shifted.

A shift of the lowest sub-band also changes brightness and contrast, so the best of thirteen shifts by the truth
may only correct an error of tone. A third measure therefore gives every shift the tone of the estimate's frame.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import torch
from _cases import Case, cases
from _common import interval_text, markdown_table, with_interval, write_result
from tqdm import tqdm

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.engines import Engine, create_engine
from infrared_ir_ros.engines.torch_engine import load_prior
from infrared_ir_ros.evaluation.metrics import fit_tone, psnr
from infrared_ir_ros.evaluation.testsets import SETS, data_folder
from infrared_ir_ros.priors import EmbeddedPrior
from infrared_ir_ros.priors.estimator import snr_targets
from infrared_ir_ros.records import Options
from infrared_ir_ros.restoration import Restorer, Schedule
from infrared_ir_ros.restoration.dead_pixels import replace_dead_pixels
from infrared_ir_ros.restoration.folding import Tasks
from infrared_ir_ros.restoration.weights import find_prior

MIX = ("sensor_light", "sensor_normal", "sensor_hard")
SHIFTS = np.arange(-3, 3.01, 0.5)
LEVELS = np.arange(-3, 7.01, 1.0)  # fixed log-SNR of all sub-bands
WITHIN = 0.2  # dB of the best of the sweep
MEASURES = {
    "psnr": "as they come",
    "psnr_fitted": "after gain and offset",
    "psnr_same_tone": "with the tone of shift 0",
}
NEPER_TO_DB = 10 / np.log(10)


class Steered:
    """An engine with another log-SNR: `shift` is added to each sub-band's, `fixed` replaces them.

    Estimates are cached, since the sweep restores the same frame repeatedly.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.description, self.multiple, self.candidates = engine.description, engine.multiple, engine.candidates
        self.shift, self.fixed = 0.0, None
        self._seen: tuple[np.ndarray, tuple[np.ndarray, ...]] | None = None

    def estimate(self, frame: np.ndarray) -> tuple[np.ndarray, ...]:
        if self._seen is None or not np.array_equal(self._seen[0], frame):
            self._seen = frame.copy(), self._engine.estimate(frame)
        *others, bands, log_snr = self._seen[1]
        bands = bands if self.fixed is None else np.broadcast_to(self.fixed, bands.shape).astype(np.float32)
        return *others, bands + np.float32(self.shift), log_snr

    def restore(self, frame: np.ndarray, *estimate: np.ndarray) -> np.ndarray:
        return self._engine.restore(frame, *estimate)


def estimator(
    *, frames: int = 2, sets: tuple[str, ...] = SETS, prior_path: str = "", engine: str = "onnxruntime", seed: int = 0
) -> int:
    """Measure the estimator on the light/normal/hard mix of the sensor presets; write results/estimator.json.

    Parameters
    ----------
    frames
        Frames of each set and preset.
    sets
        Data sets.
    prior_path
        Folder of the weights; the shipped ones if empty.
    engine
        Engine of the restorer: auto, onnxruntime, openvino or torch.
    seed
        Seed of the degradations.
    """
    files = find_prior("embedded", prior_path)
    steered = Steered(create_engine(Tasks(files).fold(Options().task), engine))
    mix = list(cases(sets, MIX, frames, seed, data_folder()))
    figures = errors(load_prior(files).eval(), mix) | sweeps(steered, mix)
    print(report(figures))
    notes = {f"prior.{key}": value for key, value in steered.description.items()}
    print(f"\n{write_result('estimator', figures, [seed], notes)}")
    return 0


@torch.inference_mode()
def errors(prior: EmbeddedPrior, mix: list[Case]) -> dict[str, float]:
    """The head's errors: mean absolute error, mean error, and the error of the best constant.

    log_snr in nepers (4.34 dB), gain as a factor's logarithm: the rest after the tone head.
    """
    said, true = defaultdict(list), defaultdict(list)
    for case in tqdm(mix, "estimates"):
        frame, clean = (_tensor(image) for image in (replace_dead_pixels(case.degraded.astype(np.float32)), case.clean))
        correction, corrected = prior.correct(frame)
        latent = prior.encode(corrected)
        reading, target = prior.read(latent, corrected, correction), snr_targets(latent, prior.encode(clean))
        for name in ("log_snr", "log_snr_bands", "log_gain", "offset"):
            said[name].append(getattr(reading, name).numpy().ravel())
            true[name].append(getattr(target, name).numpy().ravel())
    figures: dict[str, float] = {}
    for name in said:
        estimate, truth = np.array(said[name]), np.array(true[name])
        constant = np.abs(truth - np.median(truth, axis=0)).mean()
        difference = estimate - truth
        figures |= {f"{name}.error": np.abs(difference).mean(), f"{name}.bias": difference.mean()}
        figures[f"{name}.error_of_a_constant"] = constant
    schedule = Schedule()
    steps = [[schedule.timestep(float(value)) for value in np.ravel(both["log_snr"])] for both in (said, true)]
    figures["timestep.error"] = np.abs(np.subtract(*steps)).mean()
    return {name: round(float(value), 4) for name, value in figures.items()}


def _tensor(image: np.ndarray) -> torch.Tensor:
    """(1, 1, height, width) in 0..1, cut to sides that divide by 32."""
    height, width = (side - side % 32 for side in image.shape)
    return torch.from_numpy(image[:height, :width].astype(np.float32) / np.float32(255))[None, None]


def sweeps(steered: Steered, mix: list[Case]) -> dict[str, float]:
    """Grey PSNR (as they come, after gain and offset) with the estimate, the best of the sweep, and the best fixed."""
    restorer = Restorer(steered, Options(tone="restore"))
    bands = [restorer.restore(case.degraded).estimate.log_snr_bands for case in tqdm(mix, "log-SNR of the mix")]
    mean = np.mean(bands, axis=0)
    tables: dict[str, list[np.ndarray]] = {"shift": [], "level": [], "profile": []}
    for case in tqdm(mix, "sweeps"):
        tables["shift"].append(_row(steered, restorer, case, [(None, shift) for shift in SHIFTS]))
        tables["level"].append(_row(steered, restorer, case, [(level, 0.0) for level in LEVELS]))
        tables["profile"].append(_row(steered, restorer, case, [(mean, shift) for shift in SHIFTS[::2]]))
    shift, level, profile = (
        np.array(tables[name]) for name in ("shift", "level", "profile")
    )  # (cases, settings, MEASURES)
    figures: dict[str, float] = {}
    for index, measure in enumerate(MEASURES):
        estimated, best = shift[:, SHIFTS == 0, index][:, 0], shift[:, :, index].max(1)
        fixed = {
            name: x[:, x[:, :, index].mean(0).argmax(), index] for name, x in (("level", level), ("profile", profile))
        }
        strongest = max(fixed.values(), key=np.mean)
        figures |= with_interval(f"estimated.{measure}", [estimated])
        figures |= with_interval(f"behind_best_of_sweep.{measure}", [best - estimated])
        figures |= with_interval(f"lead_over_best_fixed.{measure}", [estimated - strongest])
        figures |= {f"fixed_{name}.{measure}": x.mean() for name, x in fixed.items()}
        for position, value in enumerate(SHIFTS):
            figures[f"shift_{value:+.1f}.{measure}"] = shift[:, position, index].mean()
    return {name: round(float(value), 4) for name, value in figures.items()}


def _row(steered: Steered, restorer: Restorer, case: Case, settings: list[tuple[object, float]]) -> np.ndarray:
    """MEASURES of the case restored under each setting of the log-SNR (fixed, shift), one row each."""
    rows, estimated = [], restorer.restore(case.degraded).image
    for steered.fixed, steered.shift in settings:
        restorer.reset()
        restored = restorer.restore(case.degraded).image
        versions = restored, fit_tone(restored, case.clean), fit_tone(restored, estimated)
        rows.append([psnr(version, case.clean) for version in versions])
    steered.fixed, steered.shift = None, 0.0
    return np.array(rows)


def report(figures: dict[str, float]) -> str:
    """Tables and verdicts as Markdown text."""
    rows = []
    for name in ("log_snr", "log_snr_bands", "log_gain", "offset"):
        rows.append([name, *(f"{figures[f'{name}.{key}']:.3f}" for key in ("error", "bias", "error_of_a_constant"))])
    parts = ["### what the estimator says, against the truth"]
    parts += [markdown_table(["", "mean absolute error", "mean error", "of the best constant"], rows)]
    decibels = figures["log_snr.error"] * NEPER_TO_DB
    parts += [f"log-SNR is off by {decibels:.2f} dB, the timestep by {figures['timestep.error']:.0f} of 1000."]
    shifts = [f"shift_{value:+.1f}" for value in SHIFTS]
    settings = [*shifts, "fixed_level", "fixed_profile"]
    rows = [[name, *(f"{figures[f'{name}.{measure}']:.2f}" for measure in MEASURES)] for name in settings]
    parts += ["### every image shifted alike, and the best fixed ones; grey PSNR in dB"]
    parts += [markdown_table(["", *MEASURES.values()], rows)]
    asked = [(f"behind_best_of_sweep.{measure}", f"below {WITHIN:.2f}") for measure in MEASURES]
    asked += [(f"lead_over_best_fixed.{measure}", "above 0.00") for measure in MEASURES]
    rows = [[key, limit, interval_text(figures, key)] for key, limit in asked]
    return "\n\n".join([*parts, "### requirements", markdown_table(["", "asked", "measured"], rows)])


if __name__ == "__main__":
    run_command(estimator)
