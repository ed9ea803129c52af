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

"""The outcome of injected faults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

KEPT_COMPLAINTS = 5


@dataclass
class Outcome:
    """The outcome of the faults of one kind.

    recoveries: seconds until the node worked again, for each fault that it had to recover from.
    said: messages about the faults. complaints: why faults were not survived. figures: other measurements.
    """

    injected: int = 0
    survived: int = 0
    recoveries: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def fault(self, what: object) -> Iterator[None]:
        """One fault; an AssertionError inside means that it was not survived, and is recorded as a complaint."""
        self.injected += 1
        try:
            yield
        except AssertionError as error:
            self.complain(f"{what}: {error}")
        else:
            self.survived += 1

    def complain(self, text: str) -> None:
        if len(self.complaints) < KEPT_COMPLAINTS:
            self.complaints.append(" ".join(text.split())[:400])

    def require(self, condition: object, text: str) -> None:
        """A condition on all of them together; if false, none counts as survived."""
        if not condition:
            self.complain(text)
            self.survived = 0


def assert_survived(outcome: Outcome, *said: str) -> None:
    """Every injection was survived without complaint, and the node said each of the texts."""
    assert outcome.injected > 0
    assert outcome.survived == outcome.injected and not outcome.complaints, outcome.complaints
    for text in said:
        assert any(text in message for message in outcome.said), (text, outcome.said)
