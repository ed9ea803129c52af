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

"""Numbers of a configuration and their ranges, for pydantic: finite, no booleans, which pydantic takes as 0 or 1."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from infrared_ir_ros.engines.engine import MULTIPLE


def _no_bool(value: object) -> object:
    """Refuses booleans only; strict numbers would also refuse `1e-3`, which YAML reads as a string."""
    if isinstance(value, bool):
        raise ValueError("true and false are not numbers")
    return value


_NUMBER = BeforeValidator(_no_bool)

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False), _NUMBER]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False), _NUMBER]
Decay = Annotated[float, Field(ge=0, lt=1), _NUMBER]
Share = Annotated[float, Field(ge=0, le=1), _NUMBER]
PositiveCount = Annotated[int, Field(gt=0), _NUMBER]
Count = Annotated[int, Field(ge=0), _NUMBER]
Side = Annotated[int, Field(ge=MULTIPLE, multiple_of=MULTIPLE), _NUMBER]  # pixels of a frame that the prior takes
Seed = Annotated[int, Field(ge=0, lt=2**63), _NUMBER]  # the range that torch takes
