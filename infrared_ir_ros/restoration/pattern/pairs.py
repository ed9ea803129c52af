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

"""The part of the pattern that no scene can imitate, from pairs of frames laid over each other.

If the scene at x is found again at x + d some frames later, it cancels in the difference of the two values, and leaves
p(x) - p(x + d). Many such differences determine the pattern, except for what is constant along the motion and where
nothing can be tracked: there it stays flat, or as `common_field` has it so far as pairs confirm that. What lies in the
same place in all frames, such as a sky above or a road below, is thus hardly ever taken for pattern: this is safer than
`common_field`, but tells less.
The larger d, the more of a coarse pattern shows: while the camera turns, its motion is chained from pair to pair, and
frames further apart teach as well, until pairs alone tell as much as `common_field`.
Registration-based non-uniformity correction (Hardie et al., Applied Optics 39, 2000; Zuo et al., Optical Review 18,
2011), with dense flow instead of one shift, and robust least squares.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from infrared_ir_ros.restoration.pattern.field import conjugate_gradients, divergence, doubt, inverse_laplacian, slopes
from infrared_ir_ros.restoration.pattern.overlay import STILL, Pair, chained, overlaid, spread
from infrared_ir_ros.restoration.pattern.solver import FoundField, Solver

SPACING = 4  # frames that taught, per one that is examined
YOUNG, BURST, REST = 300, 68, 4  # frames that taught; after YOUNG, only one of REST bursts is examined
LAGS = (1, 3, 8, 16)  # examined frames between those of a pair
TAUGHT_LAG, SEEN_LAG = 3, 8  # the most without a turn: to learn, to judge
ONE = 0.8  # share of the tracked cells that move as one: the camera turns
PAIRS = 80  # kept
FIRST_SOLVE, SOLVE_SHARE = 4, 8  # new frames until the pattern is solved for: at least, and per kept pair
LEAST_SIDE = 24  # cells; a smaller frame is too small for flow
MOTION_PAIRS, MOTION_SPREAD = 6, 0.3  # judged before a camera is said to move; of their shares that move as one
WIDTHS = (12.0, 6.0, 3.0, 1.5, 1.5)  # times the median residual, in each round: wide first, else a glow is an outlier
ACCURACY = 1e-2  # of a solution
FLATNESS, SMALLNESS = 0.1, 1e-4  # weights per pair: slopes near the prior's as far as noise hides them; no offset
TURNS = 6  # frames until a turn counts
TURNING = (0.9, 0.5)  # share of them that turned: from the first on the camera turns, below the second no more
CONFIRMED = 0.2  # share of the differences' power: a known pattern that explains more is where the search begins
SMOOTHING = 0.93  # of the ratios
LEAST_BLOCKS = 8


class OverlaidPairs:
    """Keeps some pairs and the field that explains them.

    cells: rows and columns of a coarse frame. shape: of a full frame. background: solve in a thread.
    solver: runs the search for the field. possible: whether frames are large enough for optical flow.
    """

    def __init__(self, cells: tuple[int, int], shape: tuple[int, ...], background: bool) -> None:
        self.solver, self._found = Solver(background), _Found.flat(cells, shape)
        self._new: list[_Seen] = []
        self.possible = min(cells) >= LEAST_SIDE

    @property
    def pattern(self) -> tuple[np.ndarray, np.ndarray]:
        """The field by cells and enlarged to a full frame; both are replaced at once, for other threads."""
        return self._found.pattern

    @property
    def ratios(self) -> tuple[float, float]:
        """The share of the differences, in pairs not learned from yet, that the field leaves, and `known` leaves."""
        return self._found.of_field.value, self._found.of_known.value

    @property
    def turning(self) -> bool:
        """Whether the camera turns: then the field is a whole pattern."""
        return self._found.turning

    @property
    def of_turn(self) -> float:
        """The share of the differences, in pairs not learned from yet, that the field leaves of a turn; 1 without."""
        return self._found.of_turn.value

    @property
    def together(self) -> float:
        """The share of the moving cells that moved as one, over many pairs, less its standard error: the camera moves,
        it is not noise."""
        motion = self._found.motion
        return motion.value - MOTION_SPREAD / motion.count**0.5 if motion.count >= MOTION_PAIRS else 0.0

    @property
    def judged(self) -> int:
        """The number of pairs behind the second ratio."""
        return self._found.of_known.count

    def look(self, coarse: np.ndarray, taught: int, known: np.ndarray) -> None:
        """Take in a coarse frame of a camera that has moved.

        taught: frames so far. known: a pattern, right or not, that is subtracted before the scene is tracked."""
        if not self.possible:
            return
        if taught % SPACING == 0 and (taught <= YOUNG or taught // BURST % REST == 0):
            self._new.append(_Seen(taught, coarse, known))
            self._begin()

    def settle(self) -> None:
        """Solve for the field now."""
        self.solver.wait()
        _find(self._found, self._taken(), least=1)

    def rescale(self, change: np.float32) -> None:
        """Scale for counts that are now `change` times as large. The result of a running search is discarded."""
        self._new.clear()
        self._found = self._found.rescaled(change)

    def _begin(self) -> None:
        if not self.solver.busy:
            self.solver.run(_find, self._found, self._taken())

    def _taken(self) -> list[_Seen]:
        new, self._new = self._new, []
        return new


@dataclass(frozen=True)
class _Seen:
    """An examined coarse frame. taught: frames before it. known: the pattern known then. turned: the motion since the
    examined frame before, (2, 3) in cells, if the camera turned."""

    taught: int
    coarse: np.ndarray
    known: np.ndarray
    turned: np.ndarray | None = None


@dataclass
class _Ratio:
    """A running mean of `count` values."""

    value: float = 1.0
    count: int = 0

    def take(self, value: float) -> None:
        self.count += 1
        self.value += max(1 - SMOOTHING, 1 / self.count) * (min(value, 2.0) - self.value)


@dataclass
class _Found(FoundField):
    """All that was found from pairs. unsolved: frames seen since the field was solved for."""

    pairs: list[Pair] = field(default_factory=list)
    past: list[_Seen] = field(default_factory=list)
    of_field: _Ratio = field(default_factory=_Ratio)
    of_known: _Ratio = field(default_factory=_Ratio)
    turning: bool = False
    of_turn: _Ratio = field(default_factory=_Ratio)
    motion: _Ratio = field(default_factory=_Ratio)
    turns: _Ratio = field(default_factory=lambda: _Ratio(0.0))
    unsolved: int = 0

    def see(self, new: _Seen) -> None:
        """Lay the next frame over some before it; each pair first judges what is known, then teaches."""
        if self.past and new.taught - self.past[-1].taught > SPACING:
            self.past = []
        for lag in LAGS:
            if lag > len(self.past):
                break
            guess = self._turn(lag - 1, new.turned)
            if guess is None and lag > SEEN_LAG:
                break
            overlay = overlaid(self.past[-lag].coarse, new.coarse, new.known, STILL if guess is None else guess)
            if lag == 1:
                motion, share = overlay.as_one()
                new = replace(new, turned=motion) if share >= ONE else new
            if overlay.pair is not None:
                self.judge(overlay.pair, new.known)
                teaches = lag <= TAUGHT_LAG or guess is not None
                self.pairs = [*self.pairs, overlay.pair][-PAIRS:] if teaches else self.pairs
            if lag <= SEEN_LAG:
                self.motion.take(overlay.together)
        self.turns.take(float(new.turned is not None))
        self.past = [*self.past, new][-LAGS[-1] :]
        self.unsolved += 1

    def _turn(self, links: int, newest: np.ndarray | None) -> np.ndarray | None:
        """The motion over the last `links` frames and on to the newest, or None unless all of it is a turn."""
        turns = [seen.turned for seen in self.past[len(self.past) - links :]] + [newest]
        return None if any(turn is None for turn in turns) else chained(turns)

    def judge(self, pair: Pair, known: np.ndarray) -> None:
        """Judge, by a pair not learned from yet, the field and what was known when the pair came."""
        rest, columns = pair.difference - pair.of(self.pattern[0]), known.shape[1]
        if self.pattern[0].any():
            self.of_field.take(spread(rest) / (spread(pair.difference) + 1e-9))
        before = pair.wide(pair.difference, columns)
        if len(before) < LEAST_BLOCKS:
            return
        whole = spread(before) + 1e-9
        self.of_known.take(spread(pair.wide(pair.difference - pair.of(known), columns)) / whole)
        if self.turning:
            self.of_turn.take(spread(pair.wide(rest, columns)) / whole)

    def learn(self, known: np.ndarray) -> None:
        """Solve for the field again, from the known pattern on if pairs confirm it, else from the last field on."""
        self.unsolved = 0
        share = np.float32(max(1 - self.of_known.value**2, 0.0))
        start = known if share > CONFIRMED else self.pattern[0]
        self.take(_explaining(self.pairs, start, share * known))
        self.turning = self.turns.count >= TURNS and self.turns.value >= TURNING[self.turning]
        if not self.turning:
            self.of_turn = _Ratio()

    def rescaled(self, change: np.float32) -> _Found:
        pairs = [replace(pair, difference=pair.difference * change) for pair in self.pairs]
        return replace(super().rescaled(change), pairs=pairs, past=[], unsolved=0)


def _find(found: _Found, new: list[_Seen], least: int | None = None) -> None:
    """Take in new frames and, if at least `least` have come since, or enough, solve for the field again."""
    for seen in new:
        found.see(seen)
    if found.pairs and found.unsolved >= (least or max(FIRST_SOLVE, len(found.pairs) // SOLVE_SHARE)):
        found.learn(found.past[-1].known)


def _explaining(pairs: list[Pair], pattern: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """The field that explains the differences, else with slopes near those of the prior.

    Robust least squares, from `pattern` on."""
    shape, count = pattern.shape, len(pairs)
    inverse = inverse_laplacian(shape) / np.float32(sum(len(pair.cells) for pair in pairs) / pattern.size)
    flatness = np.float32(count * FLATNESS * _hidden(pairs, pattern))
    expected = flatness * divergence(*slopes(prior))
    for width in WIDTHS:
        weights, right = [], expected.copy()
        for pair in pairs:
            rest = pair.difference - pair.of(pattern)
            level = np.median(rest)  # one of the frames may be brighter
            weight = 1 / doubt(rest - level, width * spread(rest) + 1e-9)
            weights.append(weight)
            right += pair.back(weight * (pair.difference - level), shape)

        def apply(field: np.ndarray, weights: list[np.ndarray] = weights) -> np.ndarray:
            out = flatness * divergence(*slopes(field)) + np.float32(count * SMALLNESS) * field
            for pair, weight in zip(pairs, weights, strict=True):
                out += pair.back(weight * pair.of(field), shape)
            return out

        pattern = conjugate_gradients(apply, right, pattern, inverse, ACCURACY)
    return pattern


def _hidden(pairs: list[Pair], pattern: np.ndarray) -> float:
    """How far noise hides the slopes of a pattern, 0..1: the ratio of their powers, as in a Wiener filter."""
    noise = np.median([spread(pair.difference - pair.of(pattern)) for pair in pairs])
    steep = np.mean([np.mean(np.square(slope)) for slope in slopes(pattern)])
    return float(min(noise**2 / max(float(steep), 1e-9), 1.0))
