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
    """Learn a task for one camera. The prior, its adapters and all other tasks are not changed.

    The last quarter of each recording is used for validation: the task is saved only if it restores that better than
    the start, as OUTPUT/prompts.safetensors, for the parameters `prompts` and `task` of restore_node. Ends with 0, or
    with 1 if nothing better was found, an input could not be read, or the command failed.

    Parameters
    ----------
    sources
        Bags (folder, mcap, db3), videos, npz sequences, pictures, folders of these, or glob patterns ('bags/*.mcap').
    task
        Name of the new task.
    output
        Folder for the bank with the new task, before_after.png, and the checkpoint of an unfinished training.
    start
        The task to start from.
    optimise
        What to train: prompt (512 numbers), operators (computed from a prompt otherwise) or adapters (new bases).
    supervision
        clean: the frames are good and are degraded with `degradation`. pairs: there are clean counterparts of the
        frames. self: only the degraded frames; learns to remove noise and stripes, but not blur, shading or tone.
        labels: a frozen detector judges the restored frames by labelled objects.
    degradation
        For clean (required): a preset such as sensor_normal, or a profile.yaml of profile_sensor. For self: only such a
        profile; empty: noise is measured on the frames.
    topic
        Image topic of a bag; empty: the first.
    reference_topic
        For pairs: topic of the same bag with the clean frames, matched by stamp.
    reference
        For pairs: bag, video or folder with the clean frames, matched as by evaluate_bag.
    label_topic
        For labels: topic of the same bag with the labelled objects (Detection2DArray), matched by stamp.
    detector
        For labels: yolov8n (the shipped one), a folder that export_detector wrote, or a .pt of ultralytics (a pickle:
        only from people you trust).
    tolerance_ms
        Milliseconds between the stamps of frames that belong together.
    frames
        Number of frames to use at most, spread over all sources.
    steps
        Number of steps at most; 0: as many as fit into the minutes.
    minutes
        Duration of the training at most.
    seed
        Seed of the examples.
    counts_mapping
        How counts map to the range that the network sees, as in the node: fixed, percentile, tlinear, auto.
    counts_minimum
        Counts that map to 0 when the mapping is fixed.
    counts_maximum
        Counts that map to 1 when the mapping is fixed.
    prior_path
        Folder of the prior's weights; empty: those of the package.
    prompts
        File with more tasks to start from, which are copied into the new one.
    device
        Where to train: auto, cpu, cuda.
    resume
        Continue from the checkpoint in OUTPUT, which Ctrl-C leaves.
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
