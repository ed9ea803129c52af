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

"""Restores the frames of a camera, from counts to counts: the whole data flow."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from infrared_ir_ros.engines import Engine
from infrared_ir_ros.errors import FrameError
from infrared_ir_ros.records import Counts, Estimate, Options, Restored
from infrared_ir_ros.restoration.counts import Window, checked, narrowed, split_excess, window
from infrared_ir_ros.restoration.dead_pixels import replace_dead_pixels
from infrared_ir_ros.restoration.inference import cropped, enlarged, estimate_of, pad, reduced, restored_by, run_once
from infrared_ir_ros.restoration.library import Library, open_library
from infrared_ir_ros.restoration.pattern import PatternStage
from infrared_ir_ros.restoration.repeats import with_repeats, without_repeats
from infrared_ir_ros.restoration.schedule import Schedule
from infrared_ir_ros.restoration.shading import SnrGain, shrunk
from infrared_ir_ros.restoration.smoothing import Smoother
from infrared_ir_ros.restoration.task_switch import Loaded, TaskSwitch
from infrared_ir_ros.restoration.temporal_filter import TemporalFilter
from infrared_ir_ros.restoration.tone import mixed, noise_of, preserve
from infrared_ir_ros.restoration.unknown import without_blank

PERCENTILES = Counts("percentile")
SMALLEST_SPAN = 0.5  # of the restored frame: a nearly flat one is stretched by a factor of 2 at most
MOST_NOISE = 0.36  # deviation of the noise after the stretch; degraded training frames have up to 0.24


class Restorer:
    """Restores the frames of one camera, in order.

    `options` may be replaced at any time and takes effect with the next frame; a new task as soon as its weights are
    folded, in the background. Not for use by several threads at once.

    engine: runs the weights of the task in `options`. library: the known tasks; without one, `restore` alone.

    patterns: the memory of the camera's fixed pattern.
    """

    def __init__(
        self,
        engine: Engine,
        options: Options | None = None,
        library: Library | None = None,
    ) -> None:
        options = options or Options()
        self._library = library or Library(("restore",), lambda task: engine)
        self._version = 0  # of the library
        self._switch = TaskSwitch(Loaded(options.task, engine))
        self._schedule = Schedule()
        self._smoother, self._filter, self._snr_gain = Smoother(), TemporalFilter(), SnrGain()
        self._window: Window | None = None  # of the incoming counts
        self._view: Window | None = None  # of the counts that the networks see
        self._levels: Window | None = None  # of the restored frame
        self.patterns = PatternStage()
        self._kind: tuple[tuple[int, ...], np.dtype, Counts] | None = None  # of the last frame
        self._shape: tuple[int, ...] = ()
        self._shown: tuple[tuple[str, int], bool] | None = None  # prompt and tone of the last frame
        self.options = options

    @property
    def options(self) -> Options:
        return self._options

    @options.setter
    def options(self, options: Options) -> None:
        self.check(options)
        self._options = options
        make = partial(_prepared, self._library.engine_for, options.task, self._shape)
        self._switch.want(options.task, make, self._version)

    def check(self, options: Options) -> None:
        """Raises OptionError for a task that the prior does not know."""
        self._library.check(options.task)

    def take(self, library: Library, options: Options) -> None:
        """Replace the known tasks; switch to that of `options` as soon as it is folded, even if its name is the same.

        Raises OptionError, and changes nothing, for a task that the library does not know."""
        library.check(options.task)
        self._library, self._version = library, self._version + 1
        self.options = options

    @property
    def description(self) -> dict[str, str]:
        """Prior, hash of the weights, engine, device, precision and task in use."""
        task, engine, _ = self._switch.current
        return {**engine.description, "task": task}

    @property
    def prompt(self) -> tuple[str, int]:
        """The prompt in use: its task, and how often the library had been replaced before."""
        return self._switch.current.key

    @property
    def failure(self) -> str:
        """Why the task of `options` could not be switched to, or empty."""
        return self._switch.failure

    def wait_for_task(self, patience: float | None = None) -> None:
        """Wait, at most `patience` seconds, until no weights are being folded any more."""
        self._switch.wait(patience)

    def restore(self, frame: np.ndarray) -> Restored:
        """Restore one frame: (height, width) uint8, uint16 or float32, 16 to 4096 pixels a side; it is not changed.

        Raises FrameError if it cannot be restored. On one engine the same frame gives the same output, bit for bit,
        unless smoothing or the pattern memory is on.
        """
        options, clock = self._options, _Stopwatch()
        finite, times = without_repeats(checked(frame))  # at the resolution of the sensor
        kind = finite.shape, frame.dtype, options.counts
        if kind != self._kind:
            self._forget_scene()  # but not the pattern: its memory checks by itself whether it still fits
            self._kind, self._shape = kind, finite.shape
        current = self._switch.take()
        task, engine, _ = current
        shown = current.key, options.preserves
        if shown != self._shown:  # past frames were restored differently: none may be mixed into this one
            self._levels, self._shown = None, shown
            self._filter.reset()

        # 1. counts (H, W) -> unit range, float32; flames far above the window go around the networks
        repaired, nothing = without_blank(replace_dead_pixels(finite))
        corrected = self.patterns(repaired, options.pattern_memory)
        smoothing = 0.0 if self.patterns.changing else options.smoothing  # past estimates belong to another pattern
        whole = window(corrected, options.counts, frame.dtype)
        view = narrowed(whole, corrected)
        if self._view is not None and _moved(self._view, view) > 2:  # what was estimated in its units misleads
            self._forget_scene()
        self._window = _smoothed(self._window, whole, smoothing)
        self._view = _smoothed(self._view, view, smoothing)
        seen, excess = split_excess(self._view.to_unit(corrected))
        clock.lap("counts")
        # 2. estimate tone, shading, lines and the log-SNR of each sub-band; smoothed over a video
        padded = pad(enlarged(seen), engine.multiple)
        estimate = self._smoother(self._estimated(engine, padded, repaired), smoothing)
        clock.lap("estimate")
        # 3. one evaluation of the denoiser, (1, 1, H', W') -> (H, W)
        restored = reduced(restored_by(engine, padded, estimate), padded, seen, estimate.gain)
        clock.lap("restore")
        self._require_finite(restored)
        # 4. tone and strength, and back to counts of the same dtype
        restored = self._with_tone(options, restored, seen, excess, estimate, smoothing)
        toned = self._view if options.preserves else self._window
        if options.strength < 1:
            restored = mixed(toned.to_unit(repaired), restored, options.strength)
        image = toned.to_counts(restored, frame.dtype) if options.strength > 0 else finite.copy()  # to the bit
        if nothing is not None:
            image[nothing] = finite[nothing]
        clock.lap("tone")
        timestep = self._schedule.timestep(estimate.log_snr, engine.candidates)
        return Restored(with_repeats(image, times), task, estimate.log_snr, timestep, estimate, clock.laps)

    def reset(self) -> None:
        """Forget the past, as after a scene cut or a shutter event."""
        self._forget_scene()
        self._snr_gain = SnrGain()
        self.patterns.reset()

    def warm_up(self, height: int = 512, width: int = 640) -> None:
        """Run one synthetic frame, so that the first real one is not slow. The past is kept."""
        run_once(self._switch.current.engine, height, width)

    def _forget_scene(self) -> None:
        self._smoother.reset()
        self._filter.reset()
        self._window = self._view = self._levels = None

    def _require_finite(self, *answers: np.ndarray | float) -> None:
        """Raises FrameError for NaN or infinity, and forgets the scene, so that later frames do not suffer from it."""
        if not all(np.isfinite(answer).all() for answer in answers):
            self._forget_scene()
            name = self.description["engine"]
            raise FrameError(f"the {name} engine answered with NaN or infinity: use another engine or precision")

    def _estimated(self, engine: Engine, padded: np.ndarray, patterned: np.ndarray) -> Estimate:
        """The estimate of a frame, its shading shrunk. patterned: its counts before `patterns`."""

        def before() -> float:
            seen, _ = split_excess(self._view.to_unit(patterned))
            log_snr = estimate_of(engine, pad(enlarged(seen), engine.multiple)).log_snr
            self._require_finite(log_snr)
            return log_snr

        estimate = estimate_of(engine, padded)
        self._require_finite(estimate.gain, estimate.log_snr_bands, estimate.shading)
        gained = self._snr_gain(self.patterns.subtracting, estimate.log_snr, before)
        return replace(estimate, shading=shrunk(estimate.shading, estimate.log_snr - gained))

    def _with_tone(
        self,
        options: Options,
        restored: np.ndarray,
        seen: np.ndarray,
        excess: np.ndarray | None,
        estimate: Estimate,
        smoothing: float,
    ) -> np.ndarray:
        """The restored frame in the chosen tone, free of flicker, with what bypassed the networks added again."""
        if options.preserves:
            restored, gain = preserve(restored, seen, cropped(estimate, seen.shape)), 1.0
        else:
            step = 0 if self._kind[1] == np.float32 else 1 / self._view.span
            restored, gain = self._stretched(restored, noise_of(seen, step) * estimate.gain, smoothing)
            gain *= estimate.gain
        restored = self._filter(seen, restored, smoothing)
        return restored if excess is None else restored + np.float32(gain) * excess

    def _stretched(self, restored: np.ndarray, noise: float, smoothing: float) -> tuple[np.ndarray, float]:
        """The restored frame stretched to the levels of clean frames (design section 1.4), and the gain of that.

        The network loses contrast where it is unsure. noise: deviation of the input's noise, in the tone of `restored`.
        """
        smallest = max(SMALLEST_SPAN, noise / MOST_NOISE)
        self._levels = _smoothed(self._levels, window(restored, PERCENTILES).widened(smallest), smoothing)
        return self._levels.to_unit(restored), 1 / self._levels.span


def load_restorer(
    prior: str = "embedded",
    prior_path: str = "",
    engine: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    options: Options | None = None,
    prompts: str = "",
) -> Restorer:
    """A restorer with the weights of a prior: the shipped ones, or those in the folder `prior_path`.

    prompts: a file with more tasks (`PromptBank`). The weights of the task in `options` are folded at once.
    Raises WeightsError (files missing or damaged, hash mismatch, NaN in the output) and OptionError (unknown prior,
    task, engine, device or precision, or an engine that is not installed).
    """
    options = options or Options()
    library = open_library(prior, prior_path, engine, device, precision, prompts)
    library.check(options.task)
    return Restorer(library.engine_for(options.task), options, library)


def _prepared(engine_for: Callable[[str], Engine], task: str, shape: tuple[int, ...]) -> Engine:
    """The engine of a task, warmed up for frames of the current size. Called in the background."""
    engine = engine_for(task)
    if shape:
        run_once(engine, *shape)
    return engine


def _smoothed(past: Window | None, fresh: Window, smoothing: float) -> Window:
    """Smooth windows over time, since percentiles jitter; but not across a cut."""
    return fresh if past is None or smoothing == 0 or _moved(past, fresh) > 0.5 else fresh.blended(past, smoothing)


def _moved(past: Window, fresh: Window) -> float:
    """How far an end has moved, in widths of the narrower window."""
    moved = max(abs(new - old) for new, old in zip(fresh.ends, past.ends, strict=True))
    return moved / max(min(past.span, fresh.span), 1e-30)


@dataclass
class _Stopwatch:
    """Milliseconds of each step."""

    laps: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name], self.last = 1000 * (now - self.last), now
