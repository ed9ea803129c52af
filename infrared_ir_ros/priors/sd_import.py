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

"""The folder that `import_checkpoint` writes, for `prior_path`: the authors' weights and a reference to their base."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from infrared_ir_ros.errors import OptionError, WeightsError
from infrared_ir_ros.priors.manifest import write_with_manifest
from infrared_ir_ros.priors.released import TASKS, Released
from infrared_ir_ros.priors.sd_base import (
    TINY,
    WHERE,
    base_folder,
    base_hashes,
    decoder_folder,
    decoder_hashes,
    embed_prompt,
    load_tiny_decoder,
    load_unet,
    load_vae,
)
from infrared_ir_ros.priors.sd_turbo import STEPS, SdTurboPrior
from infrared_ir_ros.priors.tiling import OVERLAP, STEP
from infrared_ir_ros.restoration.tensors import read_tensors, write_tensors
from infrared_ir_ros.restoration.weights import MANIFEST, SD_TURBO, PriorFiles

if TYPE_CHECKING:
    from torch import Tensor

CHECKPOINT, EMBEDDING = "released.safetensors", "prompt_embedding.safetensors"


def write_import(
    released: Released, base: str, folder: Path, step: str = "exact", tile: int = 1024, decoder: str = "",
    compiled: bool = False,
) -> None:  # fmt: skip
    """Write the authors' weights, the embedding of their text prompt, and a manifest with hashes, also of the base.

    The text prompt is embedded here, once, by the base's text encoder. Raises OptionError for step or tile,
    WeightsError if the base is missing or the weights do not fit it, SourceError if the folder cannot be written.
    """
    constructor = {"step": step, "tile": tile, "decoder": _absolute(decoder), "compile": compiled}
    _check(constructor)
    where = base_folder(base)
    embedding = embed_prompt(where)
    vae = load_vae(where, torch.float16)
    SdTurboPrior(vae, load_unet(where, torch.float16), vae, released, embedding).check()
    hashes = base_hashes(where)
    if decoder:  # fails now rather than whenever the prior is loaded
        small = decoder_folder(decoder)
        channels = load_tiny_decoder(small, torch.float16).config.latent_channels
        if channels != vae.config.latent_channels:
            raise WeightsError(
                f"the decoder {decoder!r} takes latents of {channels} channels, the base's have "
                f"{vae.config.latent_channels}: {TINY}"
            )
        hashes |= decoder_hashes(small)
    files = {
        CHECKPOINT: released.to_bytes(),
        EMBEDDING: write_tensors({"embedding": embedding.numpy()}, {"kind": "prompt embedding"}),
    }
    manifest = {
        "name": SD_TURBO,
        "version": "InfraredIR",
        "tasks": list(TASKS),
        "constructor": {"base": _absolute(base), "sha256": hashes, **constructor},
    }
    write_with_manifest(folder, files, manifest)


def load_prior(files: PriorFiles, dtype: torch.dtype) -> SdTurboPrior:
    """The prior of an imported checkpoint, on the CPU, without a task's adapters.

    Raises WeightsError if a file is damaged, or the base is missing or not the one of the import.
    """
    given = files.constructor
    try:
        base, hashes = str(given["base"]), dict(given["sha256"])
        _check(given)
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{files.folder / MANIFEST} lacks or misspells {error}: import the checkpoint again"
        ) from error
    released = Released.from_bytes(files.read(CHECKPOINT), str(files.folder / CHECKPOINT))
    embedding = _embedding(files)
    where = base_folder(base)
    _check_unchanged(base_hashes(where), hashes, where)
    vae, unet = load_vae(where, dtype), load_unet(where, dtype)
    decoder = vae
    if given["decoder"]:
        small = decoder_folder(given["decoder"])
        _check_unchanged(decoder_hashes(small), hashes, small)
        decoder = load_tiny_decoder(small, dtype)
    if unet.config.cross_attention_dim != embedding.shape[-1]:
        raise WeightsError(f"the UNet in {where} takes other embeddings than its text encoder gives: {WHERE}")
    return SdTurboPrior(vae, unet, decoder, released, embedding, given["step"], given["tile"])


def _check_unchanged(found: dict[str, str], imported: dict[str, str], folder: Path) -> None:
    """Raises WeightsError if a file has not the SHA-256 that it had at the import."""
    for name, value in found.items():
        if value != imported.get(name):
            raise WeightsError(
                f"{name} of {folder} has SHA-256 {value}, at the import it was {imported.get(name)}: restore that "
                "file, or import the checkpoint again"
            )


def _embedding(files: PriorFiles) -> Tensor:
    tensors, _ = read_tensors(files.read(EMBEDDING), str(files.folder / EMBEDDING))
    values = tensors.get("embedding")
    if values is None or values.ndim != 3:
        raise WeightsError(f"{files.folder / EMBEDDING} holds no embedding: import the checkpoint again")
    return torch.from_numpy(values)


def _check(given: dict[str, Any]) -> None:
    """Raises OptionError (a ValueError) for invalid values."""
    if given["step"] not in STEPS:
        raise OptionError(f"step is {given['step']!r}: use one of {', '.join(STEPS)}")
    tile = given["tile"]
    if not isinstance(tile, int) or tile % STEP or tile <= OVERLAP:
        raise OptionError(f"tile is {tile!r}: use a multiple of {STEP} from {OVERLAP + STEP} on, such as 1024")
    if not isinstance(given["decoder"], str) or not isinstance(given["compile"], bool):
        raise OptionError(
            f"decoder is {given['decoder']!r}, compile {given['compile']!r}: use a string, and true or false"
        )


def _absolute(source: str) -> str:
    """The absolute path of a local folder, so that it is found from everywhere; a hub id unchanged."""
    return str(Path(source).resolve()) if source and Path(source).is_dir() else source
