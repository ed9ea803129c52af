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

"""The file of a measured camera, which profile_sensor writes and the `sensor` model reads instead of a preset.

YAML with one mapping, `sensor`: a number for each of KEYS, in grey levels of 0..255 (lengths in pixels). All other
degradations, such as loss of contrast and JPEG, are off.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.paths import existing, printable, read_file
from infrared_ir_ros.media.yaml_text import load_yaml
from infrared_ir_ros.simulation import ranges
from infrared_ir_ros.simulation.ranges import Range

KEYS = {
    "blur": "LENS_BLUR",  # standard deviation, pixels
    "columns": "COLUMNS",
    "rows": "ROWS",
    "pixel_offset": "PIXEL_OFFSET",
    "dead": "DEAD",  # share of the pixels
    "dead_level": "DEAD_LEVELS",
    "noise": "NOISE",
    "noise_correlation": "NOISE_CORRELATION",  # from frame to frame
    "drift": "DRIFT",  # standard deviation of a step, from frame to frame
}
PLAIN = ("noise_correlation", "drift")
LARGEST = {"dead": 0.5, "noise_correlation": 0.9999, "blur": 20.0}
NEVER = Range(0, 0, 0)


def is_profile(preset: str) -> bool:
    """Whether a preset is the path of a profile."""
    return preset.lower().endswith((".yaml", ".yml"))


def read_profile(path: str) -> SimpleNamespace:
    """The ranges of a profile, by the names of `ranges`; each is one number. Raises SourceError: missing, damaged, an
    unknown key, a number out of range."""
    return _understood(read_file(existing(Path(path)), 1 << 20), printable(path))


@lru_cache(maxsize=8)  # called for each training example
def _understood(data: bytes, where: str) -> SimpleNamespace:
    try:
        described = load_yaml(data)["sensor"]
        numbers = {str(name): float(value) for name, value in described.items()}
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise SourceError(
            f"{where} is not a sensor's profile ({type(error).__name__}): use a file of profile_sensor"
        ) from None
    for name, value in numbers.items():
        if name not in KEYS:
            raise SourceError(f"{where}: sensor.{printable(name)} is unknown: use {', '.join(KEYS)}")
        if not 0 <= value <= LARGEST.get(name, 255.0):
            raise SourceError(f"{where}: sensor.{name} is {value}: use 0 to {LARGEST.get(name, 255.0)}")
    found = {name: getattr(ranges, name) for name in vars(ranges) if name.isupper()}
    found |= {name: NEVER for name, value in found.items() if isinstance(value, Range)}
    found |= {"AGC_CHANCE": 0.0, "LEAST_BLUR": 0.0, "NOISE_CORRELATION": 0.0, "DRIFT": 0.0}
    for name, value in numbers.items():
        found[KEYS[name]] = value if name in PLAIN else Range(value, value)
    found["DEAD_LEVELS"] = (numbers.get("dead_level", 0.0),) * 2
    return SimpleNamespace(**found)
