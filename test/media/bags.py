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

"""Small bags for the tests that read them."""

from pathlib import Path

import numpy as np

from infrared_ir_ros.media.bag_writer import BagWriter

T0 = 1_700_000_000_000_000_000
STEP = 100_000_000


def pictures(count: int = 12, dtype: type = np.uint16) -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    return [rng.integers(0, np.iinfo(dtype).max, (24, 32)).astype(dtype) for _ in range(count)]


def make_bag(path: Path, frames: list[np.ndarray], storage: str = "mcap", topic: str = "/ir/image") -> None:
    with BagWriter(path, storage) as bag:
        for number, frame in enumerate(frames):
            stamp = T0 + number * STEP
            bag.write_image(topic, frame, stamp, "camera")
            bag.write_compressed(f"{topic}/compressed", frame, stamp, "camera")
            bag.write_camera_info("/ir/camera_info", frame.shape, stamp, "camera", 30.0, (15.5, 11.5))
            bag.write_text("/ir/truth/boxes", "{}", stamp)


def same(got: list, frames: list[np.ndarray]) -> bool:
    return len(got) == len(frames) and all(
        a.image.dtype == b.dtype and np.array_equal(a.image, b) for a, b in zip(got, frames, strict=True)
    )
