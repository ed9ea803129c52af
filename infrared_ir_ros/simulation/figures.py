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

"""People and vehicles of the moving scene: shapes in metres, temperatures in kelvin, positions as functions of time.

A figure stands on the ground at (x, z) and is flat, facing the camera: x to the right of its middle, y up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from infrared_ir_ros.simulation.optics import capsule, ellipse

Part = tuple[np.ndarray, float | tuple[float, float]]  # outline (N, 2) in metres, temperature (or upper, lower)


class Figure(Protocol):
    """Something that moves. label: `person` or `vehicle`."""

    @property
    def label(self) -> str: ...

    def place(self, t: float) -> tuple[float, float]:
        """(x, z) in metres at time t in seconds."""
        ...

    def parts(self, t: float) -> list[Part]:
        """What to paint, back to front; outlines relative to the figure's place."""
        ...


@dataclass(frozen=True)
class Walker:
    """A person who walks back and forth between two places; face and hands are the warmest."""

    start: tuple[float, float]
    end: tuple[float, float]
    speed: float  # m/s
    phase: float  # of the round trip, 0..1
    height: float  # m
    clothes: float  # K
    legs: float  # K
    label: str = "person"

    def place(self, t: float) -> tuple[float, float]:
        there, _ = self._way(t)
        return tuple(a + there * (b - a) for a, b in zip(self.start, self.end, strict=True))

    def _way(self, t: float) -> tuple[float, float]:
        """The share of the way from start to end, and +1 on the way there, -1 on the way back."""
        length = float(np.hypot(self.end[0] - self.start[0], self.end[1] - self.start[1]))
        turn = (t * self.speed / length / 2 + self.phase) % 1.0
        return (2 * turn, 1.0) if turn < 0.5 else (2 - 2 * turn, -1.0)

    def parts(self, t: float) -> list[Part]:
        across = abs(self.end[0] - self.start[0]) > abs(self.end[1] - self.start[1])
        direction = self._way(t)[1] * np.sign(self.end[0] - self.start[0]) if across else 0.0
        stride = 2 * np.pi * (0.9 * t * self.speed / 1.35 + self.phase)
        swing = np.sin(stride) * (0.52 if across else 0.12)
        bob = 0.02 * abs(np.cos(stride))
        k = self.height / 1.75
        apart = 0.0 if across else 0.09
        parts: list[Part] = []
        for side in (-1, 1):
            parts += self._leg((side * apart, 0.92 + bob), side * swing, direction)
        parts += self._arm((-0.8 * apart - 0.14 * (not across), 1.40 + bob), swing, direction)
        shoulder = 0.15 if across else 0.20
        parts.append(
            (capsule((0, 1.36 + bob), (0, 0.98 + bob), shoulder, shoulder - 0.02), (self.clothes + 1.5, self.clothes))
        )
        parts += self._arm((0.8 * apart + 0.14 * (not across), 1.40 + bob), -swing, direction)
        parts.append((capsule((0, 1.55 + bob), (0, 1.47 + bob), 0.055, 0.06), 305.5))
        parts.append((ellipse(0.02 * direction, 1.64 + bob, 0.095, 0.125), 304.0))
        parts.append((ellipse(0.045 * direction, 1.61 + bob, 0.07, 0.09), 307.5))
        parts.append((ellipse(-0.01 * direction, 1.71 + bob, 0.09, 0.055), 299.0))
        return [(outline * k, temperature) for outline, temperature in parts]

    def _leg(self, hip: tuple[float, float], swing: float, direction: float) -> list[Part]:
        facing = direction or 1.0
        knee_bend = max(0.0, -swing) * 0.9
        knee = (hip[0] + facing * 0.43 * np.sin(swing), hip[1] - 0.43 * np.cos(swing))
        shin = swing - knee_bend
        ankle = (knee[0] + facing * 0.42 * np.sin(shin), knee[1] - 0.42 * np.cos(shin))
        toe = (ankle[0] + 0.15 * direction, ankle[1] - 0.02)
        return [
            (capsule(hip, knee, 0.095, 0.07), self.legs),
            (capsule(knee, ankle, 0.068, 0.05), self.legs - 0.8),
            (capsule(ankle, toe, 0.045, 0.035), 292.5),
        ]

    def _arm(self, shoulder: tuple[float, float], swing: float, direction: float) -> list[Part]:
        facing = direction or 1.0
        elbow = (shoulder[0] + facing * 0.28 * np.sin(swing), shoulder[1] - 0.28 * np.cos(swing))
        bend = swing + 0.35 * abs(direction)
        hand = (elbow[0] + facing * 0.25 * np.sin(bend), elbow[1] - 0.25 * np.cos(bend))
        return [
            (capsule(shoulder, elbow, 0.06, 0.05), self.clothes + 0.5),
            (capsule(elbow, hand, 0.048, 0.04), self.clothes + 1.0),
            (ellipse(hand[0], hand[1], 0.05, 0.055), 304.5),
        ]


@dataclass(frozen=True)
class CrossingCar:
    """A car seen from the side that repeatedly drives past: hot bonnet and wheels, cool glass."""

    z: float
    reach: float  # m: it appears at -reach and disappears at +reach
    speed: float  # m/s, negative to the left
    gap: float  # m that it drives out of sight before it appears again
    phase: float
    body: float  # K
    label: str = "vehicle"

    def place(self, t: float) -> tuple[float, float]:
        round_trip = 2 * self.reach + self.gap
        along = (t * abs(self.speed) + self.phase * round_trip) % round_trip - self.reach
        return float(np.sign(self.speed)) * along, self.z

    def parts(self, t: float) -> list[Part]:
        body, facing = self.body, float(np.sign(self.speed))
        parts: list[Part] = [(ellipse(0, 0.03, 2.1, 0.10), 293.5)]  # the road under it glows
        shell = [(-2.15, 0.35), (-2.2, 0.75), (-1.95, 0.98), (-1.25, 1.05), (-0.75, 1.44), (0.45, 1.48), (1.05, 1.04),
                 (1.85, 0.92), (2.15, 0.70), (2.15, 0.35)]  # fmt: skip
        parts.append((_points(shell, facing), (body - 2.0, body + 1.0)))
        parts.append(
            (_points([(1.0, 1.0), (1.85, 0.91), (2.1, 0.72), (2.0, 0.55), (1.0, 0.60)], facing), (311.0, 304.0))
        )
        parts.append((_points([(-1.05, 1.05), (-0.68, 1.36), (-0.18, 1.38), (-0.18, 1.05)], facing), (276.0, 281.0)))
        parts.append((_points([(-0.10, 1.05), (-0.10, 1.38), (0.40, 1.40), (0.82, 1.05)], facing), (277.0, 282.0)))
        parts.append((ellipse(facing * 0.3, 1.18, 0.10, 0.13), 303.0))  # the driver behind the glass
        for x in (-0.14, 0.95, -1.25):
            parts.append((_points([(x, 0.40), (x, 1.02), (x + 0.025, 1.02), (x + 0.025, 0.40)], facing), body - 1.5))
        parts.append((_points([(-2.18, 0.30), (-2.45, 0.26), (-2.45, 0.33), (-2.18, 0.38)], facing), 319.0))  # exhaust
        for x in (-1.35, 1.35):
            parts.append((ellipse(facing * x, 0.33, 0.40, 0.38), 288.0))
            parts.append((ellipse(facing * x, 0.32, 0.33, 0.33), 305.0))
            parts.append((ellipse(facing * x, 0.32, 0.20, 0.20), 296.0))
            parts.append((ellipse(facing * x, 0.32, 0.09, 0.09), 312.0))
        return parts


@dataclass(frozen=True)
class OncomingCar:
    """A car on our own road: approaches with a hot grille, or (speed > 0) drives away with a hot exhaust."""

    x: float
    near: float
    far: float
    speed: float  # m/s along z: negative comes towards the camera
    phase: float
    body: float
    label: str = "vehicle"

    def place(self, t: float) -> tuple[float, float]:
        length = self.far - self.near
        along = (t * abs(self.speed) / length + self.phase) % 1.0
        return self.x, self.near + length * (along if self.speed > 0 else 1 - along)

    def parts(self, t: float) -> list[Part]:
        body, comes = self.body, self.speed < 0
        box = lambda x, y, w, h: np.array([(x - w, y - h), (x - w, y + h), (x + w, y + h), (x + w, y - h)])  # noqa: E731
        parts: list[Part] = [(ellipse(0, 0.03, 1.0, 0.07), 294.5)]
        for x in (-0.72, 0.72):
            parts.append((box(x, 0.27, 0.12, 0.27), (302.0, 307.0)))
        shell = [
            (-0.88, 0.28),
            (-0.92, 0.85),
            (-0.80, 1.0),
            (-0.62, 1.42),
            (0.62, 1.42),
            (0.80, 1.0),
            (0.92, 0.85),
            (0.88, 0.28),
        ]
        parts.append((np.array(shell), (body - 3.0, body + 1.5)))
        parts.append((np.array([(-0.72, 1.0), (-0.56, 1.36), (0.56, 1.36), (0.72, 1.0)]), (274.0, 281.0)))
        if comes:
            parts.append((np.array([(-0.78, 0.98), (-0.70, 0.80), (0.70, 0.80), (0.78, 0.98)]), (305.0, 309.0)))
            parts.append((box(0, 0.62, 0.42, 0.10), 318.0))
            parts.append((box(0, 0.40, 0.55, 0.06), 310.0))
            parts += [(ellipse(x, 0.70, 0.15, 0.08), 299.0) for x in (-0.68, 0.68)]
            parts += [(ellipse(x, 1.16, 0.10, 0.13), 302.0) for x in (-0.33, 0.33)]
        else:
            parts.append((box(0, 0.86, 0.60, 0.015), body - 2.5))
            parts.append((box(0, 0.68, 0.26, 0.06), body - 4.0))  # the plate mirrors the sky
            parts += [(box(x, 0.80, 0.14, 0.09), 298.0) for x in (-0.70, 0.70)]
            parts.append((box(0, 0.40, 0.80, 0.07), body + 2.5))
            parts.append((ellipse(-0.50, 0.30, 0.07, 0.05), 320.0))
        return parts


def _points(points: list[tuple[float, float]], facing: float) -> np.ndarray:
    return np.array([(facing * x, y) for x, y in points])
