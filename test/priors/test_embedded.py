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

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from infrared_ir_ros.priors import Correction, EmbeddedPrior  # noqa: E402
from infrared_ir_ros.priors.estimator import snr_targets  # noqa: E402
from infrared_ir_ros.priors.field import FieldHead  # noqa: E402
from infrared_ir_ros.priors.haar import HaarCodec  # noqa: E402
from infrared_ir_ros.priors.layers import area_thumbnail, quantiles  # noqa: E402


@pytest.fixture(scope="module")
def tiny() -> EmbeddedPrior:
    torch.manual_seed(0)
    return EmbeddedPrior(channels=(16, 16, 16), middle=1, field_channels=(8, 16, 32), field_layers=1).eval()


def test_codec_is_an_exact_orthonormal_inverse() -> None:
    codec, frame = HaarCodec(), torch.rand(2, 1, 64, 96)
    latent = codec.encode(frame)
    assert latent.shape == (2, 64, 8, 12)
    torch.testing.assert_close(codec.decode(latent), frame, atol=1e-5, rtol=0)
    torch.testing.assert_close(latent.square().sum(), frame.square().sum(), rtol=1e-5, atol=0)


def test_lowest_band_is_the_block_mean_and_stripes_stay_in_few_bands() -> None:
    codec = HaarCodec()
    latent = codec.encode(torch.full((1, 1, 16, 16), 0.25))
    torch.testing.assert_close(latent[:, 0], torch.full((1, 2, 2), 8 * 0.25))
    assert latent[:, 1:].abs().max() < 1e-6
    columns = torch.randn(1, 1, 1, 64).expand(1, 1, 64, 64)
    energy = codec.encode(columns).square().mean((0, 2, 3))
    assert int((energy > 1e-8).sum()) == 8  # of 64 bands


@pytest.mark.parametrize("size", [(64, 80), (512, 640), (120, 160), (333, 517), (32, 32)])
def test_thumbnail_averages_areas(size: tuple[int, int]) -> None:
    frame = torch.rand(1, 1, *size, dtype=torch.float64)
    thumbnail = area_thumbnail(frame, 64, 80)
    torch.testing.assert_close(thumbnail.mean(), frame.mean(), atol=1e-9, rtol=0)
    if size == (512, 640):
        torch.testing.assert_close(thumbnail, torch.nn.functional.avg_pool2d(frame, 8), atol=1e-9, rtol=0)


def test_quantiles_are_those_of_numpy() -> None:
    values, fractions = torch.randn(3, 1001), torch.tensor([0.0, 0.1, 0.5, 1.0])
    expected = np.quantile(values.numpy(), fractions.numpy(), axis=1).T
    np.testing.assert_allclose(quantiles(values, fractions).numpy(), expected, atol=1e-6)


def test_untrained_field_head_is_a_percentile_stretch() -> None:
    thumbnail = torch.rand(2, 1, 64, 80) * 0.2 + 0.4
    gain, offset, shading = FieldHead()(thumbnail)
    toned = thumbnail * gain[:, :, None, None] + offset[:, :, None, None] - shading
    ends = np.percentile(toned.detach().numpy(), (0.3, 99.7)) * 255
    np.testing.assert_allclose(ends, (14, 229), atol=2)


def test_untrained_denoiser_is_the_wiener_filter(tiny: EmbeddedPrior) -> None:
    latent, log_snr = torch.randn(2, 64, 8, 8), torch.randn(2, 64)
    torch.testing.assert_close(tiny.denoise(latent, log_snr), tiny.wiener(latent, log_snr))


def test_step_is_exact_when_the_network_knows_the_noise(tiny: EmbeddedPrior) -> None:
    clean, noise, log_snr = torch.randn(2, 64, 8, 8), torch.randn(2, 64, 8, 8), torch.randn(2, 64)
    alpha_bar = torch.sigmoid(log_snr)[:, :, None, None]
    latent = clean + torch.exp(-log_snr / 2)[:, :, None, None] * noise
    velocity = alpha_bar.sqrt() * noise - (1 - alpha_bar).sqrt() * clean
    hook = tiny.denoiser.register_forward_hook(lambda *_: velocity)
    torch.testing.assert_close(tiny.denoise(latent, log_snr), clean, atol=1e-5, rtol=1e-4)
    hook.remove()


def test_residual_tone_is_folded_into_the_correction(tiny: EmbeddedPrior) -> None:
    frame, gain, offset = torch.rand(2, 1, 64, 96), torch.tensor([[1.3], [0.8]]), torch.tensor([[0.1], [-0.2]])
    correction, corrected = tiny.correct(frame)
    expected = corrected * gain[:, :, None, None] + offset[:, :, None, None]
    torch.testing.assert_close(correction.then_tone(gain, offset).apply(frame), expected, atol=1e-5, rtol=0)


def test_estimate_undoes_what_the_log_snr_head_reads(tiny: EmbeddedPrior) -> None:
    frame = torch.rand(1, 1, 64, 96)
    last = tiny.snr.network[-1]
    with torch.no_grad():
        last.bias[-2:] = torch.tensor([0.2, 0.3])
        correction, corrected = tiny.correct(frame)
        latent = tiny.encode(corrected)
        reading = tiny.read(latent, corrected, correction)
        expected = tiny.apply_reading(latent, reading.log_gain, reading.offset)
        folded = tiny.encode(Correction(*tiny.estimate(frame)[:5]).apply(frame))
        last.bias.zero_()
    torch.testing.assert_close(folded, expected, atol=1e-4, rtol=1e-4)


def test_snr_targets_recover_tone_and_noise() -> None:
    torch.manual_seed(0)
    clean = torch.randn(1, 64, 40, 40)
    noise = torch.randn_like(clean) * torch.linspace(0.1, 2, 64)[None, :, None, None]
    latent = 0.7 * (clean + noise)
    latent[:, 0] += 0.3 * 0.7
    target = snr_targets(latent, clean)
    assert target.log_gain.exp().item() == pytest.approx(0.7, rel=0.05)
    assert target.offset.item() == pytest.approx(0.3, abs=0.05)
    expected = -2 * torch.log(torch.linspace(0.1, 2, 64))
    torch.testing.assert_close(target.log_snr_bands[0, 1:], expected[1:], atol=0.2, rtol=0)


def test_column_offsets_are_taken_away(tiny: EmbeddedPrior) -> None:
    torch.manual_seed(0)
    ramp = torch.linspace(0.2, 0.8, 128)[:, None].expand(128, 160)
    stripes = 0.05 * torch.randn(1, 160)
    _, corrected = tiny.correct((ramp + stripes)[None, None].contiguous())
    rough = lambda x: (x.mean(0) - x.mean(0).mean()).diff().std()  # noqa: E731
    assert rough(corrected[0, 0]) < 0.3 * rough(ramp + stripes)
