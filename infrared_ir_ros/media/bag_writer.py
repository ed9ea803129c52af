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

"""Writes rosbag2 bags for `ros2 bag play` (Humble to Jazzy) and `rosbags`."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from rosbags.interfaces import Connection, Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.errors import WriterError

from infrared_ir_ros.errors import OptionError, SourceError
from infrared_ir_ros.media.atomic import sync_folder, temporary_name, unwritable
from infrared_ir_ros.media.bag import header, typestore
from infrared_ir_ros.media.image_message import CAMERA_INFO, COMPRESSED, ENCODING_OF_DTYPE, IMAGE
from infrared_ir_ros.media.images import encode_png
from infrared_ir_ros.media.paths import printable

TEXT = "std_msgs/msg/String"
STORAGES = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}

_VERSION = 8  # Humble cannot read 9
_NEVER = QosTime(9223372036, 854775807)
_QOS = Qos(QosHistory.KEEP_LAST, 10, QosReliability.RELIABLE, QosDurability.VOLATILE, _NEVER, _NEVER,
           QosLiveliness.AUTOMATIC, _NEVER, False)  # fmt: skip


def check_type(topic: str, kind: str) -> None:
    """Raises SourceError for a message type that is not part of ROS 2 Jazzy, which cannot be written."""
    if kind not in typestore().fielddefs:
        raise SourceError(f"{topic} has type {kind}: only message types of ROS 2 Jazzy can be written to a bag")


class BagWriter:
    """Writes a bag, which appears once `finish` is called. As a context manager, it is opened, and finished unless the
    block raises.

    path: the folder of the bag, which must not exist. storage: `mcap` or `sqlite3`.
    Raises SourceError: `path` exists or cannot be written, the disk is full; OptionError: unknown storage.
    """

    def __init__(self, path: str | os.PathLike[str], storage: str = "mcap") -> None:
        if storage not in STORAGES:
            raise OptionError(f"storage is {storage!r}: use one of {', '.join(STORAGES)}")
        self.path = Path(path)
        self._plugin = STORAGES[storage]
        self._connections: dict[str, Connection] = {}

    def open(self) -> None:
        """Start the bag, under a hidden name."""
        if self.path.exists() or self.path.is_symlink():
            raise SourceError(f"{printable(str(self.path))} already exists: choose another name, or remove it")
        if self._plugin == StoragePlugin.SQLITE3 and (signs := set("?#%") & set(str(self.path))):
            found = ", ".join(sorted(signs))  # `rosbags` puts the path into a URI, where these have another meaning
            raise SourceError(f"{printable(str(self.path))}: a sqlite3 bag cannot have {found} in its path: use mcap")
        self._folder = temporary_name(self.path)
        try:
            self._folder.mkdir(parents=True)
            self._writer = Writer(self._folder / self.path.name, version=_VERSION, storage_plugin=self._plugin)
            self._writer.open()
        except OSError as error:
            self._remove()
            raise unwritable(self.path, error) from error
        except BaseException:
            self._remove()
            raise

    def finish(self) -> None:
        """Sync the bag to the disk and rename it to `path`; if that fails, remove it."""
        whole = self._folder / self.path.name
        try:
            self._writer.close()
            for file in whole.iterdir():
                with open(file, "rb+") as handle:
                    os.fsync(handle.fileno())
            os.rename(whole, self.path)
            sync_folder(self.path.parent)
        except (OSError, sqlite3.Error) as error:
            raise self._unwritable(error) from error
        finally:
            self._remove()

    def discard(self) -> None:
        """Remove what was written."""
        with suppress(Exception):
            self._writer.close()  # closes its files, which are removed with the folder
        self._remove()

    def __enter__(self) -> BagWriter:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.discard()

    def _remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, topic: str, kind: str, latched: bool = False) -> None:
        """Add a topic before its first message. kind: message type, such as `sensor_msgs/msg/Image`. latched: when the
        bag is played, late subscribers get the last message.

        Raises SourceError for a type that is not part of ROS 2 Jazzy.
        """
        check_type(topic, kind)
        qos = _QOS._replace(durability=QosDurability.TRANSIENT_LOCAL) if latched else _QOS
        self._connections[topic] = self._writer.add_connection(
            topic, kind, typestore=typestore(), offered_qos_profiles=[qos]
        )

    def write_image(self, topic: str, image: np.ndarray, stamp_ns: int, frame_id: str) -> None:
        """(H, W) uint8 as mono8, uint16 as mono16, float32 as 32FC1."""
        height, width = image.shape
        little = np.ascontiguousarray(image).astype(image.dtype.newbyteorder("<"), copy=False)
        self._write(topic, IMAGE, stamp_ns, header=header(stamp_ns, frame_id), height=height, width=width,
                    encoding=ENCODING_OF_DTYPE[image.dtype.name], is_bigendian=0, step=width * image.itemsize,
                    data=little.reshape(-1).view(np.uint8))  # fmt: skip

    def write_compressed(self, topic: str, image: np.ndarray, stamp_ns: int, frame_id: str) -> None:
        """(H, W) uint8 or uint16 as lossless png, named like image_transport's. Raises SourceError for float32."""
        if image.dtype not in (np.uint8, np.uint16):
            raise SourceError(f"png cannot hold {image.dtype} pixels: write them uncompressed")
        encoding = "mono8" if image.dtype == np.uint8 else "16UC1"
        self._write(topic, COMPRESSED, stamp_ns, header=header(stamp_ns, frame_id),
                    format=f"{encoding}; png compressed", data=np.frombuffer(encode_png(image), np.uint8))  # fmt: skip

    def write_camera_info(
        self,
        topic: str,
        shape: tuple[int, int],
        stamp_ns: int,
        frame_id: str,
        focal: float,
        centre: tuple[float, float],
    ) -> None:
        """A pinhole without distortion: focal length and principal point (column, row) in pixels; focal 0 means not
        calibrated."""
        f, (cx, cy) = focal, centre if focal else (0.0, 0.0)
        one = 1.0 if focal else 0.0
        k = np.array([[f, 0, cx], [0, f, cy], [0, 0, one]], np.float64)
        p = np.column_stack([k, np.zeros(3)])
        roi = typestore().types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
        self._write(topic, CAMERA_INFO, stamp_ns, header=header(stamp_ns, frame_id), height=shape[0], width=shape[1],
                    distortion_model="plumb_bob", d=np.zeros(5), k=k.ravel(), r=one * np.eye(3).ravel(), p=p.ravel(),
                    binning_x=0, binning_y=0, roi=roi)  # fmt: skip

    def write_text(self, topic: str, text: str, stamp_ns: int) -> None:
        """A std_msgs/String."""
        self._write(topic, TEXT, stamp_ns, data=text)

    def _write(self, topic: str, kind: str, stamp_ns: int, **fields: Any) -> None:
        content = typestore().types[kind](**fields)
        self.write(topic, kind, stamp_ns, typestore().serialize_cdr(content, kind))

    def write(self, topic: str, kind: str, stamp_ns: int, data: bytes | memoryview) -> None:
        """Write a message, as CDR bytes. kind: its type, such as `sensor_msgs/msg/Image`."""
        try:
            if topic not in self._connections:
                self.add(topic, kind)
            self._writer.write(self._connections[topic], stamp_ns, data)
        except (OSError, sqlite3.Error) as error:
            raise self._unwritable(error) from error
        except WriterError as error:
            raise SourceError(f"{printable(str(self.path))}: {printable(str(error))}") from error

    def _unwritable(self, error: Exception) -> SourceError:
        return unwritable(self.path, error if isinstance(error, OSError) else OSError(str(error)))
