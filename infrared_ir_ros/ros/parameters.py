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

"""Every parameter of restore_node, once: declaration, checks, config/restore.yaml and the README's table.

`python -m infrared_ir_ros.ros.parameters yaml` prints the configuration file, `... markdown` the table.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from infrared_ir_ros.engines.engine import DEVICES, ENGINES, PRECISIONS, PREFERRED
from infrared_ir_ros.records import MAPPINGS, PATTERN_MEMORY, TONES, Counts, DetectionOptions, Options
from infrared_ir_ros.restoration.palettes import PALETTES
from infrared_ir_ros.ros.parameter import START, UNCONFIGURED, Parameter, Value, render_markdown, render_yaml

_COUNTS = Counts()
_DETECTION = DetectionOptions()

TABLE: tuple[Parameter, ...] = (
    Parameter(
        "task",
        "restore",
        "what the frame is restored for: a task of the prior or of the file `prompts`; the old task stays in use until "
        "the new one is ready",
    ),
    Parameter(
        "tone",
        "auto",
        "restore undoes loss of contrast and brightness; preserve keeps the input's level and contrast; "
        "auto preserves temperatures (counts.mapping tlinear) and restores otherwise",
        choices=TONES,
    ),
    Parameter("strength", 1.0, "mix of input (0) and restored frame (1)", 0.0, 1.0),
    Parameter(
        "smoothing",
        0.8,
        "weight of past frames in the estimates of a video, and where nothing moves; 0 treats each frame alone",
        0.0,
        0.99,
    ),
    Parameter(
        "pattern_memory",
        "auto",
        "auto: learn what stays in place while the camera moves (the fixed pattern of an uncalibrated sensor), and "
        "subtract it once the evidence is strong; on: with less evidence, if you know there is one; off: forget it",
        choices=PATTERN_MEMORY,
    ),
    Parameter(
        "pattern_file",
        "",
        "file that keeps the camera's fixed pattern between runs, read on activation and written by ~/save_pattern; "
        "empty: none",
        change=UNCONFIGURED,
    ),
    Parameter(
        "camera_name",
        "",
        "the camera that the pattern belongs to, for example a serial number; a file of another camera is refused; "
        "empty: the frame_id of its frames",
        change=UNCONFIGURED,
    ),
    Parameter(
        "counts.mapping",
        _COUNTS.mapping,
        "how counts map to the range that the network sees: fixed (minimum, maximum), percentile (of the scene; bars "
        "and flames do not count), tlinear (counts are temperatures), auto (8 bit: 0 to 255, otherwise percentile)",
        choices=MAPPINGS,
    ),
    Parameter("counts.minimum", _COUNTS.minimum, "counts that map to 0 when the mapping is fixed", -1e6, 1e6),
    Parameter("counts.maximum", _COUNTS.maximum, "counts that map to 1 when the mapping is fixed", -1e6, 1e6),
    Parameter("counts.low_percentile", _COUNTS.low_percentile, "percentile that maps to 0", 0.0, 50.0),
    Parameter("counts.high_percentile", _COUNTS.high_percentile, "percentile that maps to 1", 50.0, 100.0),
    Parameter(
        "counts.resolution",
        _COUNTS.resolution,
        "kelvin per count of tlinear input: 0.01 or 0.1; affects figures in kelvin, not the frames",
        0.01,
        0.1,
    ),
    Parameter(
        "prior",
        "embedded",
        "the network: embedded ships with the package; sd_turbo needs an imported checkpoint and torch",
        change=UNCONFIGURED,
    ),
    Parameter("prior_path", "", "folder of the prior's weights; empty: those of the package", change=UNCONFIGURED),
    Parameter(
        "prompts",
        "",
        "file with more tasks (a bank of prompts trained for this prior), read whenever this is set; empty: only the "
        "prior's own",
    ),
    Parameter(
        "engine",
        "auto",
        f"what runs the network; auto takes the first of {', '.join(PREFERRED)} that is installed and fits the device",
        choices=ENGINES,
        change=UNCONFIGURED,
    ),
    Parameter(
        "device", "auto", "where the network runs; gpu and npu are Intel's", choices=DEVICES, change=UNCONFIGURED
    ),
    Parameter(
        "precision",
        "auto",
        "number format that the network computes with; auto is fp32, or bf16 where OpenVINO's processor computes in it",
        choices=PRECISIONS,
        change=UNCONFIGURED,
    ),
    Parameter(
        "detector.model",
        "",
        "the detector: yolov8n (ships with the package), an .onnx or a folder of export_detector, a .safetensors "
        "beside its .yaml, or a .pt (see detector.allow_pickle); empty: none",
        change=UNCONFIGURED,
    ),
    Parameter(
        "detector.allow_pickle",
        False,
        "whether the detector may be a .pt: loading one runs any code that its author put into it",
        change=UNCONFIGURED,
    ),
    Parameter("detector.confidence", _DETECTION.confidence, "detections with a lower score are dropped", 0.0, 1.0),
    Parameter(
        "detector.iou",
        _DETECTION.iou,
        "of two boxes of one class that overlap by more than this share, only the better one is kept",
        0.0,
        1.0,
    ),
    Parameter("detector.classes", "", "names of the wanted classes, separated by commas; empty: all"),
    Parameter(
        "detector.track",
        True,
        "number objects over time (ByteTrack) in the id of a detection; numbered objects are reported down to a score "
        "of 0.1",
    ),
    Parameter(
        "detect_on",
        "restored",
        "which frames the detector runs on: restored (topic detections), input (detections/input) or both",
        choices=("restored", "input", "both"),
    ),
    Parameter("detect_every_n", 1, "the detector runs on every n-th frame", 1, 1000),
    Parameter(
        "max_age_ms", 500.0, "milliseconds; a frame older than this when its turn comes is dropped", 1.0, 60000.0
    ),
    Parameter(
        "on_failure",
        "drop",
        "what to do with a frame that is too old or cannot be restored: drop, or passthrough (publish it unrestored)",
        choices=("drop", "passthrough"),
    ),
    Parameter(
        "qos",
        "auto",
        "reliability of the image subscription; auto follows the publisher",
        choices=("auto", "best_effort", "reliable"),
    ),
    Parameter("palette", "ironbow", "colours of ~/comparison and ~/overlay", choices=PALETTES),
    Parameter("input_timeout_s", 2.0, "no frame for this many seconds is an error", 0.1, 3600.0),
    Parameter("stuck_timeout_s", 3.0, "identical frames for this many seconds are an error", 0.1, 3600.0),
    Parameter("autostart", True, "configure and activate at start, without a lifecycle manager", change=START),
)
BY_NAME = {parameter.name: parameter for parameter in TABLE}


def options_from(values: Mapping[str, Value]) -> Options:
    """The restorer's options in a set of parameter values. Raises OptionError if they contradict each other."""
    counts = {name.removeprefix("counts."): value for name, value in values.items() if name.startswith("counts.")}
    return Options(
        task=str(values["task"]),
        tone=str(values["tone"]),
        strength=float(values["strength"]),
        smoothing=float(values["smoothing"]),
        counts=Counts(**counts),  # type: ignore[arg-type]
        pattern_memory=str(values["pattern_memory"]),
    )


def detection_options_from(values: Mapping[str, Value]) -> DetectionOptions:
    """The detector's options in a set of parameter values."""
    names = (name.strip() for name in str(values["detector.classes"]).split(","))
    return DetectionOptions(
        confidence=float(values["detector.confidence"]),
        iou=float(values["detector.iou"]),
        classes=tuple(name for name in names if name),
    )


def check_all(values: Mapping[str, Value]) -> Options:
    """Check a full set of values, one by one and together. Raises OptionError for the first that is wrong."""
    for parameter in TABLE:
        parameter.check(values[parameter.name])
    return options_from(values)


if __name__ == "__main__":
    if sys.argv[1:] == ["yaml"]:
        sys.stdout.write(render_yaml(TABLE, "restore_node", "parameters yaml"))
    elif sys.argv[1:] == ["markdown"]:
        sys.stdout.write(render_markdown(TABLE))
    else:
        sys.exit("usage: python -m infrared_ir_ros.ros.parameters yaml|markdown")
