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

"""SD-Turbo itself, which the user brings: a folder in diffusers layout, or the id of one on Hugging Face's hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from infrared_ir_ros.errors import WeightsError, one_line
from infrared_ir_ros.media.hashing import fingerprint

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel

HUB_ID = "stabilityai/sd-turbo"
WHERE = (
    f"get SD-Turbo with `hf download {HUB_ID}` (its licence forbids shipping it with this package), or name a folder "
    "in diffusers layout with unet, vae, text_encoder and tokenizer"
)
TINY = "give --decoder of import_checkpoint an AutoencoderTiny by folder or hub id (madebyollin/taesd), or none"
PROMPT = (
    "A high-resolution, 8K, ultra-realistic image with sharp focus, vibrant colors, and natural lighting."  # released
)
WEIGHTS = "diffusion_pytorch_model.safetensors"
CONFIG = "config.json"
NETWORKS = [f"{part}/{name}" for part in ("unet", "vae") for name in (CONFIG, WEIGHTS)]
FILES = [*NETWORKS, "text_encoder/config.json", "text_encoder/model.safetensors", "tokenizer/*"]


def base_folder(base: str) -> Path:
    """The folder of a base: `base` itself, or the local copy of a hub id, downloaded if necessary.

    Raises WeightsError, which says where to get it.
    """
    return _local("base", base, FILES, WHERE)


def decoder_folder(decoder: str) -> Path:
    """The same of a small decoder."""
    return _local("decoder", decoder, [CONFIG, WEIGHTS], TINY)


def _local(what: str, source: str, files: list[str], hint: str) -> Path:
    if Path(source).is_dir():
        return Path(source)
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(source, allow_patterns=files))
    except Exception as error:  # no network, no such repository, licence not accepted
        reason = one_line(error)
        raise WeightsError(
            f"the {what} {source!r} is not a folder and can't be downloaded ({reason}): {hint}"
        ) from error


def base_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of weights and configuration of unet and vae, by path. Raises WeightsError if a file is missing."""
    return _hashes(folder, NETWORKS, WHERE)


def decoder_hashes(folder: Path) -> dict[str, str]:
    """The same of a small decoder, as `decoder/...`."""
    return {f"decoder/{name}": found for name, found in _hashes(folder, [CONFIG, WEIGHTS], TINY).items()}


def _hashes(folder: Path, names: list[str], hint: str) -> dict[str, str]:
    for name in names:
        if not (folder / name).is_file():
            raise WeightsError(f"{folder / name} is missing: {hint}")
    return {name: fingerprint(folder / name) for name in names}


def load_vae(folder: Path, dtype: torch.dtype) -> AutoencoderKL:
    """SD-Turbo's autoencoder. Raises WeightsError."""
    return _loaded("AutoencoderKL", folder, "vae", dtype)


def load_unet(folder: Path, dtype: torch.dtype) -> UNet2DConditionModel:
    """SD-Turbo's denoiser. Raises WeightsError."""
    return _loaded("UNet2DConditionModel", folder, "unet", dtype)


def load_tiny_decoder(folder: Path, dtype: torch.dtype) -> AutoencoderTiny:
    """A small autoencoder of the same latents, whose decoder costs a fraction. Raises WeightsError."""
    return _loaded("AutoencoderTiny", folder, None, dtype, TINY)


def _loaded(kind: str, source: Path, part: str | None, dtype: torch.dtype, hint: str = WHERE) -> Any:
    """A network of diffusers with all of its weights, from safetensors. kind: its class.

    hint: what to do if it cannot be loaded.
    """
    where = f"{source}/{part}" if part else str(source)
    load = _diffusers(kind).from_pretrained
    try:
        network, report = load(
            str(source), subfolder=part, torch_dtype=dtype, use_safetensors=True, output_loading_info=True
        )
    except Exception as error:  # OSError, ValueError, SafetensorError, KeyError
        raise WeightsError(f"{where} can't be loaded ({one_line(error)}): {hint}") from error
    if report["missing_keys"] or report["mismatched_keys"]:
        wrong = [*report["missing_keys"], *report["mismatched_keys"]][0]
        raise WeightsError(f"{where} lacks {wrong}, or has it in another shape: {hint}")
    return network.eval().requires_grad_(False)


def _diffusers(kind: str) -> Any:
    """A class of diffusers, which is imported on first use, with all that it needs."""
    try:
        import diffusers

        return getattr(diffusers, kind)
    except Exception as error:  # among others RuntimeError, if torchvision is there for another build of torch
        reason = " ".join(str(error).split())[-200:]
        raise WeightsError(
            f"diffusers can't be imported ({reason}): pip install -r requirements/train.txt; torchvision, if "
            "installed, must be of the same build as torch (CPU or CUDA)"
        ) from error


def embed_prompt(folder: Path) -> Tensor:
    """The released prompt through the base's text encoder: (1, 77, width) fp32. Raises WeightsError."""
    try:
        from transformers import CLIPTextModel, CLIPTokenizer

        tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
        encoder, report = CLIPTextModel.from_pretrained(
            folder / "text_encoder", use_safetensors=True, output_loading_info=True
        )
        if lacking := [*report["missing_keys"], *report["mismatched_keys"]]:
            raise KeyError(f"it lacks {lacking[0]}, or has it in another shape")
        length = tokenizer.model_max_length
        tokens = tokenizer(PROMPT, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        with torch.no_grad():
            return encoder.eval().float()(tokens.input_ids)[0].clone()
    except Exception as error:  # OSError, ValueError, SafetensorError, KeyError
        raise WeightsError(f"the text encoder in {folder} can't be used ({one_line(error)}): {WHERE}") from error
