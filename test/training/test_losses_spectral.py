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

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pywt = pytest.importorskip("pywt")

from infrared_ir_ros.errors import OptionError  # noqa: E402
from infrared_ir_ros.training import spectral  # noqa: E402
from infrared_ir_ros.training.spectral import SpectralLoss  # noqa: E402


def frames(height: int = 46, width: int = 61, seed: int = 0) -> torch.Tensor:
    noise = np.random.default_rng(seed).normal(0, 1, (2, 1, height, width))
    return torch.from_numpy(np.cumsum(np.cumsum(noise, 2), 3) / 20).float()


@pytest.mark.parametrize("wavelet", ["haar", "db2", "sym4", "bior2.2"])
def test_energies_are_those_of_pywavelets(wavelet: str) -> None:
    batch = frames()
    found = spectral.energies(batch, spectral.analysis_filters(wavelet), 3)
    for frame, energies in zip(batch[:, 0].double().numpy(), found, strict=True):
        _, *details = pywt.wavedec2(frame, wavelet, mode="symmetric", level=3)
        expected = [[float((band**2).sum()) for band in bands] for bands in reversed(details)]
        np.testing.assert_allclose(energies.numpy(), expected, rtol=1e-4)


def test_haar_details_are_those_of_pywavelets() -> None:
    batch = frames(32, 48)
    approximation, details = spectral.wavelet_step(batch, spectral.analysis_filters("haar"))
    low, bands = pywt.dwt2(batch[0, 0].numpy(), "haar", mode="symmetric")
    np.testing.assert_allclose(approximation[0, 0].numpy(), low, atol=1e-5)
    np.testing.assert_allclose(details[0, 0].numpy(), np.stack(bands), atol=1e-5)


@pytest.mark.parametrize("kind", spectral.KINDS)
def test_equal_frames_cost_nothing_and_others_something(kind: str) -> None:
    loss = SpectralLoss(kind)
    assert loss(frames(), frames()) == 0
    assert loss(frames(), frames(seed=1)) > 0


def test_proportion_is_blind_to_tone_and_detail_is_not() -> None:
    clean = frames()
    toned = 0.4 * clean + 0.2
    assert SpectralLoss("proportion")(toned, clean) < 1e-5
    assert SpectralLoss("detail")(toned, clean) > 1e-3


def test_proportion_sees_stripes_that_share_the_energy_anew() -> None:
    clean = frames()
    stripes = torch.randn(1, 1, 1, 61, generator=torch.Generator().manual_seed(0))
    loss = SpectralLoss("proportion", "db2", 2)
    assert loss(clean + 0.5 * stripes, clean) > 2 * loss(clean + 0.1 * stripes, clean) > 0


@pytest.mark.parametrize("kind", spectral.KINDS)
@pytest.mark.parametrize("flat", [False, True])
def test_gradients_are_finite_even_for_a_flat_frame(kind: str, flat: bool) -> None:
    restored = torch.zeros(1, 1, 32, 32) if flat else frames(32, 32)[:1]
    restored = restored.clone().requires_grad_()
    SpectralLoss(kind, scales=2)(restored, frames(32, 32, 1)[:1]).backward()
    assert restored.grad.isfinite().all()
    assert flat or restored.grad.abs().sum() > 0


def test_a_step_along_the_gradient_lowers_the_loss() -> None:
    restored, clean = frames(32, 32)[:1].clone().requires_grad_(), frames(32, 32, 1)[:1]
    loss = SpectralLoss("proportion", scales=2)
    before = loss(restored, clean)
    before.backward()
    step = restored.grad / restored.grad.norm()
    assert loss(restored.detach() - 0.05 * step, clean) < before


def test_unknown_kinds_wavelets_and_too_many_scales_are_refused() -> None:
    with pytest.raises(OptionError, match="spectral is 'energy': use one of proportion, detail"):
        SpectralLoss("energy")
    with pytest.raises(OptionError, match="wavelet is 'gauss'"):
        SpectralLoss(wavelet="gauss")
    with pytest.raises(OptionError, match="use fewer scales"):
        SpectralLoss(wavelet="db4")(frames(6, 6), frames(6, 6))


@pytest.mark.parametrize("kind", spectral.KINDS)
def test_it_is_computed_in_fp32_beside_a_network_in_bf16(kind: str) -> None:
    clean, restored = frames() / 40, frames(seed=1) / 40
    with torch.autocast("cpu", torch.bfloat16):
        loss = SpectralLoss(kind)(restored, clean)
    torch.testing.assert_close(loss, SpectralLoss(kind)(restored, clean), rtol=1e-6, atol=0)
