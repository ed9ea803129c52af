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

"""Tracks detections over a video: ByteTrack.

Zhang et al., ByteTrack: Multi-Object Tracking by Associating Every Detection Box, ECCV 2022 (arXiv 2110.06864).
Detections of high score are matched with predicted boxes first, then those of low score with the other tracks, which
carries a track through frames in which the detector hardly sees its object. Written here since packages with it
depend on scipy, matplotlib and video decoders, too much for a robot; the assignment is that of `lap`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import lap
import numpy as np

from infrared_ir_ros.detection.motion import Box, BoxMotion
from infrared_ir_ros.records import Detection

LOWEST = 0.1  # score of a detection that may still continue a track
SURE, UNSURE, TENTATIVE = 0.8, 0.5, 0.7  # largest cost (1 - overlap) of a match, as in the authors' code
FORGET = 1.0  # seconds unseen


def lowest_score(confidence: float) -> float:
    """The lowest score of the detections that a tracker needs."""
    return min(LOWEST, confidence)


class Tracker:
    """Numbers the detections in the frames of one camera, in order. Each class is tracked separately."""

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._last_number = 0
        self._first = True

    def reset(self) -> None:
        """Forget all tracks. Numbering continues, so that no number is used for two objects."""
        self._tracks, self._first = [], True

    def update(self, detections: Sequence[Detection], confidence: float, seconds: float) -> tuple[Detection, ...]:
        """The detections of a frame to report, highest score first, each with the number of its track.

        detections: with scores down to `lowest_score(confidence)`; one below `confidence` is reported if it continues a
        track. An object gets its number once it is found in two successive frames, or in the first one.
        seconds: when the frame was taken, on any clock; a track ends after a second without a detection.
        """
        tracks = [track for track in self._tracks if 0 <= seconds - track.seconds <= FORGET]
        for track in tracks:
            track.predict()
        sure = [each for each in detections if each.score >= confidence]
        unsure = [each for each in detections if each.score < confidence]
        known = [track for track in tracks if track.number is not None]
        tentative = [track for track in tracks if track.number is None]

        # 1. tracks with a number: sure detections, then unsure ones for the tracks seen in the last frame
        matched, known, sure = _matched(known, sure, SURE)
        again, left, _ = _matched([track for track in known if track.in_sight], unsure, UNSURE)
        # 2. tracks of one detection: confirmed by a second one, or dropped
        confirmed, _, sure = _matched(tentative, sure, TENTATIVE)
        for track in left:
            track.in_sight = False
        reported = [self._see(track, each, seconds) for track, each in (*matched, *again, *confirmed)]
        # 3. the remaining detections start new tracks
        fresh = [_Track(each, seconds) for each in sure]
        reported += [
            self._see(track, each, seconds) if self._first else each for track, each in zip(fresh, sure, strict=True)
        ]
        self._tracks = [track for track in tracks if track.number is not None] + fresh
        self._first = False
        return tuple(sorted(reported, key=lambda each: -each.score))

    def _see(self, track: _Track, detection: Detection, seconds: float) -> Detection:
        if track.number is None:
            self._last_number += 1
            track.number = self._last_number
        track.correct(detection, seconds)
        return replace(detection, track=track.number)


class _Track:
    """One object. seconds: when it was last detected. in_sight: whether it was in the last frame."""

    def __init__(self, detection: Detection, seconds: float) -> None:
        self.label, self.seconds, self.in_sight = detection.label, seconds, True
        self.number: int | None = None
        self._motion = BoxMotion(detection.box)

    @property
    def box(self) -> Box:
        return self._motion.box

    def predict(self) -> None:
        self._motion.predict(growing=self.in_sight)

    def correct(self, detection: Detection, seconds: float) -> None:
        self._motion.correct(detection.box)
        self.seconds, self.in_sight = seconds, True


Pairs = list[tuple[_Track, Detection]]


def _matched(
    tracks: Sequence[_Track], detections: Sequence[Detection], limit: float
) -> tuple[Pairs, list[_Track], list[Detection]]:
    """The pairs of least total cost, none above `limit`; the unmatched tracks and detections."""
    if not tracks or not detections:
        return [], list(tracks), list(detections)
    cost = 1 - overlaps([track.box for track in tracks], [each.box for each in detections])
    for row, track in enumerate(tracks):
        cost[row, [each.label != track.label for each in detections]] = 2.0
    _, columns, rows = lap.lapjv(cost, extend_cost=True, cost_limit=limit)
    pairs = [(track, detections[column]) for track, column in zip(tracks, columns, strict=True) if column >= 0]
    return (
        pairs,
        [track for track, column in zip(tracks, columns, strict=True) if column < 0],
        [each for each, row in zip(detections, rows, strict=True) if row < 0],
    )


def overlaps(first: Sequence[Box], second: Sequence[Box]) -> np.ndarray:
    """(len(first), len(second)): intersection over union of each pair."""
    a, b = np.array(first)[:, None], np.array(second)[None]
    sides = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None)
    shared = sides.prod(axis=-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).prod(axis=-1) for boxes in (a, b)]
    return shared / np.maximum(areas[0] + areas[1] - shared, 1e-9)
