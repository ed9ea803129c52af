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

"""Messages become frames and frames messages, or they are refused with a reason and a text that helps."""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from harness import make_image, scene
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, RegionOfInterest

from infrared_ir_ros.ros.bridge import Bridge, PlainBridge, find_bridge
from infrared_ir_ros.ros.counters import Drop
from infrared_ir_ros.ros.messages import (
    MessageError,
    Picture,
    byte_order_misfit,
    calibration_misfit,
    read_camera_info,
    read_compressed,
    read_image,
    write_compressed,
    write_image,
)

BRIDGES = {type(bridge).__module__: bridge for bridge in (PlainBridge(), find_bridge())}  # cv_bridge too where it is
DTYPES = {"mono8": np.uint8, "8UC1": np.uint8, "mono16": np.uint16, "16UC1": np.uint16, "32FC1": np.float32}


def _raw(message: object) -> bytes:
    return bytes(serialize_message(message))


def _compressed(data: bytes, form: str) -> bytes:
    message = CompressedImage(format=form, data=data)
    message.header.frame_id = "thermal"
    return _raw(message)


def _png_header(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


@pytest.mark.parametrize("bridge", BRIDGES.values(), ids=BRIDGES.keys())
@pytest.mark.parametrize("encoding", DTYPES)
def test_a_bridge_returns_what_it_was_given(bridge: Bridge, encoding: str) -> None:
    pixels = scene(dtype=DTYPES[encoding])
    message = bridge.cv2_to_imgmsg(pixels, encoding)
    assert (message.height, message.width, message.encoding) == (*pixels.shape, encoding)
    back = bridge.imgmsg_to_cv2(message)
    assert back.dtype == pixels.dtype and np.array_equal(back, pixels)


def test_our_bridge_compresses_without_loss_as_png() -> None:
    pixels, bridge = scene(dtype=np.uint16), PlainBridge()
    assert np.array_equal(bridge.compressed_imgmsg_to_cv2(bridge.cv2_to_compressed_imgmsg(pixels, "png")), pixels)


def test_a_cv_bridge_from_elsewhere_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = tmp_path / "ros"
    (prefix / "lib" / "cv_bridge").mkdir(parents=True)
    (prefix / "lib" / "cv_bridge" / "__init__.py").write_text("class CvBridge: pass\n")
    monkeypatch.syspath_prepend(str(prefix / "lib"))
    monkeypatch.delitem(sys.modules, "cv_bridge", raising=False)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "other"))
    assert isinstance(find_bridge(), PlainBridge)
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{tmp_path / 'other'}:{prefix}")
    assert type(find_bridge()).__name__ == "CvBridge"
    sys.modules.pop("cv_bridge", None)


@pytest.mark.parametrize("encoding", DTYPES)
def test_frames_keep_pixels_header_and_depth(encoding: str) -> None:
    pixels = scene(dtype=DTYPES[encoding])
    picture = read_image(_raw(make_image(pixels, encoding, 12_000_000_034)))
    assert picture.image.dtype == pixels.dtype and np.array_equal(picture.image, pixels)
    out = write_image(picture.image, picture)
    assert out.encoding == {"8UC1": "mono8"}.get(encoding, encoding)
    assert (out.header.frame_id, out.header.stamp.sec, out.header.stamp.nanosec) == ("thermal", 12, 34)
    assert np.array_equal(PlainBridge().imgmsg_to_cv2(out), pixels)


def test_big_endian_counts_are_read_as_what_they_are() -> None:
    pixels = scene(dtype=np.uint16)
    swapped = make_image(pixels.byteswap(), "mono16", is_bigendian=sys.byteorder == "little")
    assert np.array_equal(read_image(_raw(swapped)).image, pixels)


def test_rows_may_be_padded() -> None:
    pixels = scene(dtype=np.uint16)
    wide = np.pad(pixels, ((0, 0), (0, 3)))
    picture = read_image(_raw(make_image(wide, "mono16", width=pixels.shape[1])))
    assert np.array_equal(picture.image, pixels)


@pytest.mark.parametrize(("encoding", "code"), [("bgr8", cv2.COLOR_BGR2GRAY), ("rgb8", cv2.COLOR_RGB2GRAY)])
def test_colour_becomes_grey(encoding: str, code: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    picture = read_image(_raw(make_image(pixels, encoding)))
    assert picture.was_colour and picture.encoding == "mono8"
    assert np.array_equal(picture.image, cv2.cvtColor(pixels, code))


def test_a_compressed_picture_with_transparency_becomes_grey() -> None:
    colour = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    pixels = np.dstack([colour, np.full((20, 30), 255, np.uint8)])
    picture = read_compressed(_compressed(cv2.imencode(".png", pixels)[1].tobytes(), "png"))
    assert picture.was_colour and np.array_equal(picture.image, cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY))


LIES = {
    "no pixels": ({"width": 0}, "0x60 mono16 has no pixels"),
    "short step": ({"step": 5}, "step 5 of a 80x60 mono16 image: a row needs 160 bytes"),
    "wide": ({"width": 2**32 - 1}, "step 160 of a 4294967295x60"),
    "high": ({"height": 2**32 - 1}, "9600 bytes of data"),
    "long step": ({"step": 2**32 - 1}, "9600 bytes of data"),
    "truncated": ({"data": b"abc"}, "3 bytes of data in a 80x60 mono16 image with step 160: 9600 expected"),
}


@pytest.mark.parametrize("lie", LIES)
def test_geometry_that_lies_is_refused(lie: str) -> None:
    change, text = LIES[lie]
    with pytest.raises(MessageError, match=text) as caught:
        read_image(_raw(make_image(scene(), "mono16", **change)))
    assert caught.value.reason is Drop.MALFORMED


def test_an_unknown_encoding_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(MessageError, match="^encoding 'yuv422' is not supported: send one of mono8, ") as caught:
        read_image(_raw(make_image(scene(dtype=np.uint8), "yuv422")))
    assert caught.value.reason is Drop.UNSUPPORTED


def test_bytes_that_are_no_message_are_refused() -> None:
    for raw in (b"", b"\x00\x01", b"\xff" * 100, _raw(make_image(scene(), "mono16"))[:-500]):
        with pytest.raises(MessageError, match="a damaged sensor_msgs/msg/Image") as caught:
            read_image(raw)
        assert caught.value.reason is Drop.MALFORMED
    with pytest.raises(MessageError):
        read_camera_info(_raw(CameraInfo())[:50])


@pytest.mark.parametrize(
    ("dtype", "extension", "form", "encoding"),
    [
        (np.uint16, ".png", "16UC1; png compressed", "16UC1"),
        (np.uint16, ".png", "mono16; png compressed", "mono16"),
        (np.uint16, ".png", "png", "16UC1"),
        (np.uint8, ".png", "mono8; png compressed", "mono8"),
        (np.uint8, ".jpg", "jpeg", "mono8"),
        (np.uint8, ".jpg", "bgr8; jpeg compressed bgr8", "mono8"),
    ],
)
def test_compressed_frames_are_read(dtype: type, extension: str, form: str, encoding: str) -> None:
    pixels = scene(dtype=dtype)
    picture = read_compressed(_compressed(cv2.imencode(extension, pixels)[1].tobytes(), form))
    assert picture.encoding == encoding and picture.image.dtype == dtype
    tolerance = 0 if extension == ".png" else 12
    assert np.abs(picture.image.astype(int) - pixels).max() <= tolerance


BAD_PICTURES = {
    "a bomb": (_png_header(30000, 30000), "png", "claims 30000 x 30000 pixels: use 1 to 4096", Drop.UNDECODABLE),
    "no size": (_png_header(0, 16), "png", "claims 0 x 16", Drop.UNDECODABLE),
    "nothing": (b"", "png", "neither PNG nor JPEG", Drop.UNDECODABLE),
    "text": (b"hello, I am a picture", "jpeg", "neither PNG nor JPEG", Drop.UNDECODABLE),
    "only a header": (_png_header(64, 48), "png", "the compressed picture is cut short", Drop.UNDECODABLE),
    "half a jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF", "jpeg", "the compressed picture is cut short", Drop.UNDECODABLE),
    "depth": (_png_header(64, 48), "32FC1; compressedDepth", "is not supported: send png or jpeg", Drop.UNSUPPORTED),
}


@pytest.mark.parametrize("case", BAD_PICTURES)
def test_pictures_that_do_not_decode_are_refused(case: str) -> None:
    data, form, text, reason = BAD_PICTURES[case]
    with pytest.raises(MessageError, match=text) as caught:
        read_compressed(_compressed(data, form))
    assert caught.value.reason is reason


def test_compressed_output_is_named_as_image_transport_names_it() -> None:
    header = make_image(scene(), "mono16", 5_000_000_000).header
    deep = write_compressed(scene(), Picture(header, scene(), "mono16"))
    assert deep is not None and deep.format == "mono16; png compressed" and deep.header.stamp.sec == 5
    assert np.array_equal(cv2.imdecode(np.frombuffer(deep.data, np.uint8), cv2.IMREAD_UNCHANGED), scene())
    shallow = write_compressed(scene(dtype=np.uint8), Picture(header, scene(dtype=np.uint8), "mono8"))
    assert shallow is not None and shallow.format == "mono8; jpeg compressed"
    assert write_compressed(scene(dtype=np.float32), Picture(header, scene(dtype=np.float32), "32FC1")) is None


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({}, "160x120"),
        ({"binning_x": 2, "binning_y": 2}, "80x60"),
        ({"binning_x": 2}, "80x120"),
        ({"roi": RegionOfInterest(width=40, height=32)}, "40x32"),
        ({"roi": RegionOfInterest(width=40, height=32), "binning_x": 1, "binning_y": 4}, "40x8"),
    ],
)
def test_a_calibration_is_of_frames_of_one_size(fields: dict, size: str) -> None:
    info = CameraInfo(width=160, height=120, **fields)
    width, height = (int(side) for side in size.split("x"))
    assert calibration_misfit(info, (height, width)) == ""
    for shape in ((height, width + 1), (height + 1, width)):
        assert f"of {size} pixels, but frames have {shape[1]}x{shape[0]}" in calibration_misfit(info, shape)


def test_counts_whose_bytes_are_swapped_are_told() -> None:
    """As of a driver that sends big-endian counts and does not say so."""
    frame = scene(shape=(64, 80))
    assert "is_bigendian" in byte_order_misfit(frame.byteswap())
    eight_bits = scene(shape=(64, 80), dtype=np.uint8)
    shifted = eight_bits.astype(np.uint16) << 8
    shifted[10, 10] += 7
    noise = np.random.default_rng(0).integers(0, 65536, (64, 80)).astype(np.uint16)
    for fine in (frame, eight_bits, eight_bits.astype(np.uint16), shifted, noise, frame.astype(np.float32), frame * 0):
        assert byte_order_misfit(fine) == ""


def test_a_camera_that_is_not_calibrated_fits_any_frame() -> None:
    assert calibration_misfit(CameraInfo(), (60, 80)) == ""
