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

"""Says whether restoration helps on your recordings: figures, pictures and plots in one report."""

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
    """Compare the input, classical chains, tasks of ours and topics of yours on bags, videos and folders of pictures.

    Writes report.html (one file, loads nothing), report.json, frames.csv, and a bag of the results for each recording,
    on the stamps of the input. The folder appears when all is written; interrupted or killed, the same command goes on
    with the recordings that are not done. Ends with 0, with 1 if a recording or a part of one could not be read, or
    nothing could be done, and with 130 after Ctrl-C.

    Parameters
    ----------
    inputs
        Bags (folder, mcap, db3), videos, npz sequences, folders of pictures, or folders with any of them. A folder that
        holds nothing but pictures is one recording, folders in it included: for several, name each, as in `flights/*`.
    output
        Folder for the report; must not exist.
    task
        A task of ours to restore for; may be given several times.
    classical
        A classical chain DENOISER+SHADING, as wavelet+gradient; may be given several times.
    method_topic
        Topic of the same bag with frames that another method restored; may be given several times.
    detector
        A detector to look at the frames of every method: ONNX of export_detector, or the name of one that ships.
    detection_topic
        Topic of the same bag (Detection2DArray) with what your detector found; may be given several times.
    label_topic
        Topic of the same bag (Detection2DArray, or truth/boxes of our camera) with what is there: for mAP.
    labels
        The same as a folder of YOLO's label files, named as the pictures, or by number (000000.txt) for bags and
        videos; class names in classes.txt, or as the detector has them. A folder in it of the recording's name is its
        own.
    topic
        Image topic of the input in a bag; empty: the first.
    reference_topic
        Topic of the same bag with clean frames, matched by stamp; frames without one are judged without.
    reference
        Bag, video or folder with the clean frames: matched by stamp where both are bags, else by number.
    degradation
        Preset, as sensor_normal: the input counts as clean, and is degraded first.
    seed
        Of the degradation.
    tolerance_ms
        Between the stamps of frames that belong together.
    frames
        Of each recording, at most; 0: all.
    mode
        offline: every frame, as fast as possible. replay: through the live node in the recording's own time, so that
        drops and the way through ROS count; of bags and pictures alike, for one task.
    smoothing
        Weight of the past in the estimates, 0 to 0.99.
    distance_every
        MS-SSIM and ST-LPIPS, where torchmetrics and stlpips-pytorch are installed, on every so many clean frames; 0:
        never.
    ray
        Spread the recordings over a Ray cluster: HOST:PORT of its head, auto (the one that runs here), or local (start
        one here, on all cores). Its machines have this package, and see recordings and output under the same paths. For
        a cluster that wants a token set RAY_AUTH_MODE=token.
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
