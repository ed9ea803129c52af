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

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from infrared_ir_ros.errors import WeightsError  # noqa: E402
from infrared_ir_ros.simulation import layout  # noqa: E402
from infrared_ir_ros.training import perceptual  # noqa: E402
from infrared_ir_ros.training.ms_ssim import ms_ssim  # noqa: E402

needs_weights = pytest.mark.skipif(not perceptual.is_installed(), reason="stlpips-pytorch is not installed")


@pytest.fixture(scope="module")
def frames() -> torch.Tensor:
    pictures = [layout(np.random.default_rng(seed), 80, 96) for seed in range(2)]
    return torch.from_numpy(np.stack(pictures)[:, None].astype(np.float32))


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch):  # noqa: ANN201
    """The package's own module; what it imports without need is stood in for where it is missing."""
    models = ModuleType("torchvision.models")
    parts = {
        "torchvision": {"models": models}, "torchvision.models": {}, "IPython": {"embed": None},
        "torchsummary": {"summary": None},
    }  # fmt: skip
    for name, attributes in parts.items():
        module = models if name == "torchvision.models" else ModuleType(name)
        vars(module).update(attributes)
        monkeypatch.setitem(sys.modules, name, module)
    from stlpips_pytorch import stlpips

    return stlpips.LPIPS(net="alex", variant="shift_tolerant", verbose=False)


@pytest.mark.parametrize(("side", "defined"), [(48, False), (161, False), (175, False), (176, True)])
def test_ms_ssim_is_a_number_where_five_scales_fit_and_nan_elsewhere(side: int, defined: bool) -> None:
    pytest.importorskip("torchmetrics")
    frame = 255 * layout(np.random.default_rng(0), side, 200)
    noisy = frame + np.random.default_rng(1).normal(0, 20, frame.shape)
    assert ms_ssim(frame, frame) == pytest.approx(1 if defined else np.nan, nan_ok=True)
    assert (0.3 < ms_ssim(noisy, frame) < 0.99) == defined


@needs_weights
def test_it_is_the_published_computation(published: torch.nn.Module, frames: torch.Tensor) -> None:
    noisy = (frames + 0.1 * torch.randn(frames.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    with torch.no_grad():
        expected = published(noisy.expand(-1, 3, -1, -1), frames.expand(-1, 3, -1, -1), normalize=True).flatten()
    torch.testing.assert_close(perceptual.st_lpips()(noisy, frames), expected, atol=1e-5, rtol=1e-4)


@needs_weights
def test_equal_frames_are_at_zero_and_more_noise_is_further(frames: torch.Tensor) -> None:
    metric, noise = perceptual.st_lpips(), torch.randn(frames.shape, generator=torch.Generator().manual_seed(1))
    none, little, much = (metric((frames + s * noise).clamp(0, 1), frames).mean() for s in (0.0, 0.05, 0.2))
    assert none == 0 and 0 < little < much


@needs_weights
def test_as_a_loss_it_moves_the_frame_and_nothing_else(frames: torch.Tensor) -> None:
    metric = perceptual.st_lpips()
    restored = (frames + 0.1 * torch.sin(torch.arange(96.0))).requires_grad_()
    metric(restored, frames).mean().backward()
    assert restored.grad.isfinite().all() and restored.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in metric.parameters())


@needs_weights
def test_the_metric_takes_grey_levels_and_halves_large_frames(frames: torch.Tensor) -> None:
    small = 255 * frames[0, 0].numpy()
    large = np.kron(small, np.ones((4, 4), np.float32))
    noise = np.random.default_rng(0).normal(0, 40, small.shape)
    whole = np.kron(noise, np.ones((4, 4), np.float32))
    metric = perceptual.StLpips()
    first, second = metric.distance(large + whole, large), metric.distance(small, small)
    again = perceptual.StLpips().distance(large + whole, large)  # with no clean frame remembered
    assert first == again > 0.01 and second == 0


@needs_weights
@pytest.mark.parametrize("shape", [(16, 16), (64, 1024), (20, 320), (1024, 40)])
def test_where_too_little_is_left_there_is_no_figure(shape: tuple[int, int]) -> None:
    metric, clean = perceptual.st_lpips(), np.random.default_rng(0).uniform(0, 255, shape)
    for _ in range(2):
        assert np.isnan(metric.distance(clean + 9, clean))
    least = np.random.default_rng(0).uniform(0, 255, (perceptual.SMALLEST, 320))
    assert metric.distance(least + 9, least) > 0


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perceptual, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="pip install stlpips-pytorch"):
        perceptual.StLpips()
