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

"""The released computation, reproduced on a tiny model, and what our own step, folding and tiling make of it."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from safetensors.torch import load_file  # noqa: E402

from infrared_ir_ros.commands.import_checkpoint import import_checkpoint  # noqa: E402
from infrared_ir_ros.commands.restore_images import restore_images  # noqa: E402
from infrared_ir_ros.commands.restoring import Restoring  # noqa: E402
from infrared_ir_ros.errors import OptionError, WeightsError  # noqa: E402
from infrared_ir_ros.media import read_image, write_image  # noqa: E402
from infrared_ir_ros.priors import sd_import  # noqa: E402
from infrared_ir_ros.priors.released import TASKS  # noqa: E402
from infrared_ir_ros.priors.sd_turbo import SdTurboPrior, released_step  # noqa: E402
from infrared_ir_ros.priors.tiling import OVERLAP, blended, cut, places  # noqa: E402
from infrared_ir_ros.records import Options  # noqa: E402
from infrared_ir_ros.restoration import load_restorer  # noqa: E402
from infrared_ir_ros.restoration.schedule import candidate_timesteps  # noqa: E402
from infrared_ir_ros.restoration.weights import find_prior  # noqa: E402

PARITY = Path(os.environ.get("INFRARED_PARITY", Path(__file__).parents[3] / "shared/parity"))
pytestmark = pytest.mark.skipif(not PARITY.is_dir(), reason="needs the parity data, INFRARED_PARITY")
CLOSE = {"atol": 1e-4, "rtol": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint, imported the way a user does it."""
    output = tmp_path_factory.mktemp("sd") / "imported"
    import_checkpoint(PARITY / "InfraredIR_tiny.pkl", output=output, base=str(PARITY / "tiny_sd"))
    return output


@pytest.fixture(scope="module")
def reference() -> dict[str, torch.Tensor]:
    return load_file(PARITY / "reference.safetensors")


@pytest.fixture(scope="module")
def prior(folder: Path) -> SdTurboPrior:
    return sd_import.load_prior(find_prior("sd_turbo", str(folder)), torch.float32)


@pytest.fixture(scope="module")
def frame(reference: dict[str, torch.Tensor]) -> torch.Tensor:
    """The reference's frame, padded to 128 x 128."""
    height, width = reference["frame"].shape
    padded = np.pad(reference["frame"].numpy(), ((0, 128 - height), (0, 128 - width)), mode="reflect")
    return torch.from_numpy(padded)[None, None]


@torch.no_grad()
@pytest.mark.parametrize("task", TASKS)
def test_the_released_computation_is_reproduced(
    task: str, prior: SdTurboPrior, reference: dict[str, torch.Tensor], frame: torch.Tensor
) -> None:
    def expected(name: str) -> torch.Tensor:
        return reference[f"{TASKS[task]}.{name}"]

    folded = prior.folded(prior.released.prompt(task))
    look = folded.look(frame)
    timestep = folded.timestep(look.sigma)
    assert look.sigma == pytest.approx(expected("sigma").item(), abs=1e-4)
    assert timestep == expected("timestep").item()
    torch.testing.assert_close(look.latents[0], expected("latent"), **CLOSE)
    torch.testing.assert_close(folded.denoise(look.latents[0], timestep), expected("eps"), **CLOSE)
    torch.testing.assert_close(folded.clean(look.latents[0], timestep), expected("x0_exact"), **CLOSE)
    height, width = reference["frame"].shape
    outputs = {}
    for step, name in (("exact", "out_exact_step"), ("released", "out_release_step")):
        folded.step = step
        outputs[step] = folded.restore(look, timestep, 128, 128)[0, 0, :height, :width].clamp(0, 1)
        torch.testing.assert_close(outputs[step], expected(name), **CLOSE)
    apart = (outputs["exact"] - outputs["released"]).abs()
    print(f"{task}: exact and released step are {apart.mean():.5f} apart on average, {apart.max():.5f} at most")
    assert 0 < apart.max() < 0.05


def test_the_released_step_is_the_posterior_mean() -> None:
    """The mean of q(x_0 | x_t, x0), worked out by Bayes' rule from the two Gaussians of DDPM."""
    noisy, x0, alpha_bar, last = torch.randn(4, dtype=torch.float64), torch.randn(4, dtype=torch.float64), 0.6, 0.999
    jump = alpha_bar / last
    precision_of_prior, precision_of_jump = 1 / (1 - last), jump / (1 - jump)
    mean = (last**0.5 * x0 * precision_of_prior + noisy / jump**0.5 * precision_of_jump) / (
        precision_of_prior + precision_of_jump
    )
    torch.testing.assert_close(released_step(noisy, x0, alpha_bar, last), mean)


def test_folding_leaves_the_base_as_it_is_and_repeats_bit_for_bit(prior: SdTurboPrior) -> None:
    before = {name: tensor.clone() for name, tensor in prior.state_dict().items()}
    first, other, again = (prior.folded(prior.released.prompt(task)) for task in ("restore", "detect", "restore"))
    assert all(torch.equal(tensor, before[name]) for name, tensor in prior.state_dict().items())
    repeated, of_other = again.state_dict(), other.state_dict()
    for name, tensor in first.state_dict().items():
        if name.startswith("decoder."):  # the VAE by its second name
            continue
        assert torch.equal(tensor, repeated[name])
        adapted = name.removesuffix(".weight") in prior.released.layers
        assert torch.equal(tensor, before[name]) != adapted
        assert torch.equal(tensor, of_other[name]) != adapted
    assert first.get_parameter("vae.decoder.conv_in.weight") is prior.get_parameter("vae.decoder.conv_in.weight")


def test_the_text_prompt_is_embedded_at_the_import_and_never_again(
    folder: Path, reference: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = Path(shutil.copytree(PARITY / "tiny_sd", tmp_path / "base"))
    import_checkpoint(PARITY / "InfraredIR_tiny.pkl", output=tmp_path / "imported", base=str(base))
    for part in ("text_encoder", "tokenizer"):
        shutil.rmtree(base / part)
    monkeypatch.setattr(sd_import, "embed_prompt", lambda base: pytest.fail("embedded again"))
    loaded = sd_import.load_prior(find_prior("sd_turbo", str(tmp_path / "imported")), torch.float32)
    torch.testing.assert_close(loaded.embedding, reference["prompt_embedding"], **CLOSE)


@pytest.mark.parametrize(("height", "width", "tile"), [(192, 256, 128), (64, 64, 128), (1024, 1280, 1024)])
def test_tiles_cover_the_frame_and_blend_back_to_it(height: int, width: int, tile: int) -> None:
    where, picture = places(height, width, tile), torch.rand(1, 1, height, width)
    torch.testing.assert_close(blended(cut(picture, where), where, height, width), picture)
    assert all(part.start % 64 == 0 and part.stop % 64 == 0 for place in where for part in place)
    columns = sorted({(columns.start, columns.stop) for _, columns in where})
    assert all(a[1] - b[0] >= OVERLAP for a, b in zip(columns, columns[1:], strict=False))


@torch.no_grad()
def test_a_frame_restored_in_tiles_is_close_to_the_whole(prior: SdTurboPrior, frame: torch.Tensor) -> None:
    """As close as random weights allow, which see the border of a tile everywhere in it."""
    large = torch.cat([frame, frame.flip(3)], 3)
    folded = prior.folded(prior.released.prompt("restore"))
    likeness = {}
    whole = folded.look(large)
    restored = folded.restore(whole, 20, 128, 256)
    for tile, count in ((128, 3), (192, 2)):
        folded.tile = tile
        look = folded.look(large)
        assert len(look.latents) == count and look.sigma == pytest.approx(whole.sigma, abs=0.02)
        tiled = folded.restore(look, 20, 128, 256)
        likeness[tile] = np.corrcoef(restored.flatten(), tiled.flatten())[0, 1]
    assert likeness[192] > 0.85 and likeness[192] > likeness[128] > 0.5


def noisy(shape: tuple[int, int] = (70, 90)) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (120 + 60 * np.sin(np.arange(shape[1]) / 9) + rng.normal(0, 12, shape)).clip(0, 255).astype(np.uint8)


def test_a_restorer_restores_for_two_tasks_and_switches_between_them(folder: Path) -> None:
    restorer = load_restorer("sd_turbo", str(folder))
    assert restorer.description["prior"] == "sd_turbo InfraredIR" and restorer.description["engine"] == "torch"
    first = restorer.restore(noisy())
    restorer.options = Options("detect")
    restorer.wait_for_task()
    second = restorer.restore(noisy())
    assert (first.task, second.task) == ("restore", "detect")
    assert first.image.shape == (70, 90) and first.image.dtype == np.uint8
    assert not np.array_equal(first.image, second.image)
    directly = load_restorer("sd_turbo", str(folder), options=Options("detect")).restore(noisy())
    assert np.array_equal(second.image, directly.image)
    assert second.timestep in candidate_timesteps()
    with pytest.raises(OptionError, match="this prior knows restore, detect, segment, small_target"):
        restorer.options = Options("fly")


def test_the_published_timestep_is_the_one_that_was_used_also_with_smoothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restorer = load_restorer("sd_turbo", str(folder), options=Options(smoothing=0.8))
    prior, used = restorer._switch.current.engine._prior, []
    clean = prior.clean
    monkeypatch.setattr(prior, "clean", lambda latent, timestep: used.append(timestep) or clean(latent, timestep))
    frames = [noisy(), np.full_like(noisy(), 90), noisy() // 4, noisy()]
    frames[1][::7] = 200
    assert [restorer.restore(frame).timestep for frame in frames] == used


def test_restore_images_restores_for_two_tasks(folder: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "in.png", noisy())
    for task in ("segment", "small_target"):
        restoring = Restoring(prior="sd_turbo", prior_path=str(folder))
        assert restore_images(tmp_path / "in.png", output=tmp_path / task, task=task, restoring=restoring) == 0
    restored = [read_image(tmp_path / task / "in.png") for task in ("segment", "small_target")]
    assert restored[0].shape == (70, 90) and not np.array_equal(*restored)


def test_a_tiny_decoder_decodes_in_place_of_the_vae(tmp_path: Path) -> None:
    from diffusers import AutoencoderTiny

    torch.manual_seed(0)
    channels = {"encoder_block_out_channels": (8, 8, 8, 8), "decoder_block_out_channels": (8, 8, 8, 8)}
    AutoencoderTiny(**channels).save_pretrained(tmp_path / "taesd")
    import_checkpoint(
        PARITY / "InfraredIR_tiny.pkl", output=tmp_path / "imported", base=str(PARITY / "tiny_sd"), step="released",
        decoder=str(tmp_path / "taesd"),
    )  # fmt: skip
    loaded = sd_import.load_prior(find_prior("sd_turbo", str(tmp_path / "imported")), torch.float32)
    assert isinstance(loaded.decoder, AutoencoderTiny) and loaded.step == "released"
    assert load_restorer("sd_turbo", str(tmp_path / "imported")).restore(noisy()).image.shape == (70, 90)


def test_a_decoder_that_changed_or_decodes_other_latents_is_refused(tmp_path: Path) -> None:
    from diffusers import AutoencoderTiny

    channels = {"encoder_block_out_channels": (8, 8, 8, 8), "decoder_block_out_channels": (8, 8, 8, 8)}
    AutoencoderTiny(**channels).save_pretrained(tmp_path / "taesd")
    AutoencoderTiny(**channels, latent_channels=16).save_pretrained(tmp_path / "other")
    options = {"output": tmp_path / "imported", "base": str(PARITY / "tiny_sd")}
    with pytest.raises(WeightsError, match="takes latents of 16 channels, the base's have 4"):
        import_checkpoint(PARITY / "InfraredIR_tiny.pkl", decoder=str(tmp_path / "other"), **options)
    import_checkpoint(PARITY / "InfraredIR_tiny.pkl", decoder=str(tmp_path / "taesd"), **options)
    torch.manual_seed(5)
    AutoencoderTiny(**channels).save_pretrained(tmp_path / "taesd")
    with pytest.raises(WeightsError, match="decoder/diffusion.* has SHA-256"):
        load_restorer("sd_turbo", str(tmp_path / "imported"))


def test_hot_objects_beyond_the_range_of_the_network_keep_their_counts(folder: Path) -> None:
    engine = load_restorer("sd_turbo", str(folder))._switch.current.engine
    frame = (noisy() / np.float32(255))[None, None, :64, :64]
    hot = frame.copy()
    hot[..., 20:30, 20:30] = 1.0
    hotter = hot.copy()
    hotter[..., 20:30, 20:30] += np.linspace(0.02, 0.2, 10, dtype=np.float32)
    answers = [engine.restore(seen, *engine.estimate(seen)) for seen in (hot, hotter)]
    np.testing.assert_allclose(answers[1] - answers[0], hotter - hot, atol=1e-6)


@pytest.mark.parametrize(
    ("choice", "says"),
    [({}, "give the folder that import_checkpoint wrote"), ({"engine": "openvino"}, "prior sd_turbo runs on torch")],
)
def test_choices_that_cannot_be_met_are_told(folder: Path, choice: dict[str, str], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        load_restorer("sd_turbo", str(folder) if choice else "", **choice)


def test_another_or_no_base_is_told(tmp_path: Path) -> None:
    base = Path(shutil.copytree(PARITY / "tiny_sd", tmp_path / "base"))
    import_checkpoint(PARITY / "InfraredIR_tiny.pkl", output=tmp_path / "imported", base=str(base))
    weights = base / "unet" / "diffusion_pytorch_model.safetensors"
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:-4] + bytes(4))
    with pytest.raises(WeightsError, match="unet/diffusion.* of .* has SHA-256 .*, at the import it was"):
        load_restorer("sd_turbo", str(tmp_path / "imported"))
    weights.unlink()
    with pytest.raises(WeightsError, match="is missing: get SD-Turbo with `hf download stabilityai/sd-turbo`"):
        load_restorer("sd_turbo", str(tmp_path / "imported"))
