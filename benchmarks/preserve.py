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

"""Errors of temperatures restored with `tone: preserve`: the camera's TLinear scene against its true kelvin.

python benchmarks/preserve.py
"""

from __future__ import annotations

from itertools import islice

import cv2
import numpy as np
from _common import markdown_table, write_result

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.records import Counts, Options
from infrared_ir_ros.restoration import load_restorer
from infrared_ir_ros.simulation.camera import KELVIN_PER_COUNT, Degrader, film_scene
from infrared_ir_ros.simulation.scene import ThermalScene

PRESETS = ("clean", "sensor_light", "sensor_normal", "sensor_hard")
REQUIRED_BIAS, REQUIRED_RATIO = 0.1, 0.5  # K; noise after over noise before


def preserve(
    *,
    frames: int = 5,
    scenes: int = 6,
    height: int = 512,
    width: int = 640,
    presets: tuple[str, ...] = PRESETS,
    prior_path: str = "",
    engine: str = "auto",
) -> None:
    """Restore degraded TLinear frames with their tone preserved; print bias and noise and write results/preserve.json.

    A degradation may lower the contrast and add path radiance; a frame that keeps the level of its input then cannot
    agree with the scene's true kelvin. So the gain and offset that fit the truth to the *input* best are applied to the
    truth first. `bias` and `noise` are the mean and standard deviation of a frame's difference from that. `fine` is the
    noise without shading, which a preserved tone keeps (minus a Gaussian of a 32nd of the width).
    The plain differences from the true kelvin are given as well (`_true`).

    Parameters
    ----------
    frames
        Frames of each scene, one second apart.
    scenes
        Number of scenes; their seeds count from 0.
    height
        Height of a frame.
    width
        Width of a frame.
    presets
        Degradations.
    prior_path
        Folder of the weights; the shipped ones if empty.
    engine
        Engine of the restorer: auto, onnxruntime, openvino or torch.
    """
    options = Options(tone="preserve", counts=Counts(mapping="tlinear", resolution=KELVIN_PER_COUNT))
    restorer = load_restorer(prior_path=prior_path, engine=engine, options=options)
    figures: dict[str, float] = {}
    for preset in presets:
        rows = []
        for seed in range(scenes):
            shots = film_scene(ThermalScene(seed, height, width), "mono16", 1.0, Degrader(preset, seed))
            for shot in islice(shots, frames):
                restored = restorer.restore(shot.image).image
                rows.append(differences(shot.image, restored, shot.temperature))
        for name in rows[0]:
            figures[f"{preset}.{name}"] = round(float(np.mean([row[name] for row in rows])), 5)
        figures[f"{preset}.bias.worst"] = round(max(abs(row["bias"]) for row in rows), 5)
        if preset != "clean":
            for part in ("noise", "fine"):
                ratios = [row[f"{part}_after"] / row[f"{part}_before"] for row in rows]
                figures[f"{preset}.{part}_ratio"] = round(float(np.mean(ratios)), 4)
    print(render(figures))
    print(write_result("preserve", figures, range(scenes), restorer.description))


def differences(before: np.ndarray, after: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Bias and noise in kelvin of TLinear frames before and after, against (height, width) kelvin."""
    seen, restored = before * KELVIN_PER_COUNT, after * KELVIN_PER_COUNT
    kelvin = truth.astype(np.float64)
    gain, offset = np.polyfit(kelvin.ravel(), seen.ravel(), 1)
    through_camera = gain * kelvin + offset
    noise_before, noise_after = seen - through_camera, restored - through_camera
    return {
        "bias": float(np.mean(noise_after)),
        "noise_before": float(np.std(noise_before)),
        "noise_after": float(np.std(noise_after)),
        "fine_before": float(np.std(_fine(noise_before))),
        "fine_after": float(np.std(_fine(noise_after))),
        "bias_true_before": float(np.mean(seen - kelvin)),
        "bias_true_after": float(np.mean(restored - kelvin)),
        "noise_true_before": float(np.std(seen - kelvin)),
        "noise_true_after": float(np.std(restored - kelvin)),
    }


def _fine(difference: np.ndarray) -> np.ndarray:
    return difference - cv2.GaussianBlur(difference, (0, 0), difference.shape[1] / 32)


def render(figures: dict[str, float]) -> str:
    """The table, in kelvin, and the verdict."""
    presets = list(dict.fromkeys(name.split(".")[0] for name in figures))
    columns = ("bias", "bias.worst", "noise_before", "noise_after", "noise_ratio", "fine_before", "fine_after")
    columns = (*columns, "fine_ratio", "noise_true_before", "noise_true_after")
    rows = [[preset, *(_number(figures.get(f"{preset}.{column}")) for column in columns)] for preset in presets]
    verdicts = [
        f"{preset}: mean bias {abs(figures[f'{preset}.bias']):.3f} K (below {REQUIRED_BIAS}),"
        f" noise times {figures[f'{preset}.noise_ratio']:.2f} (at most {REQUIRED_RATIO})"
        for preset in presets
        if f"{preset}.noise_ratio" in figures
    ]
    return "\n".join([markdown_table(["kelvin", *columns], rows), "", *verdicts])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    run_command(preserve)
