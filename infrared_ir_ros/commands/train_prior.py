"""train_prior: train the embedded prior."""

from __future__ import annotations

from pathlib import Path

import cyclopts

from infrared_ir_ros.training.config import read_config
from infrared_ir_ros.training.pack import read_pack
from infrared_ir_ros.training.train import train_prior as train


def train_prior(config: Path, *, pack: Path, output: Path, resume: bool = False, minutes: float = 0.0) -> None:
    """Train the embedded prior: field head on thumbnails, then lines, log-SNR head and denoiser on frames.

    Parameters
    ----------
    config
        YAML file, such as config/train_prior.yaml.
    pack
        Clean frames, made by `pack_frames`.
    output
        Folder of the checkpoint, the logs (CSV, TensorBoard) and sample pictures.
    resume
        Go on from the checkpoint in `output`.
    minutes
        Stop, resumably, after so many minutes; 0 trains to the end of the schedule.
    """
    train(read_config(config), read_pack(pack), output, resume, minutes)


def main() -> None:
    cyclopts.run(train_prior)


if __name__ == "__main__":
    main()
