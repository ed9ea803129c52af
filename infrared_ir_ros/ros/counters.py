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

"""Counts what happened to each frame; at any time, received = published + drops by reason."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import Enum


class Drop(str, Enum):
    """Why a frame was not published."""

    SUPERSEDED = "superseded"  # a newer frame arrived before this one was processed
    STALE = "stale"  # older than max_age_ms
    MALFORMED = "malformed"  # the message contradicts itself
    UNSUPPORTED = "unsupported"  # an encoding or format that this node does not read
    UNDECODABLE = "undecodable"  # a compressed picture that does not decode, or would decode to too much
    REFUSED = "refused"  # the restorer refuses the frame
    FAILED = "failed"  # the restorer raised something unexpected
    UNPUBLISHED = "unpublished"  # the middleware refused to publish
    DEACTIVATED = "deactivated"  # waiting when the node was deactivated or shut down


@dataclass(frozen=True)
class Tally:
    """The counters at one moment. `received` counts a frame once it was published or dropped, `pending` until then.

    `passed_through` of the published frames were not restored. `lost` frames never arrived, as the middleware says.
    `messages` holds the last message per reason.
    """

    received: int = 0
    published: int = 0
    passed_through: int = 0
    pending: int = 0
    lost: int = 0
    drops: dict[Drop, int] = field(default_factory=dict)
    messages: dict[Drop, str] = field(default_factory=dict)

    @property
    def dropped(self) -> int:
        return sum(self.drops.values())


class Counters:
    """Counts frames from two threads (the subscription's and the worker's)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrived = 0
        self._published = 0
        self._passed_through = 0
        self._lost = 0
        self._drops = dict.fromkeys(Drop, 0)
        self._messages: dict[Drop, str] = {}

    def arrive(self) -> None:
        """A frame came in; exactly one `publish` or `drop` follows."""
        with self._lock:
            self._arrived += 1

    def lose(self, count: int) -> None:
        """Count frames that the middleware lost."""
        with self._lock:
            self._lost += count

    def publish(self, passed_through: bool = False) -> None:
        with self._lock:
            self._published += 1
            self._passed_through += passed_through

    def drop(self, reason: Drop, message: str) -> None:
        with self._lock:
            self._drops[reason] += 1
            self._messages[reason] = message

    def tally(self) -> Tally:
        with self._lock:
            received = self._published + sum(self._drops.values())
            return Tally(
                received=received,
                published=self._published,
                passed_through=self._passed_through,
                pending=self._arrived - received,
                lost=self._lost,
                drops=dict(self._drops),
                messages=dict(self._messages),
            )
