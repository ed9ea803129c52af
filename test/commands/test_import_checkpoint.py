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

"""What import_checkpoint writes, and the checkpoints that it refuses."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from safetensors.torch import load_file, save_file

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from infrared_ir_ros.commands.import_checkpoint import import_checkpoint  # noqa: E402
from infrared_ir_ros.errors import InfraredError, WeightsError  # noqa: E402
from infrared_ir_ros.priors.released import Released, read_checkpoint  # noqa: E402
from infrared_ir_ros.restoration import load_restorer  # noqa: E402

PARITY = Path(os.environ.get("INFRARED_PARITY", Path(__file__).parents[3] / "shared/parity"))
CHECKPOINT, BASE = PARITY / "InfraredIR_tiny.pkl", str(PARITY / "tiny_sd")
pytestmark = pytest.mark.skipif(not PARITY.is_dir(), reason="needs the parity data, INFRARED_PARITY")


def test_every_tensor_is_kept_and_no_pickle_remains(tmp_path: Path) -> None:
    import_checkpoint(CHECKPOINT, output=tmp_path, base=BASE)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert {path.name for path in tmp_path.iterdir()} == {*manifest["files"], "manifest.json"}
    for name, digest in manifest["files"].items():
        assert name.endswith(".safetensors")
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    stored = Released.from_bytes((tmp_path / "released.safetensors").read_bytes(), "it")
    given = torch.load(CHECKPOINT, weights_only=True)
    assert (stored.rank_unet, stored.rank_vae) == (given["rank_unet"], given["rank_vae"])
    for part, prefix in (("state_dict_unet", "unet."), ("task_prompts", "prompt."), ("state_dict_t_head", "t_head.")):
        ours = stored.part(prefix)
        assert ours.keys() == given[part].keys()
        assert all(torch.equal(ours[name], tensor) for name, tensor in given[part].items())


@pytest.mark.parametrize("decoder", ["nothere", str(PARITY / "tiny_sd" / "vae")])
def test_a_decoder_that_cannot_decode_is_refused(tmp_path: Path, decoder: str) -> None:
    given = decoder if Path(decoder).is_absolute() else str(tmp_path / decoder)
    with pytest.raises(WeightsError, match="give --decoder of import_checkpoint an AutoencoderTiny"):
        import_checkpoint(CHECKPOINT, output=tmp_path / "out", base=BASE, decoder=given)
    assert not (tmp_path / "out").exists()


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable, tuple]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    torch.save({"state_dict_unet": Trap()}, tmp_path / "trap.pkl")
    with pytest.raises(
        WeightsError, match=r"not a checkpoint of plain tensors \(UnpicklingError\): download it again$"
    ):
        import_checkpoint(tmp_path / "trap.pkl", output=tmp_path / "out", base=BASE)
    assert not (tmp_path / "sprung").exists() and not (tmp_path / "out").exists()


def without(part: str, name: str) -> Callable[[dict[str, Any]], None]:
    return lambda content: content[part].pop(name)


def with_value(part: str, name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content[part].update({name: value})


BAD: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda content: content.pop("task_prompts"), "not state_dict_unet, "),
    (without("task_prompts", "detection"), "prompt.detection is missing"),
    (with_value("task_prompts", "detection", torch.ones(1, 511)), r"prompt.detection is \(1, 511\), expected"),
    (with_value("task_prompts", "detection", torch.full((1, 512), torch.nan)), "is not a tensor of finite numbers"),
    (with_value("task_prompts", "flying", torch.ones(1, 512)), "holds 'prompt.flying', which is not part"),
    (lambda content: content.update(rank_unet=16), "expected is"),
    (lambda content: content.update(rank_unet="all"), "rank_unet is 'all'"),
    (without("state_dict_unet", "conv_out.lora_B.default.weight"), "adapter of unet.conv_out lacks A or B"),
    (with_value("state_dict_unet", "conv_out.lora_B.default.weight", torch.ones(4, 9, 1, 1)), "at rank 8"),
    (without("state_dict_t_head", "fc.4.bias"), "t_head.fc.4.bias is missing"),
]


@pytest.mark.parametrize(("change", "says"), BAD, ids=[says for _, says in BAD])
def test_a_checkpoint_that_lacks_or_adds_something_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], says: str
) -> None:
    content = torch.load(CHECKPOINT, weights_only=True)
    change(content)
    torch.save(content, tmp_path / "bad.pkl")
    with pytest.raises(WeightsError, match=says):
        read_checkpoint(tmp_path / "bad.pkl")


def without_attention(content: dict[str, Any]) -> None:
    part = content["state_dict_unet"]
    for name in [name for name in part if ".attn2." in name]:
        del part[name]


def test_a_checkpoint_without_some_adapters_is_refused(tmp_path: Path) -> None:
    content = torch.load(CHECKPOINT, weights_only=True)
    without_attention(content)
    torch.save(content, tmp_path / "bad.pkl")
    with pytest.raises(WeightsError, match=r"lacks the adapter of unet\..*attn2.*Download it again"):
        import_checkpoint(tmp_path / "bad.pkl", output=tmp_path / "out", base=BASE)


def test_a_damaged_text_encoder_is_refused(tmp_path: Path) -> None:
    base = Path(shutil.copytree(BASE, tmp_path / "base"))
    weights = base / "text_encoder" / "model.safetensors"
    weights.chmod(0o644)
    tensors = load_file(weights)
    del tensors[next(name for name in tensors if "mlp.fc1" in name)]
    save_file(tensors, weights, {"format": "pt"})
    with pytest.raises(WeightsError, match="the text encoder in .* lacks .*mlp.fc1"):
        import_checkpoint(CHECKPOINT, output=tmp_path / "out", base=str(base))


HUGE = [
    ("expanded", torch.zeros(1).expand(1 << 40)),
    ("sparse", torch.sparse_coo_tensor(torch.zeros(1, 1, dtype=torch.long), torch.ones(1), (1 << 40,))),
    ("small numbers", torch.zeros(4).to(torch.float8_e4m3fn)),
]


@pytest.mark.parametrize("value", [value for _, value in HUGE], ids=[name for name, _ in HUGE])
def test_tensors_that_would_fill_the_memory_are_refused(tmp_path: Path, value: Any) -> None:
    content = torch.load(CHECKPOINT, weights_only=True)
    content["task_prompts"]["detection"] = value
    torch.save(content, tmp_path / "bad.pkl")
    with pytest.raises(WeightsError, match="prompt.detection is not a tensor of finite numbers|not a checkpoint of"):
        read_checkpoint(tmp_path / "bad.pkl")


def test_an_archive_that_unpacks_to_more_than_itself_is_refused(tmp_path: Path) -> None:
    torch.save({"zeros": torch.zeros(1 << 20)}, tmp_path / "plain.pkl")
    with ZipFile(tmp_path / "plain.pkl") as plain, ZipFile(tmp_path / "bomb.pkl", "w", ZIP_DEFLATED) as bomb:
        for entry in plain.infolist():
            bomb.writestr(entry.filename, plain.read(entry))
    with pytest.raises(WeightsError, match="and unpacks to 4.* which no file of torch does"):
        read_checkpoint(tmp_path / "bomb.pkl")


def test_adapters_of_another_network_are_refused(tmp_path: Path) -> None:
    content = torch.load(CHECKPOINT, weights_only=True)
    content["state_dict_unet"]["conv_out.lora_A.default.weight"] = torch.ones(8, 17, 3, 3)
    torch.save(content, tmp_path / "bad.pkl")
    with pytest.raises(WeightsError, match=r"unet.conv_out.weight is \(4, 17, 3, 3\), but the base has"):
        import_checkpoint(tmp_path / "bad.pkl", output=tmp_path / "out", base=BASE)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [({"step": "half"}, "step is 'half'"), ({"tile": 100}, "tile is 100"), ({"base": "/no/such"}, "hf download")],
)
def test_options_that_cannot_be_met_are_told(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    with pytest.raises(InfraredError, match=says):
        import_checkpoint(CHECKPOINT, output=tmp_path / "out", **{"base": BASE, **options})
    assert not (tmp_path / "out").exists()


def test_a_missing_or_cut_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="does not exist: give the InfraredIR.pkl"):
        read_checkpoint(tmp_path / "none.pkl")
    (tmp_path / "cut.pkl").write_bytes(CHECKPOINT.read_bytes()[:100_000])
    with pytest.raises(WeightsError, match="is not a checkpoint of plain tensors"):
        read_checkpoint(tmp_path / "cut.pkl")


def test_an_import_that_was_damaged_later_is_refused(tmp_path: Path) -> None:
    import_checkpoint(CHECKPOINT, output=tmp_path, base=BASE)
    stored = tmp_path / "released.safetensors"
    stored.write_bytes(stored.read_bytes()[:-1] + b"\x01")
    with pytest.raises(WeightsError, match="is damaged or not the file that its manifest names"):
        load_restorer("sd_turbo", str(tmp_path))
