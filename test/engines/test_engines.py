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

"""Every engine computes what the torch module computes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from infrared_ir_ros.engines import create_engine
from infrared_ir_ros.engines.engine import choose
from infrared_ir_ros.engines.graph import load_graph
from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.restoration.weights import SHIPPED, find_prior

torch = pytest.importorskip("torch")

ENGINES_COME_AND_GO = f"""
import os, signal
from infrared_ir_ros.engines import create_engine
from infrared_ir_ros.restoration.weights import find_prior

old, new = (create_engine(find_prior("embedded"), "openvino") for _ in range(2))
del old
del new
signal.signal({signal.SIGINT:d}, lambda *_: print("handled"))
os.kill(os.getpid(), {signal.SIGINT:d})
"""
A_START = """
import sys
from infrared_ir_ros.engines import create_engine
from infrared_ir_ros.restoration.weights import find_prior

create_engine(find_prior("embedded"), "openvino")
print("telemetry" if "openvino_telemetry" in sys.modules else "quiet")
"""
SIZES = [(128, 160), (480, 640), (512, 640), (256, 320), (1024, 1280), (96, 32)]


@pytest.fixture(scope="module")
def reference():  # noqa: ANN201
    return create_engine(find_prior("embedded"), "torch")


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_graphs_agree_with_torch_at_every_size(reference, name: str) -> None:  # noqa: ANN001
    pytest.importorskip(name)
    engine = create_engine(find_prior("embedded"), name, precision="fp32")
    for height, width in SIZES:
        rng = np.random.default_rng(height)
        ramp = np.linspace(0.2, 0.7, width, dtype=np.float32)[None] + 0.1 * rng.random((height, 1), np.float32)
        frame = (ramp + 0.05 * rng.standard_normal((height, width), np.float32))[None, None]
        expected = reference.estimate(frame)
        for ours, theirs in zip(engine.estimate(frame), expected, strict=True):
            assert ours.shape == theirs.shape
            np.testing.assert_allclose(ours, theirs, atol=1e-3, rtol=1e-3)
        np.testing.assert_allclose(
            engine.restore(frame, *expected[:6]), reference.restore(frame, *expected[:6]), atol=1e-3
        )


def test_signals_are_handled_after_engines_came_and_went() -> None:
    pytest.importorskip("openvino")
    ended = subprocess.run([sys.executable, "-c", ENGINES_COME_AND_GO], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout.strip()) == (0, "handled")


@pytest.mark.parametrize(("build", "taken"), [("CPU", "torch"), ("CUDA", "onnxruntime")])
def test_cuda_is_left_to_an_engine_that_was_built_for_it(
    monkeypatch: pytest.MonkeyPatch, build: str, taken: str
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [f"{build}ExecutionProvider"])
    assert choose("auto", "cuda") == taken
    assert choose("onnxruntime", "cuda") == "onnxruntime", "who names an engine is told by it"


def test_a_gpu_that_onnxruntime_cannot_start_is_told_and_auto_says_that_it_is_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As with onnxruntime-gpu and without its CUDA libraries: it falls back to the CPU by itself."""
    onnxruntime = pytest.importorskip("onnxruntime")
    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: both)
    session = onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda data, options, providers: session(data, options))
    data = (SHIPPED / "embedded/restore.onnx").read_bytes()
    with pytest.raises(OptionError, match="device is 'cuda', but onnxruntime could not start it and runs on the cpu"):
        load_graph(data, "onnxruntime", "cuda", "auto")
    assert load_graph(data, "onnxruntime", "auto", "auto").device == "cpu"


def test_without_an_engine_for_cuda_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(OptionError, match="graphs on device 'cuda' is installed: pip install onnxruntime-gpu, or"):
        load_graph(b"", device="cuda")
    monkeypatch.setattr("infrared_ir_ros.engines.engine.PREFERRED", ("openvino", "onnxruntime"))
    with pytest.raises(OptionError, match="'cuda' is installed: pip install onnxruntime-gpu or torch"):
        choose("auto", "cuda")


@pytest.mark.parametrize(("able", "precision"), [(True, "bf16"), (False, "fp32")])
def test_auto_is_bf16_where_the_processor_computes_in_it(
    able: bool, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setattr("infrared_ir_ros.engines.openvino_engine.computes_in_bf16", lambda: able)
    assert create_engine(find_prior("embedded"), "openvino").description["precision"] == precision


def test_tone_shading_and_log_snr_stay_exact_in_bf16() -> None:
    """They would cost 0.3 dB; the denoiser alone costs 0.06 (benchmarks/speed.py)."""
    pytest.importorskip("openvino")
    frame = np.random.default_rng(0).random((1, 1, 64, 96), np.float32)
    exact, fast = (create_engine(find_prior("embedded"), "openvino", precision=name) for name in ("fp32", "bf16"))
    estimates = exact.estimate(frame), fast.estimate(frame)
    for one, other in zip(*estimates, strict=True):
        np.testing.assert_array_equal(one, other)
    restored = exact.restore(frame, *estimates[0][:6]), fast.restore(frame, *estimates[0][:6])
    assert np.abs(restored[0] - restored[1]).max() < 0.02  # of 0..1


def test_files_that_ship_are_small() -> None:
    files = [path for path in (SHIPPED / "embedded").iterdir() if path.suffix in (".onnx", ".safetensors")]
    assert len(files) == 5
    assert all(path.stat().st_size <= 20_000_000 for path in files)


def test_openvino_tells_nobody_that_it_was_started(tmp_path: Path) -> None:
    """Its import sent an event to Google Analytics, and left an identity in the user's home."""
    pytest.importorskip("openvino")
    environment = os.environ | {"HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", A_START], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["quiet"] and not os.listdir(tmp_path)
