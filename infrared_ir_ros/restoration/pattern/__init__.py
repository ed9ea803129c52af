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

"""The additive fixed pattern of a camera, learned online while the scene moves, and subtracted (design section 1.9).

`stage` is what a restorer holds and `file` what is saved. `memory` splits each frame into cells (coarse) and the rest
(fine), and learns from the frames on which the camera moved (`motion`). The fine pattern is a running mean per pixel
(`fine`); the coarse one is found now and then (`solver`), from some past frames (`keyframes`, by `field`) and from
frames laid over each other (`pairs`, by `overlay`). `half` judges how much of each is subtracted.
"""

from infrared_ir_ros.restoration.pattern.file import Camera, SavedPattern, read_pattern
from infrared_ir_ros.restoration.pattern.memory import PatternMemory, PatternState
from infrared_ir_ros.restoration.pattern.stage import PatternStage

__all__ = ["Camera", "PatternMemory", "PatternStage", "PatternState", "SavedPattern", "read_pattern"]
