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

"""The loop of `adapt_prompt`: trains a task for one camera on a frozen prior, and keeps it only if it improves."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from infrared_ir_ros.errors import OptionError, WeightsError
from infrared_ir_ros.media.atomic import unwritable, write_atomically
from infrared_ir_ros.restoration.folding import ADAPTERS, PROMPTS, WEIGHTS, read_adapters
from infrared_ir_ros.restoration.prompts import PromptBank
from infrared_ir_ros.restoration.weights import PriorFiles
from infrared_ir_ros.training import checkpoint
from infrared_ir_ros.training.adapt_frames import Material
from infrared_ir_ros.training.adapt_model import Adaptation, Judged, entry_of
from infrared_ir_ros.training.adapt_plan import RATES, Outcome, Plan, Report, Verdict
from infrared_ir_ros.training.checkpoint import Progress
from infrared_ir_ros.training.task_model import digest

BANK = PROMPTS  # in the folder of the output
BATCH = 2  # examples per step
LOOKS = 5  # validations during the training
JUDGED = 16  # validation examples, each always degraded in the same way
PATIENCE = 0.1  # seconds between two calls of `pause`
WARM_UP = 10  # steps


def adapt(
    plan: Plan,
    files: PriorFiles,
    bank: PromptBank | None,
    material: Material,
    folder: Path,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
    pause: Callable[[], bool] = lambda: False,
    tell: Callable[[Report], None] = lambda _: None,
) -> Outcome:
    """Train, and write `folder/prompts.safetensors`: the tasks of `bank`, and the new one if it beats its start.

    stop: called repeatedly, once more after the last step; True saves and returns, unless all steps are done. pause:
    while True nothing is computed, and the time does not count.
    Raises OptionError or WeightsError if the arguments do not fit each other, SourceError if `folder` cannot be made.
    """
    _check_output(folder, resume)
    _check(plan, files, bank)
    model = Adaptation(files, entry_of(files, bank, plan.start), plan.optimise).to(_device(plan.device))
    before = digest(model.adapted.prior)
    training = _Training(plan, model, material, folder, _identity(plan, files, material))
    if resume:
        training.resume()
    finished = training.run(stop, pause, tell)
    if digest(model.adapted.prior) != before:
        raise WeightsError("the prior's weights changed while its task was trained: nothing was saved")
    return training.end(files, bank, finished)


def _check_output(folder: Path, resume: bool) -> None:
    begun, finished = (folder / checkpoint.FILE).exists(), (folder / BANK).exists()
    if finished and not begun:
        raise OptionError(
            f"{folder} already holds a finished adaptation: choose another output; to start from it, give "
            f"{folder / BANK} as prompts"
        )
    if begun and not resume:
        raise OptionError(f"{folder} already holds an adaptation: continue it (--resume), or choose another output")
    try:
        folder.mkdir(parents=True, exist_ok=True)  # fails now rather than after the training
    except OSError as error:
        raise unwritable(folder, error) from error


def _check(plan: Plan, files: PriorFiles, bank: PromptBank | None) -> None:
    read_adapters(files)
    if bank:
        bank.check(files.hashes[WEIGHTS], files.hashes[ADAPTERS], "the bank of prompts")
    if plan.task in files.tasks:
        raise OptionError(f"task {plan.task!r} is one of the prior's own, which stay as they are: choose another name")
    if plan.task in _known(files, bank) and plan.task != plan.start:
        raise OptionError(f"task {plan.task!r} exists: choose another name, or start from it to train it further")


def _known(files: PriorFiles, bank: PromptBank | None) -> set[str]:
    own = PromptBank.from_bytes(files.read(PROMPTS), PROMPTS).prompts if PROMPTS in files.hashes else {}
    return {*own, *(bank.prompts if bank else ())}


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise OptionError("device is 'cuda', but torch finds no GPU: use cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def _identity(plan: Plan, files: PriorFiles, material: Material) -> dict[str, str]:
    """What must be equal to resume from a checkpoint."""
    parts = {"prior": files.hashes[WEIGHTS], "adapters": files.hashes[ADAPTERS], "task": plan.task}
    parts |= {"start": plan.start, "optimise": plan.optimise, "seed": str(plan.seed)}
    return parts | {"supervision": material.taught, "frames": f"{len(material.training)} + {len(material.judging)}"}


class _Training:
    """State of the loop, most of which a checkpoint keeps."""

    def __init__(
        self, plan: Plan, model: Adaptation, material: Material, folder: Path, identity: dict[str, str]
    ) -> None:
        self._plan, self._model, self._material, self._folder = plan, model, material, folder
        self._identity = identity
        self._optimizer = torch.optim.AdamW(model.trained.values(), lr=RATES[plan.optimise], weight_decay=0.0)
        self._progress = Progress()
        self._start = self._best_state = model.state()
        self._terms: dict[str, float] = {}
        self._looked = 0

    def resume(self) -> None:
        """Continue from the checkpoint in the folder."""
        progress = checkpoint.load(self._folder)
        for name, ours in self._identity.items():
            theirs = progress.prior.get("identity", {}).get(name)
            if theirs != ours:
                raise OptionError(
                    f"{self._folder} was started with {name} {theirs}, this is {ours}: choose another output"
                )
        self._progress = progress
        self._model.restore_state(progress.prior["now"])
        self._best_state = progress.prior["best"]
        self._optimizer.load_state_dict(progress.optimizer)

    def run(self, stop: Callable[[], bool], pause: Callable[[], bool], tell: Callable[[Report], None]) -> bool:
        """Train until the budget is spent (True) or `stop` returns True (False), after saving the checkpoint."""
        now = self._model.state()
        self._before = self._best = self._verdict_of(self._start)
        if self._progress.step:
            self._best = self._verdict_of(self._best_state)
        self._model.restore_state(now)
        self._looked = int(LOOKS * self._share())
        tell(self._report(self._best))
        while (share := self._share()) < 1:
            while pause() and not stop():
                time.sleep(PATIENCE)
            if stop():
                self._save()
                return False
            began = time.monotonic()
            self._step(share)
            self._progress.step += 1
            self._progress.seconds += time.monotonic() - began
            tell(self._report(self._look()))
        stop()  # raises if the last step was cancelled; an interruption of it finds everything done
        return True

    def end(self, files: PriorFiles, bank: PromptBank | None, finished: bool) -> Outcome:
        """Write the bank if the best state beats the start."""
        path = None
        if self._best.beats(self._before):
            path = self._folder / BANK
            self._model.restore_state(self._best_state)
            bank = bank or PromptBank(files.hashes[WEIGHTS], files.hashes[ADAPTERS])
            write_atomically(path, bank.with_prompt(self._plan.task, *self._model.entry()).to_bytes())
        if finished:
            (self._folder / checkpoint.FILE).unlink(missing_ok=True)
        progress = self._progress
        return Outcome(path, self._before, self._best, progress.step, progress.seconds, self._model.count, finished)

    def _step(self, share: float) -> None:
        """One update. Its examples depend on the seed and the number of the step alone, so that it can be resumed."""
        step, moments = self._progress.step, self._material.training
        rate = min(1.0, (step + 1) / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * share))
        self._optimizer.param_groups[0]["lr"] = rate * RATES[self._plan.optimise]
        self._optimizer.zero_grad()
        weights = self._model.weights()
        judged = []
        for index in range(BATCH):
            rng = np.random.default_rng([self._plan.seed, step, index])
            example = self._material.draw(moments[rng.integers(len(moments))], rng)
            judged.append(self._model.judge(example, weights, self._material.detection).terms)
        terms = {name: torch.stack([one[name] for one in judged]).mean() for name in judged[0]}
        sum(terms.values()).backward()
        self._terms = {name: float(term.detach()) for name, term in terms.items()}
        torch.nn.utils.clip_grad_norm_(self._model.trained.values(), 1.0)
        self._optimizer.step()

    def _look(self) -> Verdict | None:
        """Validate if it is due (LOOKS times, the last at the end), keep the best, and save. Its time counts, too."""
        due = int(LOOKS * self._share())
        if due == self._looked:
            return None
        self._looked, began = due, time.monotonic()
        verdict = self._verdict()
        self._progress.seconds += time.monotonic() - began
        if verdict.loss < self._best.loss and not verdict.blurs(self._before):
            self._best, self._best_state = verdict, self._model.state()
        self._save()
        return verdict

    def _verdict_of(self, state: dict[str, Tensor]) -> Verdict:
        self._model.restore_state(state)
        return self._verdict()

    @torch.no_grad()
    def _verdict(self) -> Verdict:
        moments = self._material.judging
        weights, judged, frames = self._model.weights(), [], []
        count = JUDGED if self._material.varies else min(JUDGED, len(moments))
        for index in range(count):
            frames.append(int((index + 0.5) * len(moments) / count))
            rng = np.random.default_rng([self._plan.seed, 1 << 40, index])
            example = self._material.draw(moments[frames[-1]], rng)
            judged.append(self._model.judge(example, weights, self._material.detection))
            if index == 0:
                height, width = example.target.shape
                self._original = _shown(torch.from_numpy(example.seen[:height, :width])[None, None])
        return _verdict(judged, frames)

    def _report(self, verdict: Verdict | None) -> Report:
        progress, share = self._progress, self._share()
        return Report(
            progress.step, progress.seconds, share, self._terms, self._before, self._best, self._original, verdict
        )

    def _share(self) -> float:
        return self._plan.share(self._progress.step, self._progress.seconds)

    def _save(self) -> None:
        progress = self._progress
        progress.prior = {"identity": self._identity, "now": self._model.state(), "best": self._best_state}
        progress.optimizer = self._optimizer.state_dict()
        checkpoint.save(self._folder, progress)


def _verdict(judged: list[Judged], frames: list[int]) -> Verdict:
    losses = np.array([float(sum(one.terms.values())) for one in judged])
    means = (float(np.mean([getattr(one, name) for one in judged])) for name in ("psnr", "psnr_fitted", "lost_detail"))
    return Verdict(losses, np.array(frames), *means, _shown(judged[0].restored))


def _shown(image: Tensor) -> np.ndarray:
    return np.rint(image[0, 0].clamp(0, 1).cpu().numpy() * 255).astype(np.uint8)
