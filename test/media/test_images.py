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

import io
import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media import PictureFolder, open_source, read_image, write_image
from infrared_ir_ros.media.headers import check_picture, claimed_size
from infrared_ir_ros.media.images import decode_image


def picture(dtype: type = np.uint16, seed: int = 0, shape: tuple[int, int] = (24, 32)) -> np.ndarray:
    high = 65535 if dtype == np.uint16 else 255
    return np.random.default_rng(seed).integers(0, high, shape).astype(dtype)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    image=st.sampled_from([np.uint8, np.uint16]).flatmap(
        lambda dtype: arrays.arrays(dtype, st.tuples(st.integers(1, 40), st.integers(1, 40)))
    ),
    suffix=st.sampled_from([".png", ".tif", ".tiff", ".bmp", ".npy"]),
)
def test_what_is_written_comes_back_bit_for_bit(tmp_path: Path, image: np.ndarray, suffix: str) -> None:
    if suffix == ".bmp" and image.dtype == np.uint16:
        with pytest.raises(SourceError, match="16 bit"):
            write_image(tmp_path / f"x{suffix}", image)
        return
    write_image(tmp_path / f"x{suffix}", image)
    back = read_image(tmp_path / f"x{suffix}")
    assert back.dtype == image.dtype
    assert np.array_equal(back, image)


def test_a_sequence_takes_the_place_of_a_longer_one_but_not_if_it_breaks_off(tmp_path: Path) -> None:
    def write(count: int, dtype: type, breaks: bool = False) -> list[str]:
        with suppress(ZeroDivisionError), PictureFolder(tmp_path) as folder:
            for _ in range(count):
                folder.write(np.zeros((24, 32), dtype))
            assert not breaks or 1 / 0
        return sorted(path.name for path in tmp_path.iterdir())

    (tmp_path / "000002.txt").write_text("labels")
    write(5, np.uint16)
    assert "000004.png" in write(1, np.uint16, breaks=True)
    assert write(2, np.float32) == ["000000.tiff", "000001.tiff", "000002.txt"]


def test_kelvin_survive_as_tiff_and_are_refused_as_png(tmp_path: Path) -> None:
    kelvin = np.linspace(250, 320, 24 * 32, dtype=np.float32).reshape(24, 32)
    for name in ("x.tiff", "x.npy"):
        write_image(tmp_path / name, kelvin)
        assert np.array_equal(read_image(tmp_path / name), kelvin)
    with pytest.raises(SourceError, match="use .tiff"):
        write_image(tmp_path / "x.png", kelvin)


def tiff(planes: list[np.ndarray], large: bool, kind: int = 1) -> bytes:
    """Uncompressed, big-endian; large: with 64-bit offsets; several planes are stored one after the other."""
    height, width = planes[0].shape
    offset, length = (16, 20) if large else (8, 12)
    pixels = b"".join(plane.astype(plane.dtype.newbyteorder(">")).tobytes() for plane in planes)
    bits, count = 8 * planes[0].dtype.itemsize, len(planes)
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: 1 if count == 1 else 2, 277: count, 278: height,
            284: 2 if count > 1 else 1, 339: kind}  # fmt: skip
    size = len(pixels) // count
    data = offset + (8 if large else 2) + length * (len(tags) + 2) + (8 if large else 4)
    starts, sizes = data + len(pixels), data + len(pixels) + 4 * count
    tags |= {273: data if count == 1 else starts, 279: size if count == 1 else sizes}
    entry = ">HHQIxxxx" if large else ">HHII"
    entries = [
        struct.pack(entry, tag, 4, count if tag in (273, 279) else 1, value) for tag, value in sorted(tags.items())
    ]
    head = (
        struct.pack(">2sHHHQQ", b"MM", 43, 8, 0, 16, len(tags))
        if large
        else struct.pack(">2sHIH", b"MM", 42, 8, len(tags))
    )
    tables = struct.pack(f">{count}I", *(data + size * n for n in range(count))) + struct.pack(
        f">{count}I", *[size] * count
    )
    return head + b"".join(entries) + bytes(8 if large else 4) + pixels + (tables if count > 1 else b"")


@pytest.mark.parametrize("large", [False, True])
def test_counts_of_a_tiff_are_those_in_the_file_whatever_holds_them(large: bool) -> None:
    counts = picture()
    assert np.array_equal(decode_image(tiff([counts], large), "it"), counts)
    whole = decode_image(tiff([counts.astype(np.int32)], large, kind=2), "it")
    assert whole.dtype == np.uint16 and np.array_equal(whole, counts)
    with pytest.raises(SourceError, match="it holds int32 pixels of -1 to -1: use counts of 0 to 65535"):
        decode_image(tiff([np.full((24, 32), -1, np.int32)], large, kind=2), "it")
    with pytest.raises(SourceError, match="it stores its channels in separate planes"):
        decode_image(tiff([counts] * 3, large), "it")
    pages = tiff([counts], large)
    following = len(pages) - 2 * counts.size - (8 if large else 4)
    first = struct.pack(">Q" if large else ">I", 16 if large else 8)
    assert np.array_equal(decode_image(pages[:following] + first + pages[following + len(first) :], "it"), counts)


@pytest.mark.parametrize("highest", [255, 1023, 16383, 65535])
def test_counts_of_a_pgm_are_those_in_the_file_whatever_the_highest(highest: int) -> None:
    counts = (picture().astype(int) % (highest + 1)).astype(np.uint16 if highest > 255 else np.uint8)
    data = b"P5 # a camera\n32\n24 %d\n" % highest + counts.astype(counts.dtype.newbyteorder(">")).tobytes()
    assert np.array_equal(decode_image(data, "it"), counts) and decode_image(data, "it").dtype == counts.dtype
    with pytest.raises(SourceError, match="it cannot be decoded"):
        decode_image(data[:-100], "it")


@pytest.mark.parametrize("quality", [50, 101])
def test_webp_is_read_as_grey(quality: int) -> None:
    smooth = cv2.GaussianBlur(picture(np.uint8), (0, 0), 4)
    _, data = cv2.imencode(".webp", smooth, [cv2.IMWRITE_WEBP_QUALITY, quality])
    back = decode_image(data.tobytes(), "it")
    assert back.shape == (24, 32) and np.abs(back.astype(int) - smooth).max() <= (8 if quality == 50 else 0)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 24, 32), np.uint16), r"it is an array \(4, 24, 32\): an npy holds one frame .* as npz"),
        (np.zeros((24, 32), complex), "it holds complex128 pixels"),
        (np.full((24, 32), -5), "it holds int64 pixels of -5 to -5"),
        (np.array([[{}]], object), "it is cut short or damaged"),
        (np.zeros((1, 5000), np.uint8), "claims 5000 x 1 pixels"),
    ],
)
def test_an_npy_that_is_no_frame_is_refused(array: np.ndarray, words: str) -> None:
    out = io.BytesIO()
    np.save(out, array)
    with pytest.raises(SourceError, match=words):
        decode_image(out.getvalue(), "it")
    with pytest.raises(SourceError):
        decode_image(out.getvalue()[:-1], "it")


def test_colour_becomes_luma_whatever_its_depth(tmp_path: Path) -> None:
    colour = np.zeros((8, 8, 3), np.uint16)
    colour[..., 1] = 10000  # green, 0.587 of luma
    cv2.imwrite(str(tmp_path / "x.png"), colour)
    assert read_image(tmp_path / "x.png").dtype == np.uint16
    assert abs(int(read_image(tmp_path / "x.png")[0, 0]) - 5870) <= 1


def test_a_folder_gives_its_pictures_in_natural_order_with_rising_stamps(tmp_path: Path) -> None:
    for name in ("b/frame10.png", "b/frame9.png", "a2.tiff", "a10.jpg", "notes.txt", ".hidden.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("no picture") if path.suffix == ".txt" else cv2.imwrite(str(path), picture(np.uint8))
    source = open_source(tmp_path, frame_rate=10)
    frames = list(source)
    assert [frame.name for frame in frames] == ["a2.tiff", "a10.jpg", "b/frame9.png", "b/frame10.png"]
    assert [frame.stamp_ns for frame in frames] == [0, 100_000_000, 200_000_000, 300_000_000]
    assert source.frame_count == 4
    assert [frame.name for frame in source] == [frame.name for frame in frames], "a source can be read again"


def test_one_bad_picture_is_told_and_does_not_stop_the_rest(tmp_path: Path) -> None:
    for name in ("1.png", "2.png", "3.png"):
        write_image(tmp_path / name, picture())
    (tmp_path / "2.png").write_bytes((tmp_path / "2.png").read_bytes()[:200])
    told: list[str] = []
    assert [frame.name for frame in open_source(tmp_path, report=told.append)] == ["1.png", "3.png"]
    assert len(told) == 1 and "2.png" in told[0] and "\n" not in told[0]


def encoded(suffix: str, image: np.ndarray, *options: int) -> bytes:
    if suffix == ".npy":
        file = io.BytesIO()
        np.save(file, image)
        return file.getvalue()
    return cv2.imencode(suffix, image, options)[1].tobytes()


@pytest.mark.parametrize(
    ("suffix", "channels", "options"),
    [
        *((suffix, 1, ()) for suffix in (".png", ".jpg", ".tiff", ".bmp", ".pgm", ".npy")),
        (".webp", 3, (cv2.IMWRITE_WEBP_QUALITY, 80)),
        (".webp", 3, (cv2.IMWRITE_WEBP_QUALITY, 101)),  # without loss
        (".webp", 4, (cv2.IMWRITE_WEBP_QUALITY, 80)),  # the extended format
    ],
)
def test_the_size_is_read_off_the_header(suffix: str, channels: int, options: tuple[int, ...]) -> None:
    image = picture(np.uint8, shape=(300, 65))
    data = encoded(suffix, image if channels == 1 else np.dstack([image] * channels), *options)
    assert claimed_size(data, "it") == (300, 65)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff", ".bmp", ".webp", ".pgm", ".npy"])
def test_a_picture_cut_short_anywhere_is_refused_or_whole(tmp_path: Path, suffix: str) -> None:
    """No decoder may fill what is missing with grey."""
    data = encoded(suffix, picture(np.uint8, shape=(48, 64)))
    whole = decode_image(data, "it")
    for length in np.linspace(0, len(data) - 1, 25).astype(int):
        try:
            image = decode_image(data[:length], "it")
        except SourceError:
            continue
        assert np.array_equal(image, whole), f"{length} of {len(data)} bytes gave another picture"


def test_a_tiff_of_several_pages_is_refused_and_copies_of_the_one_page_are_not(tmp_path: Path) -> None:
    cv2.imwritemulti(str(tmp_path / "x.tiff"), [picture(seed=seed) for seed in range(3)])
    with pytest.raises(SourceError, match="x.tiff holds several pages.*split it"):
        read_image(tmp_path / "x.tiff")
    pages = (tmp_path / "x.tiff").read_bytes()
    kind = struct.pack("<HHII", 254, 4, 1, 2)  # a page; libtiff writes it where there are several
    assert pages.count(kind) == 3
    copies = pages.replace(kind, struct.pack("<HHII", 254, 4, 1, 1)).replace(kind[:-4] + b"\1\0\0\0", kind, 1)
    assert np.array_equal(decode_image(copies, "it"), picture(seed=0)), "a page and two thumbnails"


@pytest.mark.parametrize("kind", [0, 1])
def test_directories_of_a_tiff_that_overlap_are_not_all_walked(monkeypatch: pytest.MonkeyPatch, kind: int) -> None:
    count, entries, read = 50, 65535, struct.unpack_from
    data = bytearray(b"II*\0" + struct.pack("<IH", 8, entries))
    for number in range(entries + count):  # an entry ends with the number of entries of a directory
        value = struct.pack("<HH", 48, entries)
        if number < count:
            data += struct.pack("<HHI", 254, 4, 1) + struct.pack("<HH", kind, entries)
        elif number < entries:
            data += struct.pack("<HHI", 256 + number % 2, 3, 1) + value
        else:
            data += struct.pack("<II", 8 + 12 * (number - entries + 1), 0) + value
    reads: list[int] = []

    def counted(format: str, buffer: bytes, offset: int = 0) -> tuple[int, ...]:
        reads.append(offset)
        if len(reads) > 10 * entries:
            pytest.fail("the whole file is walked, again and again")
        return read(format, buffer, offset)

    monkeypatch.setattr(struct, "unpack_from", counted)
    with suppress(SourceError):
        check_picture(bytes(data), "it")
    assert len(reads) > entries  # a directory was walked


@pytest.mark.parametrize("channels", [1, 3])
def test_a_jpeg_stands_upright_as_its_orientation_says(channels: int) -> None:
    colour = np.repeat(picture(np.uint8)[..., None], channels, 2)
    lying = cv2.imencode(".jpg", colour)[1].tobytes()
    exif = b"Exif\0\0II*\0" + struct.pack("<IHHHIII", 8, 1, 274, 3, 1, 6, 0)  # 6: turn it clockwise
    turned = lying[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(exif)) + exif + lying[2:]
    upright = decode_image(turned, "it")
    assert upright.shape == (32, 24) and upright.dtype == np.uint8
    assert np.array_equal(upright, np.rot90(decode_image(lying, "it"), -1))


def bomb_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 10000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_a_png_that_claims_30000_pixels_a_side_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    (tmp_path / "bomb.png").write_bytes(bomb_png(30000, 30000))
    with pytest.raises(SourceError, match="30000 x 30000"):
        read_image(tmp_path / "bomb.png")


@pytest.mark.parametrize("suffix", [".tiff", ".jpg", ".bmp", ".webp", ".pgm"])
def test_other_formats_cannot_claim_a_giant_size_either(suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lossy = [cv2.IMWRITE_WEBP_QUALITY, 50] if suffix == ".webp" else []
    _, packed = cv2.imencode(suffix, picture(np.uint8, shape=(48, 64)), lossy)
    data = packed.tobytes()
    for old, new in (
        (struct.pack("<i", 64), struct.pack("<i", 30000)),  # bmp; tiff with 32-bit tags
        (struct.pack("<HHIHH", 256, 3, 1, 64, 0), struct.pack("<HHIHH", 256, 3, 1, 30000, 0)),  # tiff, 16-bit tags
        (struct.pack(">HH", 48, 64), struct.pack(">HH", 30000, 30000)),  # jpeg
        (struct.pack("<HH", 64, 48), struct.pack("<HH", 12345, 300)),  # webp
        (b"64 48", b"30000 1"),  # pgm
    ):
        data = data.replace(old, new, 1)
    assert data != packed.tobytes()
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(SourceError, match="claims (30000|12345)"):
        decode_image(data, "it")


def test_a_png_chunk_that_claims_gigabytes_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    _, packed = cv2.imencode(".png", picture(np.uint8))
    data = bytearray(packed.tobytes())
    data[data.index(b"IDAT") - 4] = 0xFF
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(SourceError, match="cut short or damaged"):
        decode_image(bytes(data), "it")


def test_a_jpeg_whose_scans_take_minutes_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    _, packed = cv2.imencode(".jpg", picture(np.uint8), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    data = packed.tobytes()
    assert decode_image(data, "it").shape == (24, 32)
    last = data[data.rindex(b"\xff\xda") : -2]
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(SourceError, match=r"it has 10\d\d scans, .*: use at most 100"):
        decode_image(data[:-2] + 1000 * last + data[-2:], "it")


@given(
    st.binary(max_size=300),
    st.sampled_from(
        [
            b"",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8",
            b"BM",
            b"II*\0",
            b"MM\0*",
            b"II+\0",
            b"P5 ",
            b"RIFF1234WEBPVP8X",
            b"RIFF1234WEBPVP8L",
            b"\x93NUMPY\1\0",
        ]
    ),
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_picture_or_a_source_error(data: bytes, magic: bytes) -> None:
    try:
        decode_image(magic + data, "it")
    except SourceError as error:
        assert "\n" not in str(error)


@pytest.mark.timeout(20)
def test_a_path_that_is_no_file_is_one_line_and_never_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.png")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("hello")
    for path, words in (
        (tmp_path / "fifo.png", "a FIFO"),
        (tmp_path / "dangling.png", "a link to nothing"),
        (tmp_path / "loop.png", "cannot be opened"),
        (Path("/dev/zero"), "a device"),
        (tmp_path / "missing", "missing"),
        (tmp_path / "empty", "holds no"),
        (tmp_path / "notes.txt", "unknown suffix"),
        (tmp_path / "no\x1b[31m\nred", r"no\\x1b\[31m\\nred is missing"),
    ):
        with pytest.raises(SourceError, match=words) as caught:
            open_source(path)
        assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)


@pytest.mark.timeout(20)
def test_a_file_replaced_by_a_fifo_while_the_source_runs_is_told(tmp_path: Path) -> None:
    for name in ("1.png", "2.png", "3.png"):
        write_image(tmp_path / name, picture())
    told: list[str] = []
    frames = iter(open_source(tmp_path, report=told.append))
    next(frames)
    (tmp_path / "2.png").unlink()
    os.mkfifo(tmp_path / "2.png")
    assert [frame.name for frame in frames] == ["3.png"]
    assert "FIFO" in told[0]
