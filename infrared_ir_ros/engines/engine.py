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

"""The interface of engines, and the choice of one."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from infrared_ir_ros.errors import InfraredError, OptionError, WeightsError, one_line

if TYPE_CHECKING:
    from infrared_ir_ros.restoration.weights import PriorFiles

ENGINES = ("auto", "onnxruntime", "openvino", "torch")
DEVICES = ("auto", "cpu", "cuda", "gpu", "npu")  # gpu and npu: Intel's, through OpenVINO
PRECISIONS = ("auto", "fp32", "fp16", "bf16")
MULTIPLE = 32  # of the embedded prior: its denoiser works at 1/8, 1/16 and 1/32 of the frame
PREFERRED = ("openvino", "onnxruntime", "torch")  # fastest first on a CPU, see benchmarks/speed.py


class Engine(Protocol):
    """Runs the two graphs of a prior on float32 arrays. Frames are (1, 1, height, width).

    multiple: the sides of a frame must be multiples of it. candidates: the timesteps that the prior is evaluated at;
    None: all of the schedule.
    description: prior, weights (first 12 digits of the hash), engine, device, precision.
    """

    multiple: int
    candidates: np.ndarray | None
    description: dict[str, str]

    def estimate(self, frame: np.ndarray) -> tuple[np.ndarray, ...]:
        """gain (1, 1), offset (1, 1), shading (1, 1, 64, 80), columns (1, 1, 1, width), rows (1, 1, height, 1),
        log_snr_bands (1, 64), log_snr (1, 1)."""
        ...

    def restore(self, frame: np.ndarray, *estimate: np.ndarray) -> np.ndarray:
        """The frame with the first six arrays of `estimate` -> restored frame, same shape."""
        ...


def create_engine(files: PriorFiles, engine: str = "auto", device: str = "auto", precision: str = "auto") -> Engine:
    """Load the networks of a prior and check that their output is finite.

    Raises OptionError for an unknown or unavailable engine, device or precision, WeightsError for bad weights.
    """
    return engines_by_task(files, lambda task: files, engine, device, precision)(files.tasks[0])


def engines_by_task(
    files: PriorFiles,
    fold: Callable[[str], PriorFiles],
    engine: str = "auto",
    device: str = "auto",
    precision: str = "auto",
) -> Callable[[str], Engine]:
    """A function task -> engine, which has been checked to give finite output.

    fold: task -> `files` with its weights; the SD-Turbo prior folds them itself, into a base that stays in memory.
    Both raise OptionError for an unknown or unavailable engine, device, precision or task, WeightsError
    for bad weights.
    """
    check_choices(engine, device, precision)
    if files.name == "sd_turbo":
        _check_sd_turbo(engine)
        from infrared_ir_ros.engines.sd_turbo_engine import SdTurboEngines

        make = SdTurboEngines(files, device, precision)
        return lambda task: _checked(lambda: make(task), files, "torch")
    chosen = choose(engine, device)
    return lambda task: _checked(lambda: _load(fold(task), chosen, device, precision), files, chosen)


def _checked(load: Callable[[], Engine], files: PriorFiles, chosen: str) -> Engine:
    """The engine, if it restores a synthetic frame to finite values of the same shape."""
    try:
        loaded = load()
        probe = np.linspace(0.1, 0.9, 64 * 64, dtype=np.float32).reshape(1, 1, 64, 64)
        answers = loaded.estimate(probe)
        answer = loaded.restore(probe, *answers[:6])
    except InfraredError:
        raise
    except Exception as error:  # each engine has its own exception types
        reason = one_line(error)
        raise WeightsError(
            f"{chosen} can't run the graphs in {files.folder}: {reason}. Export the prior again or use another engine"
        ) from error
    if answer.shape != probe.shape or not all(np.isfinite(x).all() for x in (*answers, answer)):
        raise WeightsError(f"the weights in {files.folder} give NaN or a wrong shape on {chosen}: they are damaged")
    return loaded


def _check_sd_turbo(engine: str) -> None:
    if engine not in ("auto", "torch"):
        raise OptionError(f"engine is {engine!r}: the prior sd_turbo runs on torch, use engine: auto")
    missing = [name for name in ("torch", "diffusers") if importlib.util.find_spec(name) is None]
    if missing:
        raise OptionError(f"the prior sd_turbo needs {' and '.join(missing)}: pip install -r requirements/train.txt")


def check_choices(engine: str, device: str, precision: str) -> None:
    """Raises OptionError for an unknown name."""
    for name, value, allowed in (
        ("engine", engine, ENGINES),
        ("device", device, DEVICES),
        ("precision", precision, PRECISIONS),
    ):
        if value not in allowed:
            raise OptionError(f"{name} is {value!r}: use one of {', '.join(allowed)}")


def choose(engine: str, device: str) -> str:
    """The engine to use, also for `auto`. Raises OptionError if none that fits is installed."""
    installed = [name for name in PREFERRED if importlib.util.find_spec(name) is not None]
    if engine == "auto":
        candidates = [name for name in installed if _may_run_on(device, name)]
        if not candidates:
            remedy = "onnxruntime-gpu or torch" if device == "cuda" else "openvino or onnxruntime"
            raise OptionError(f"no engine for device {device!r} is installed: pip install {remedy}")
        return candidates[0]
    if engine not in installed:
        raise OptionError(f"engine is {engine!r}, which is not installed: pip install {engine}, or use engine: auto")
    return engine


def _may_run_on(device: str, engine: str) -> bool:
    """Whether an installed engine supports a device."""
    if device in ("gpu", "npu"):
        return engine == "openvino"
    if device != "cuda" or engine == "torch":
        return True
    if engine == "openvino":
        return False
    from infrared_ir_ros.engines.onnxruntime_engine import has_cuda

    return has_cuda()


def _load(files: PriorFiles, engine: str, device: str, precision: str) -> Engine:
    if engine == "torch":
        from infrared_ir_ros.engines.torch_engine import TorchEngine

        return TorchEngine(files, device, precision)
    from infrared_ir_ros.engines.graph import GraphEngine

    return GraphEngine(files, engine, device, precision)


def described(files: PriorFiles, engine: str, device: str, precision: str) -> dict[str, str]:
    """The `description` of an engine."""
    weights = files.hashes.get("weights.safetensors", "")[:12]
    return {
        "prior": f"{files.name} {files.version}",
        "weights": weights,
        "engine": engine,
        "device": device,
        "precision": precision,
    }
