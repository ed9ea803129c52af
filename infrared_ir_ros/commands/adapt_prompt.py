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

"""adapt_prompt: teach the network one camera, from its own recordings."""

from __future__ import annotations

from pathlib import Path

from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.commands.stopping import stopper


def adapt_prompt(
    *sources: str,
    task: str,
    output: Path,
    start: str = "restore",
    optimise: str = "prompt",
    supervision: str = "clean",
    degradation: str = "",
    topic: str = "",
    reference_topic: str = "",
    reference: str = "",
    label_topic: str = "",
    detector: str = "",
    tolerance_ms: float = 5.0,
    frames: int = 400,
    steps: int = 0,
    minutes: float = 10.0,
    seed: int = 0,
    counts_mapping: str = "auto",
    counts_minimum: float = 0.0,
    counts_maximum: float = 65535.0,
    prior_path: str = "",
    prompts: str = "",
    device: str = "auto",
    resume: bool = False,
) -> int:
    """Learn a task for one camera; the prior, its adapters and all other tasks stay as they are, bit for bit.

    The last quarter of each recording is not learned from, but judges: only what restores it better than the start is
    saved, as OUTPUT/prompts.safetensors, for the parameters `prompts` and `task` of restore_node. Ends with 0, with 1
    if nothing better was found, something could not be read or it could not be done.

    Parameters
    ----------
    sources
        Bags (folder, mcap, db3), videos, npz sequences, pictures, folders of these, or patterns such as 'bags/*.mcap'.
    task
        Name of the new task.
    output
        Folder of the bank with the new task, of before_after.png, and of the checkpoint while it is not finished.
    start
        The task that it starts from.
    optimise
        prompt (512 numbers), operators (what the network makes of a prompt) or adapters (bases of its own).
    supervision
        clean: the frames are good, and are degraded as `degradation` says, which is required then. pairs: there are
        clean frames beside them. self: the frames are all that there is; learns against noise and stripes alone, not
        blur, shading or tone. labels: a frozen detector judges how well it sees what is in the frames.
    degradation
        Of clean, required: a preset such as sensor_normal, or the profile.yaml that profile_sensor wrote. Of self:
        only such a profile; empty: noise is measured on the frames.
    topic
        Image topic of a bag; empty: the first.
    reference_topic
        Of pairs: topic of the same bag with the clean frames, matched by stamp.
    reference
        Of pairs: bag, video or folder with the clean frames, matched as by evaluate_bag.
    label_topic
        Of labels: topic of the same bag with what is in the frames (Detection2DArray), matched by stamp.
    detector
        Of labels: file of a YOLOv8 (.pt of ultralytics, a pickle: only from those you trust), which must be installed.
    tolerance_ms
        Between the stamps of frames that belong together.
    frames
        To be used at most, spread over all.
    steps
        To train at most; 0: as many as fit into the minutes.
    minutes
        To train at most.
    seed
        Of the examples.
    counts_mapping
        How counts map to the range that the network sees, as in the node: fixed, percentile, tlinear, auto.
    counts_minimum
        Counts that map to 0 when the mapping is fixed.
    counts_maximum
        Counts that map to 1 when the mapping is fixed.
    prior_path
        Folder of the prior's weights; empty: those of the package.
    prompts
        File with more tasks to start from, which are kept in the new one.
    device
        Where to train: auto, cpu, cuda.
    resume
        Go on from the checkpoint in the output, which Ctrl-C leaves.
    """
    from infrared_ir_ros.commands.adapt_run import run
    from infrared_ir_ros.records import Counts
    from infrared_ir_ros.training.adapt_frames import Lesson
    from infrared_ir_ros.training.adapt_plan import Plan

    plan = Plan(task, start, optimise, steps, minutes, seed, device)
    counts = Counts(counts_mapping, counts_minimum, counts_maximum)
    reference_of = {"reference_topic": reference_topic, "reference": reference, "tolerance_ms": tolerance_ms}
    judged_by = {"label_topic": label_topic, "detector": detector}
    how = {"degradation": degradation, "frames": frames, "counts": counts}
    lesson = Lesson(sources, supervision, topic, **reference_of, **judged_by, **how)
    return run(plan, lesson, output, prior_path, prompts, resume, stopper(0))


def main() -> None:
    """Entry point `adapt_prompt`."""
    run_command(adapt_prompt)


if __name__ == "__main__":
    main()
