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

"""The cost of the SD-Turbo prior at full size, with random weights: python benchmarks/sd_turbo_cost.py"""

from __future__ import annotations

import resource
import time

import numpy as np
import torch
from _common import markdown_table, write_result
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.priors.released import GROUPS, TASKS, Released, group_of, is_adapted
from infrared_ir_ros.priors.sd_estimator import encode
from infrared_ir_ros.priors.sd_turbo import SdTurboPrior

# SD-Turbo's configuration, where it differs from the defaults of diffusers.
UNET = {
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280, 1280),
    "attention_head_dim": (5, 10, 20, 20),
    "cross_attention_dim": 1024,
    "use_linear_projection": True,
}
VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "norm_num_groups": 32,
}
RANK_UNET, RANK_VAE = 32, 16
EMBEDDING = (1, 77, 1024)
TAPS = 128 + 256 + 512 + 512  # channels of the estimator's taps
PAPER = {"parameters": 1.329e9, "multiply-adds at 512x512": 1.191e12}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def adapted(network: nn.Module, prefix: str, rank: int, adapter: str) -> dict[str, Tensor]:
    """Bases A and B of the layers that the authors adapt, in the released shapes."""
    tensors = {}
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d) and is_adapted(f"{prefix}{name}"):
            out, *rest = layer.weight.shape
            tensors[f"{prefix}{name}.lora_A.{adapter}.weight"] = torch.empty(rank, *rest)
            tensors[f"{prefix}{name}.lora_B.{adapter}.weight"] = torch.empty(out, rank, *(1 for _ in rest[1:]))
    return tensors


def released_shapes(vae: nn.Module, unet: nn.Module) -> dict[str, Tensor]:
    """All tensors of the authors' checkpoint at its full size, on the default device."""
    tensors = adapted(vae.encoder, "vae.encoder.", RANK_VAE, "vae_skip")
    tensors |= adapted(unet, "unet.", RANK_UNET, "default")
    width = sum((RANK_VAE if group.startswith("vae.") else RANK_UNET) ** 2 for group in GROUPS)
    others = {"unet.conv_in.weight": (320, 4, 3, 3), "unet.conv_in.bias": (320,)}
    others |= {f"prompt.{task}": (1, 512) for task in TASKS.values()}
    for name, shape in (("0", (512, 512)), ("2", (512, 512)), ("4", (512,)), ("5", (width, 512))):
        others |= {f"hypernetwork.{name}.weight": shape, f"hypernetwork.{name}.bias": shape[:1]}
    for name, shape in (("0", (128, TAPS, 3, 3)), ("2", (128, 128, 3, 3))):
        others |= {f"fuser.fuse.{name}.weight": shape, f"fuser.fuse.{name}.bias": shape[:1]}
    for name, shape in (("0", (128,)), ("1", (256, 128)), ("3", (256,)), ("4", (1, 256))):
        others |= {f"t_head.fc.{name}.weight": shape, f"t_head.fc.{name}.bias": shape[:1]}
    return tensors | {name: torch.empty(shape) for name, shape in others.items()}


def build(device: str, dtype: torch.dtype) -> SdTurboPrior:
    """The prior at full size, uninitialised."""
    with torch.device(device):
        before = torch.get_default_dtype()
        torch.set_default_dtype(dtype)
        try:
            with torch.device("meta"):
                vae, unet = AutoencoderKL(**VAE).eval(), UNet2DConditionModel(**UNET).eval()
            if device != "meta":
                vae, unet = vae.to_empty(device=device), unet.to_empty(device=device)
        finally:
            torch.set_default_dtype(before)
        released = Released(RANK_UNET, RANK_VAE, released_shapes(vae, unet))
        return SdTurboPrior(vae, unet, vae, released, torch.empty(EMBEDDING)).requires_grad_(False)


def randomize(prior: SdTurboPrior) -> None:
    """Random weights small enough to keep activations finite. One block is repeated, since drawing 950 M numbers takes
    longer than the frame."""
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal(1 << 20, dtype=np.float32))
    for name, tensor in prior.state_dict().items():
        if tensor.ndim == 1:
            tensor.fill_(1.0 if name.endswith("weight") else 0.0)
            continue
        scale = tensor[0].numel() ** -0.5
        flat = tensor.view(-1)
        for start in range(0, len(flat), len(noise)):
            part = flat[start : start + len(noise)]
            part.copy_(scale * noise[: len(part)])


def parameters(prior: SdTurboPrior) -> dict[str, float]:
    """Number of parameters by part."""
    released = prior.released.tensors
    layers = [value.numel() for name, value in released.items() if ".lora_" in name]
    counts = {
        "UNet": sum(p.numel() for p in prior.unet.parameters()),
        "VAE": sum(p.numel() for p in prior.vae.parameters()),
        "adapters": sum(layers),
        "hypernetwork and prompts": sum(
            value.numel() for name, value in released.items() if name.startswith(("hypernetwork.", "prompt."))
        ),
        "estimator": sum(p.numel() for p in prior.estimator.parameters()),
    }
    return counts | {"all": sum(counts.values())}


@torch.no_grad()
def multiply_adds(prior: SdTurboPrior, height: int, width: int) -> dict[str, float]:
    """Multiply-adds of a frame by part, counted on shapes alone; prior: on the meta device."""
    tiny = AutoencoderTiny().to("meta")
    picture, latent = (torch.empty(1, 3, height, width), torch.empty(1, 4, height // 8, width // 8))
    picture, latent = picture.to("meta"), latent.to("meta")
    _, taps = encode(prior.vae, picture)
    time = torch.ones(1, device="meta")
    parts = {
        "encoder": lambda: encode(prior.vae, picture),
        "estimator": lambda: prior.estimator(taps, latent.shape[-2:]),
        "UNet": lambda: prior.unet(latent, time, encoder_hidden_states=prior.embedding),
        "decoder": lambda: prior.vae.decode(latent),
        "tiny decoder": lambda: tiny.decode(latent),
    }
    counts: dict[str, float] = {}
    for name, run in parts.items():
        with FlopCounterMode(display=False) as counter:
            run()
        counts[name] = counter.get_total_flops() / 2
    return counts | {"all": sum(counts.values()) - counts["tiny decoder"]}


def restore_one(side: int, precision: str) -> tuple[float, float]:
    """Restore a square frame on this CPU: seconds, and the peak memory of this process in GiB."""
    prior = build("cpu", DTYPES[precision])
    randomize(prior)
    frame = torch.linspace(0.2, 0.8, side * side).view(1, 1, side, side)
    start = time.perf_counter()
    with torch.inference_mode():
        look = prior.look(frame)
        restored = prior.restore(look, prior.timestep(look.sigma), side, side)
    seconds = time.perf_counter() - start
    assert restored.shape == frame.shape and torch.isfinite(restored).all()
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def sd_turbo_cost(*, side: int = 256, precision: str = "fp32") -> None:
    """Print parameters and multiply-adds beside the paper's, and time and memory of one frame on this CPU; write
    benchmarks/results/sd_turbo_cost.json.

    Parameters
    ----------
    side
        Side of the restored frame in pixels, a multiple of 64; 0: restore none.
    precision
        fp32 or bf16.
    """
    shapes = build("meta", torch.float32)
    layers = shapes.released.layers
    counts, operations = parameters(shapes), multiply_adds(shapes, 512, 512)
    figures = {f"{part} parameters": float(count) for part, count in counts.items()}
    figures |= {f"{part} multiply-adds at 512x512": float(count) for part, count in operations.items()}
    figures |= {f"paper: {what}": value for what, value in PAPER.items()} | {"adapted layers": float(len(layers))}
    rows = [(part, f"{count / 1e6:.1f} M", "") for part, count in counts.items()]
    rows += [(part, "", f"{count / 1e9:.1f} G") for part, count in operations.items()]
    rows.append(("the paper's", "1329 M", "1191 G"))
    print(markdown_table(("part", "parameters", "multiply-adds at 512x512"), rows))
    print(
        f"{len(layers)} adapted layers in {len(set(map(group_of, layers)))} groups; folded, they cost a frame nothing"
    )
    if side:
        seconds, memory = restore_one(side, precision)
        figures |= {f"{side}x{side} {precision} s": round(seconds, 1), f"{precision} peak GiB": round(memory, 2)}
        threads = torch.get_num_threads()
        print(f"{side}x{side} in {precision}, {threads} threads: {seconds:.1f} s, peak memory {memory:.2f} GiB")
    write_result("sd_turbo_cost", figures, seeds=[0], notes={"threads": str(torch.get_num_threads())})


if __name__ == "__main__":
    run_command(sd_turbo_cost)
