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

"""evaluate_bag: measures whether restoration helps on your recordings, and writes a report."""

from __future__ import annotations

from pathlib import Path

from infrared_ir_ros.commands.demo import stay_apart
from infrared_ir_ros.commands.restoring import DEFAULTS, Restoring
from infrared_ir_ros.commands.running import run_command


def evaluate_bag(
    *inputs: Path,
    output: Path,
    task: tuple[str, ...] = ("restore",),
    classical: tuple[str, ...] = (),
    method_topic: tuple[str, ...] = (),
    detector: str = "",
    detection_topic: tuple[str, ...] = (),
    label_topic: str = "",
    labels: str = "",
    topic: str = "",
    reference_topic: str = "",
    reference: str = "",
    degradation: str = "",
    seed: int = 0,
    tolerance_ms: float = 5.0,
    frames: int = 0,
    mode: str = "offline",
    smoothing: float = 0.8,
    distance_every: int = 10,
    ray: str = "",
    restoring: Restoring = DEFAULTS,
) -> int:
    """Compare input, classical chains, our tasks and your topics on bags, videos and folders of pictures.

    Writes report.html (one file, loads nothing), report.json, frames.csv, and a bag of the results for each recording,
    with the stamps of the input. The folder appears once it is complete; if interrupted or killed, run the same command
    again to continue. Ends with 0, with 1 if a recording or a part of one could not be read or the command failed, and
    with 130 after Ctrl-C.

    Parameters
    ----------
    inputs
        Bags (folder, mcap, db3), videos, npz sequences, folders of pictures, or folders with any of them. A folder that
        holds only pictures is one recording, including its subfolders: for several, name each, as in `flights/*`.
    output
        Folder for the report; must not exist.
    task
        A task of ours to restore for; may be given several times.
    classical
        A classical chain DENOISER+SHADING, such as wavelet+gradient; may be given several times.
    method_topic
        Topic of the same bag with frames that another method restored; may be given several times.
    detector
        A detector to run on the frames of every method: ONNX of export_detector, or the name of one that ships.
    detection_topic
        Topic of the same bag (Detection2DArray) with detections of your own detector; may be given several times.
    label_topic
        Topic of the same bag (Detection2DArray, or truth/boxes of our camera) with the true objects, for mAP.
    labels
        The same as a folder of YOLO label files, named like the pictures, or by number (000000.txt) for bags and
        videos; class names in classes.txt, else the detector's. A subfolder with the name of a recording is for that
        recording.
    topic
        Image topic of the input in a bag; empty: the first.
    reference_topic
        Topic of the same bag with clean frames, matched by stamp; frames without one are judged without.
    reference
        Bag, video or folder with the clean frames, matched by stamp if both are bags, else by number.
    degradation
        Preset, such as sensor_normal: the input counts as clean, and is degraded first.
    seed
        Seed of the degradation.
    tolerance_ms
        Milliseconds between the stamps of frames that belong together.
    frames
        Number of frames per recording, at most; 0: all.
    mode
        offline: every frame, as fast as possible. replay: through the live node in real time, so that dropped frames
        and the latency of ROS count; for one task.
    smoothing
        Weight of past frames in the estimates, 0 to 0.99.
    distance_every
        MS-SSIM and ST-LPIPS (if torchmetrics and stlpips-pytorch are installed) on every n-th clean frame; 0: never.
    ray
        Distribute the recordings over a Ray cluster: HOST:PORT of its head, auto (the one that runs here), or local
        (start one here, on all cores). Its machines need this package, and must see recordings and output under the
        same paths. If the cluster needs a token, set RAY_AUTH_MODE=token.
    """
    from infrared_ir_ros.commands.evaluate_asked import Asked
    from infrared_ir_ros.commands.evaluate_run import evaluate
    from infrared_ir_ros.evaluation.recordings import Wanted, nanoseconds

    options = restoring.options(task[0] if task else "restore", smoothing)
    wanted = Wanted(topic, method_topic, detection_topic, label_topic, labels, (), reference_topic, reference,
                    degradation, seed, nanoseconds(tolerance_ms), frames)  # fmt: skip
    network = restoring.network()
    return evaluate(
        Asked(inputs, output, mode, task, classical, wanted, options, network, distance_every, detector, ray)
    )


def main() -> None:
    """Entry point `evaluate_bag`."""
    stay_apart()
    run_command(evaluate_bag)


if __name__ == "__main__":
    main()
