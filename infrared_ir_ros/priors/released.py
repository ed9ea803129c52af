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

"""The checkpoint `InfraredIR.pkl` of the method's authors: read, checked, and stored without pickle.

It holds the weights that they trained on top of SD-Turbo (design section 1.8): bases A and B of the adapted layers,
`conv_in` of the UNet, the estimator, the hypernetwork and four prompts.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from infrared_ir_ros.errors import WeightsError
from infrared_ir_ros.priors.hypernetwork import Hypernetwork, weight_change
from infrared_ir_ros.restoration.prompts import PROMPT
from infrared_ir_ros.restoration.tensors import read_tensors, write_tensors
from infrared_ir_ros.restoration.weights import LARGEST_FILE, read_regular

# parts of the released file -> the prefix of our names; the rest of the name is the released one
PARTS = {
    "state_dict_unet": "unet.",
    "state_dict_vae": "vae.",
    "state_dict_fuser": "fuser.",
    "state_dict_t_head": "t_head.",
    "state_dict_prompt_mlp": "hypernetwork.",
    "task_prompts": "prompt.",
}
TASKS = {  # our names -> the released ones
    "restore": "enhancement",
    "detect": "detection",
    "segment": "segmentation",
    "small_target": "small_targets",
}
LORA_ALPHA = 8  # peft's default, which the authors left: scale = 8 / rank
LEVELS = range(4)
ENCODER_GROUPS = tuple(
    f"vae.encoder.{block}" for block in ("conv_in", *(f"down_blocks.{i}" for i in LEVELS), "mid_block", "conv_out")
)
UNET_GROUPS = tuple(
    f"unet.{block}"
    for block in (*(f"down_blocks.{i}" for i in LEVELS), *(f"up_blocks.{i}" for i in LEVELS), "mid_block", "conv_out")
)
GROUPS = ENCODER_GROUPS + UNET_GROUPS  # in the order of the hypernetwork's operators
ATTENTION = ("to_k", "to_q", "to_v", "to_out.0")
ENCODER_TARGETS = (*ATTENTION, "conv", "conv1", "conv2", "conv_in", "conv_out", "conv_shortcut")
UNET_TARGETS = (
    *ATTENTION, "conv", "conv1", "conv2", "conv_out", "conv_shortcut",
    "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2",
)  # fmt: skip
FEATURES, HIDDEN = 128, 256  # widths of the estimator
NUMBERS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True)
class Released:
    """rank_unet, rank_vae: of the adapters. tensors: fp32 on the CPU, by the names of `PARTS`.

    Raises WeightsError unless it holds exactly the tensors of the method, in the right shapes.
    """

    rank_unet: int
    rank_vae: int
    tensors: dict[str, Tensor]

    def __post_init__(self) -> None:
        for name, shape in self._expected().items():
            found = tuple(self.tensors[name].shape) if name in self.tensors else "missing"
            if found != shape:
                raise WeightsError(f"the checkpoint's {name} is {found}, expected is {shape}: is it InfraredIR.pkl?")
        unknown = sorted(set(self.tensors) - set(self._expected()) - set(self._bases()))
        if unknown or not self.layers:
            what = f"holds {unknown[0]!r}, which is not part of the method" if unknown else "holds no adapters"
            raise WeightsError(f"the checkpoint {what}: is it InfraredIR.pkl?")
        for layer in self.layers:
            self._check_layer(layer)

    def _expected(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of all but the adapters; numbers of channels that depend on SD-Turbo are not checked."""
        width = sum(rank * rank for rank in self.ranks)
        shapes: dict[str, tuple[int, ...]] = {f"prompt.{task}": (1, PROMPT) for task in TASKS.values()}
        for layer, out in ((0, PROMPT), (2, PROMPT), (4, 0), (5, width)):  # 4 is a LayerNorm
            shapes[f"hypernetwork.{layer}.weight"] = (out, PROMPT) if out else (PROMPT,)
            shapes[f"hypernetwork.{layer}.bias"] = (out or PROMPT,)
        taps, latent = self._size("fuser.fuse.0.weight", 1), self._size("unet.conv_in.weight", 1)
        for layer, inputs in ((0, taps), (2, FEATURES)):
            shapes[f"fuser.fuse.{layer}.weight"] = (FEATURES, inputs, 3, 3)
            shapes[f"fuser.fuse.{layer}.bias"] = (FEATURES,)
        for name, shape in (("0", (FEATURES,)), ("1", (HIDDEN, FEATURES)), ("3", (HIDDEN,)), ("4", (1, HIDDEN))):
            shapes[f"t_head.fc.{name}.weight"], shapes[f"t_head.fc.{name}.bias"] = shape, shape[:1]
        channels = self._size("unet.conv_in.weight", 0)
        return shapes | {"unet.conv_in.weight": (channels, latent, 3, 3), "unet.conv_in.bias": (channels,)}

    def _size(self, name: str, axis: int) -> int:
        tensor = self.tensors.get(name)
        return 0 if tensor is None or tensor.ndim <= axis else tensor.shape[axis]

    def _bases(self) -> list[str]:
        return [name for name in self.tensors if ".lora_A." in name or ".lora_B." in name]

    def _check_layer(self, layer: str) -> None:
        down, up = (self.tensors.get(name) for name in self._names(layer))
        rank = self.ranks[group_of(layer)]
        if down is None or up is None or down.ndim not in (2, 4) or down.shape[0] != rank:
            raise WeightsError(f"the adapter of {layer} lacks A or B, or is not of rank {rank}: is the file whole?")
        if up.shape[1:] != (rank, 1, 1)[: down.ndim - 1]:
            raise WeightsError(f"the adapter of {layer} has B of {tuple(up.shape)} at rank {rank}: is the file whole?")

    @property
    def ranks(self) -> tuple[int, ...]:
        """Rank of each group of `GROUPS`."""
        return (self.rank_vae,) * len(ENCODER_GROUPS) + (self.rank_unet,) * len(UNET_GROUPS)

    @property
    def layers(self) -> list[str]:
        """The adapted layers, such as `unet.conv_out`."""
        return list(dict.fromkeys(name.partition(".lora_")[0] for name in self._bases()))

    @staticmethod
    def _names(layer: str) -> tuple[str, str]:
        adapter = "vae_skip" if layer.startswith("vae.") else "default"
        return f"{layer}.lora_A.{adapter}.weight", f"{layer}.lora_B.{adapter}.weight"

    def shape(self, layer: str) -> tuple[int, ...]:
        """Of the weight of an adapted layer."""
        down, up = (self.tensors[name].shape for name in self._names(layer))
        return (up[0], *down[1:])

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors of one part, by their released names; prefix: one of `PARTS`."""
        return {name.removeprefix(prefix): value for name, value in self.tensors.items() if name.startswith(prefix)}

    def operators(self, prompt: Tensor) -> list[Tensor]:
        """One operator C (rank, rank) for each group of `GROUPS`; prompt (512,). Differentiable in the prompt."""
        hypernetwork = Hypernetwork(self.ranks).requires_grad_(False)
        hypernetwork.load_state_dict(self.part("hypernetwork."))
        return hypernetwork.operators(prompt)

    def weight_change(self, layer: str, operators: list[Tensor]) -> Tensor:
        """dW of an adapted layer, in the shape of its weight."""
        group = group_of(layer)
        down, up = (self.tensors[name] for name in self._names(layer))
        return weight_change(down, operators[group], up, LORA_ALPHA / self.ranks[group])

    def prompt(self, task: str) -> Tensor:
        """The prompt (512,) of one of our `TASKS`."""
        return self.tensors[f"prompt.{TASKS[task]}"][0]

    def to_bytes(self) -> bytes:
        """As a safetensors file."""
        numbers = {name: tensor.numpy() for name, tensor in self.tensors.items()}
        return write_tensors(numbers, {"kind": "InfraredIR", "rank_unet": self.rank_unet, "rank_vae": self.rank_vae})

    @classmethod
    def from_bytes(cls, data: bytes, what: str) -> Released:
        """Read what `to_bytes` wrote; what: names the file in errors. Raises WeightsError."""
        tensors, about = read_tensors(data, what)
        ranks = _rank(about, "rank_unet"), _rank(about, "rank_vae")
        return cls(*ranks, {name: torch.from_numpy(values) for name, values in tensors.items()})


def is_adapted(name: str) -> bool:
    """Whether the method adapts a layer of this name, such as `unet.conv_out` (design section 1.8)."""
    targets = ENCODER_TARGETS if name.startswith("vae.encoder.") else UNET_TARGETS if name.startswith("unet.") else ()
    return name.endswith(tuple(f".{target}" for target in targets))


def group_of(layer: str) -> int:
    """Index of an adapted layer's group in `GROUPS`. Raises WeightsError if it belongs to none."""
    for index, group in enumerate(GROUPS):
        if f"{layer}.".startswith(f"{group}."):
            return index
    raise WeightsError(f"the checkpoint adapts {layer}, which the method does not: is it InfraredIR.pkl?")


def read_checkpoint(path: Path) -> Released:
    """Read the authors' pickle file without running code in it (`weights_only`).

    Raises WeightsError: not a regular file, not this checkpoint, code instead of numbers, NaN, more data than the file
    is large.
    """
    if not path.exists():
        raise WeightsError(f"{path} does not exist: give the InfraredIR.pkl that the method's authors publish")
    data = read_regular(path, LARGEST_FILE)
    _check_packing(path, data)
    try:
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or hostile file makes torch raise all kinds
        reason = type(error).__name__  # its text may advise to run the code in the file
        raise WeightsError(f"{path} is not a checkpoint of plain tensors ({reason}): download it again") from error
    if not isinstance(content, dict) or not all(isinstance(content.get(part), dict) for part in PARTS):
        found = ", ".join(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise WeightsError(f"{path} holds {found[:200]}, not {', '.join(PARTS)}: is it InfraredIR.pkl?")
    tensors = {f"{prefix}{name}": value for part, prefix in PARTS.items() for name, value in content[part].items()}
    return Released(
        _rank(content, "rank_unet"),
        _rank(content, "rank_vae"),
        {name: _numbers(name, t) for name, t in tensors.items()},
    )


def _check_packing(path: Path, data: bytes) -> None:
    """Raises WeightsError for an archive that unpacks to more than itself, which torch never writes."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile:
        return  # an old file of torch, or damaged
    if unpacked > len(data):
        raise WeightsError(
            f"{path} has {len(data)} bytes and unpacks to {unpacked}, which no file of torch does: download it again"
        )


def _rank(about: dict[str, Any], name: str) -> int:
    rank = about.get(name)
    if not isinstance(rank, int) or not 1 <= rank <= 1024:
        raise WeightsError(f"the checkpoint's {name} is {rank!r}, not a number from 1 to 1024: is it InfraredIR.pkl?")
    return rank


def _numbers(name: str, value: object) -> Tensor:
    if (
        not isinstance(value, Tensor)
        or (value.layout, value.device.type) != (torch.strided, "cpu")
        or value.dtype not in NUMBERS
        or value.numel() * value.element_size() > value.untyped_storage().nbytes()  # an expanded one
        or not value.isfinite().all()
    ):
        raise WeightsError(f"the checkpoint's {name} is not a tensor of finite numbers: download the file again")
    return value.detach().float().contiguous()
