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

"""Write docs/models.md, what ships and how good it is, from the manifests and results: python benchmarks/models.py"""

from __future__ import annotations

import json
from pathlib import Path

from _common import RESULTS, markdown_table

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.detection.files import find_detector
from infrared_ir_ros.media import write_atomically
from infrared_ir_ros.restoration.folding import Tasks
from infrared_ir_ros.restoration.weights import SHIPPED, PriorFiles, find_prior

PAGE = Path(__file__).resolve().parents[1] / "docs" / "models.md"
KINDS = {
    "weights.safetensors": "the network's weights, fp16; the torch engine runs them",
    "estimate.onnx": "frame -> gain, offset, shading, row and column offsets, log-SNR of sub-bands and frame",
    "restore.onnx": "frame and estimates -> restored frame, one evaluation of the denoiser",
    "adapters.safetensors": "the bases and the hypernetwork that turn a prompt into a change of the denoiser's weights",
    "prompts.safetensors": "512 numbers for each task",
    "detector.onnx": "frame -> boxes, scores and classes, overlaps suppressed; what the robot's engines run",
    "detector.safetensors": "the same weights, fp16, for training with the detector's loss",
    "detector.yaml": "how that network is built, and what its classes are called",
}
DETECTORS = "detector_"  # their folders begin so
NOT_MEASURED = "Not measured yet: `python benchmarks/restoration.py`, then this again."


def models() -> None:
    """Write docs/models.md. Run it after weights were exported, and again after they were measured."""
    write_atomically(PAGE, page().encode())
    print(f"written: {PAGE}")


def page() -> str:
    """The text of docs/models.md. Raises WeightsError for a file that does not match its manifest."""
    folders = sorted((path.parent for path in SHIPPED.glob("*/manifest.json")), key=_order)
    parts = ["# What ships", "By `python benchmarks/models.py`, from the manifests and the results of the benchmarks."]
    for folder in folders:
        parts += _detector(folder) if _order(folder)[0] else _prior(find_prior(folder.name))
    return "\n\n".join(parts) + "\n"


def _order(folder: Path) -> tuple[bool, str]:
    """Priors, then detectors."""
    return folder.name.startswith(DETECTORS), folder.name


def _prior(files: PriorFiles) -> list[str]:
    names = ", ".join(Tasks(files).names)
    return [
        f"## {files.name} {files.version}",
        f"Tasks: {names}. How it works, its training, data and licences: {_card(files.folder)}.",
        _files({name: (digest, len(files.read(name))) for name, digest in files.hashes.items()}),
        *_quality(files),
    ]


def _detector(folder: Path) -> list[str]:
    find_detector(str(folder))  # raises WeightsError for a file that does not match the manifest
    manifest = json.loads((folder / "manifest.json").read_text())
    return [
        f"## detector {folder.name.removeprefix(DETECTORS)} {manifest['version']}",
        f"Finds: {', '.join(manifest['names'])}. **AGPL-3.0**, unlike the rest; nothing else needs it: its folder may "
        f"be deleted. Training, data, figures: {_card(folder)}.",
        _files({name: (digest, (folder / name).stat().st_size) for name, digest in manifest["files"].items()}),
    ]


def _card(folder: Path) -> str:
    return f"[model card](../infrared_ir_ros/weights/{folder.name}/MODEL_CARD.md)"


def _files(files: dict[str, tuple[str, int]]) -> str:
    """A table of files, from hash and bytes by name."""
    rows = [(f"`{name}`", KINDS[name], f"{size / 1e6:.2f}", f"`{digest}`") for name, (digest, size) in files.items()]
    return markdown_table(("file", "what", "MB", "SHA-256"), rows)


def _quality(files: PriorFiles) -> list[str]:
    """The results of benchmarks/restoration.py if they belong to these weights."""
    path = RESULTS / "restoration.json"
    figures = json.loads(path.read_text()) if path.exists() else {}
    digest = files.hashes["weights.safetensors"]
    if not digest.startswith(figures.get("prior.weights") or "none"):
        return [NOT_MEASURED]
    presets = [name.partition(".")[0] for name in figures if name.endswith(".all.ours.psnr")]
    rows = [(preset, *(_pair(figures, preset, method) for method in ("input", "v0", "ours"))) for preset in presets]
    return [
        "Grey PSNR in dB as frames come (after the best gain and offset), mean of the sets: [details](benchmarks.md).",
        markdown_table(("degradation", "input", "v = 0", "restored"), rows),
    ]


def _pair(figures: dict[str, float], preset: str, method: str) -> str:
    name = f"{preset}.all.{method}.psnr"
    if name not in figures:
        return ""
    fitted = figures.get(f"{name}_fitted")
    return f"{figures[name]:.1f}" + (f" ({fitted:.1f})" if fitted is not None else "")


if __name__ == "__main__":
    run_command(models)
