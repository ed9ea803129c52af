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

"""The exceptions of the package.

Each message says what was wrong, with the value, and what to do.
"""

LONGEST = 300  # characters kept of an error of another library


def one_line(error: object) -> str:
    """The message of another library's error, which may be pages, as part of one line; its class if it has none."""
    return " ".join(str(error).split())[:LONGEST] or type(error).__name__


class InfraredError(Exception):
    """Base of every error that this package raises on purpose."""


class FrameError(InfraredError):
    """A frame cannot be restored: wrong shape, dtype, encoding or content."""


class EngineError(FrameError):
    """An engine failed on a frame, as for want of memory; the next one may succeed."""


class OptionError(InfraredError, ValueError):
    """A setting has a value that is out of range or unknown."""


class WeightsError(InfraredError):
    """Weights are missing, damaged, or not those that the manifest names."""


class SourceError(InfraredError):
    """A file, folder, video or bag cannot be read or written."""
