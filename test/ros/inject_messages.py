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

"""Faults of messages: lies, damaged text, odd pixels, odd stamps, decompression bombs (1-4 and 20 of the list)."""

from __future__ import annotations

import random
import struct
import time
import zlib
from typing import Any

import cv2
import numpy as np
from harness import make_image, scene, stamp_ns
from injection import SHAPE, Rig, good_frame, messages, serialized
from outcome import Outcome
from sensor_msgs.msg import CompressedImage, Image

ITS_TURN = 0.03  # seconds until the node has started on a message, so that the next one does not supersede it
HUGE = (2**31, 2**32 - 1, 2**16, 10**6)
LYING_FIELDS: dict[str, tuple[Any, ...]] = {
    "step": (0, 1, 2 * SHAPE[1] - 1, 2 * SHAPE[1] + 1, *HUGE),
    "width": (0, 1, 2 * SHAPE[1], *HUGE),
    "height": (0, 1, SHAPE[0] + 1, *HUGE),
    "encoding": ("", "mono8", "32FC1", "bgr8", "yuv422", "bayer_rggb16", "mono16\n", "x" * 5000, "é"),
    "data": (b"", b"\0", bytes(2 * SHAPE[0] * SHAPE[1] - 1), bytes(2 * SHAPE[0] * SHAPE[1] + 1)),
    "is_bigendian": (1, 255),
}
MEMORY_LIMIT = 60.0  # megabytes that the node may grow by under a bombardment


def _lying(rng: random.Random) -> tuple[str, Image]:
    """A message with one or two fields that contradict its data."""
    names = rng.sample(list(LYING_FIELDS), rng.choice((1, 1, 2)))
    lies = {name: rng.choice(LYING_FIELDS[name]) for name in names}
    message = good_frame(1)
    for name, lie in lies.items():
        setattr(message, name, lie)
    return str({name: str(lie)[:20] for name, lie in lies.items()}), message


def _mutated(rng: random.Random) -> tuple[str, bytes]:
    """The bytes of a message: cut, with bits flipped, or with a length of 4 bytes overwritten, mostly in its head."""
    raw = bytearray(serialized(good_frame(1)))
    kind, head = rng.choice(("cut", "flipped", "overwritten")), 80
    at = rng.randrange(1, head) if rng.random() < 0.8 else rng.randrange(1, len(raw) - 4)
    if kind == "cut":
        del raw[at:]
    elif kind == "flipped":
        raw[at] ^= 1 << rng.randrange(8)
    else:
        at -= at % 4
        raw[at : at + 4] = struct.pack("<I", rng.choice((*HUGE, 0, 1)))
    return f"{kind} at {at}", bytes(raw)


def _bombard(rig: Rig, outcome: Outcome, what: str, message: Image | bytes) -> None:
    """Send a bad message; the next good frame must be answered."""
    with outcome.fault(what):
        rig.send(message)
        time.sleep(ITS_TURN)
        outcome.recoveries.append(rig.answer())


def lying_messages(rig: Rig, count: int, seed: int = 0) -> Outcome:
    """Fault 1: geometry or encoding that lies, lengths of 2^32-1, wrong endianness."""
    outcome, rng = Outcome(), random.Random(seed)
    rig.answer()
    since = len(rig.peer.diagnostics)
    with rig.checked(outcome):
        for number in range(count):
            _bombard(rig, outcome, *(_lying, _mutated)[number % 2](rng))
    outcome.said = messages(rig.peer, "frames", since)
    outcome.require(outcome.figures["memory growth MB"] < MEMORY_LIMIT, "memory is not flat")
    return outcome


def text_that_is_not_utf8(rig: Rig, count: int, seed: int = 0) -> Outcome:
    """Fault 2: `frame_id` and `encoding` with bytes that are no UTF-8."""
    outcome, rng = Outcome(), random.Random(seed)
    rig.answer()
    since = len(rig.peer.diagnostics)
    bad = (b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xf8\x88", b"\x80")
    raw = serialized(make_image(scene(1, SHAPE), "mono16", frame_id="thermal"))
    with rig.checked(outcome):
        for number in range(count):
            text = (b"thermal", b"mono16")[number % 2]
            wrong = rng.choice(bad)
            at = rng.randrange(len(text) - len(wrong) + 1)
            _bombard(rig, outcome, repr(wrong), raw.replace(text, text[:at] + wrong + text[at + len(wrong) :], 1))
    outcome.said = messages(rig.peer, "frames", since)
    dropped = outcome.figures.get("dropped.malformed", 0) + outcome.figures.get("dropped.superseded", 0)
    outcome.require(dropped == count, f"{dropped} of {count} dropped as malformed")
    return outcome


def odd_pixels(rig: Rig, count: int, seed: int = 0) -> Outcome:
    """Fault 3: NaN and inf, constant frames, a size that changes in mid-stream: dropped, or a finite answer."""
    outcome, rng = Outcome(), np.random.default_rng(seed)
    rig.answer()
    since = len(rig.peer.diagnostics)
    with rig.checked(outcome):
        for number in range(count):
            kind = ("some NaN", "all NaN", "constant", "size", "huge values")[number % 5]
            shape = tuple(rng.integers(16, 100, 2)) if kind == "size" else SHAPE
            pixels = scene(number, shape, np.float32)
            if kind == "some NaN":
                pixels[rng.random(shape) < rng.uniform(0.001, 0.9)] = rng.choice((np.nan, np.inf, -np.inf))
            elif kind == "all NaN":
                pixels[:] = np.nan
            elif kind == "constant":
                pixels[:] = rng.uniform(0, 400)
            elif kind == "huge values":
                pixels[tuple(rng.integers(0, side) for side in shape)] = rng.choice((3e38, -3e38))
            with outcome.fault(kind):
                _send_odd(rig, make_image(pixels, "32FC1"), must_come=kind in ("some NaN", "size"))
                outcome.recoveries.append(rig.answer())
    outcome.said = messages(rig.peer, "frames", since)
    return outcome


def _send_odd(rig: Rig, message: Image, must_come: bool) -> None:
    """Send a frame of kelvin; what comes back for it, if anything, must be finite and of its size."""
    wanted = stamp_ns(message)
    rig.send(message)
    if must_come:
        rig.peer.wait(lambda: wanted in rig.heard[-2:], "the restored frame")
    else:
        time.sleep(ITS_TURN)
    if stamp_ns(rig.newest) == wanted:
        assert (rig.newest.height, rig.newest.width) == (message.height, message.width)
        assert np.isfinite(np.frombuffer(rig.newest.data, np.float32)).all(), "a restored frame is not finite"


def odd_stamps(rig: Rig, count: int, seed: int = 0) -> Outcome:
    """Fault 4: zero, repeated, backward and future stamps: kept, and flagged in the diagnostics."""
    outcome, rng = Outcome(), random.Random(seed)
    rig.answer()
    kinds = ("zero", "repeated", "backward", "future")
    since, flagged = len(rig.peer.diagnostics), _flagged(rig, kinds)
    with rig.checked(outcome):
        for number in range(count):
            kind, now = kinds[number % 4], time.time_ns()
            odd = {
                "zero": 0,
                "repeated": stamp_ns(rig.newest),
                "backward": now - rng.randrange(10**10, 10**17),
                "future": now + rng.randrange(10**10, 10**17),
            }[kind]
            with outcome.fault(f"{kind} {odd}"):
                before = len(rig.heard)
                rig.send(make_image(scene(number, SHAPE), "mono16", odd))
                rig.peer.wait(lambda before=before: len(rig.heard) > before, "the restored frame")
                assert rig.heard[before] == odd, f"restored with stamp {rig.heard[before]}"
                outcome.recoveries.append(rig.answer())
    # a good frame after one from the future is behind it: flagged as well, so there may be more than were sent
    for kind, many in _flagged(rig, kinds).items():
        sent = len(range(kinds.index(kind), count, 4))
        outcome.require(many - flagged[kind] >= sent, f"{many - flagged[kind]} of {sent} {kind} stamps flagged")
    outcome.said = messages(rig.peer, "input", since)
    return outcome


def _flagged(rig: Rig, kinds: tuple[str, ...]) -> dict[str, int]:
    values = rig.peer.fresh_values("input")
    return {kind: int(values[f"stamps.{kind}"]) for kind in kinds}


def _png(width: int, height: int, depth: int = 16, payload: bytes = b"") -> bytes:
    """A PNG that claims a size; its pixels are `payload`, compressed."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(payload, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def bombs(rng: random.Random) -> dict[str, bytes]:
    """Small pictures that claim much, or hide what they are."""
    jpeg = bytearray(cv2.imencode(".jpg", scene(1, SHAPE, np.uint8))[1].tobytes())
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = b"\xff\xff\xff\xff"
    good = cv2.imencode(".png", scene(1, SHAPE))[1].tobytes()
    black = np.zeros((4096, 4096), np.uint8)
    scans = cv2.imencode(".jpg", black, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    last = scans[scans.rindex(b"\xff\xda") : -2]
    return {
        "a PNG of 30000 x 30000": _png(30000, 30000, payload=bytes(1000)),
        "a PNG of 2^31-1 x 2^31-1": _png(2**31 - 1, 2**31 - 1),
        "a PNG of 30000 x 1": _png(30000, 1),
        "a PNG of 30000 x 30000 with a megabyte of zeros": _png(30000, 30000, payload=bytes(2**20)),
        "a PNG of 4096 x 4096 that is one row": _png(4096, 4096, payload=bytes(8193)),
        "a JPEG of 65535 x 65535": bytes(jpeg),
        "a JPEG of 10000 scans": scans[:-2] + 10000 * last + scans[-2:],
        "a PNM of 30000 x 30000": b"P5 30000 30000 255\n" + bytes(100),
        "a BMP of 30000 x 30000": b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + struct.pack("<Iii", 40, 30000, 30000),
        "a TIFF": b"II*\0\x08\0\0\0" + bytes(64),
        "an EXR": b"v/1\x01\x02\0\0\0" + bytes(64),
        "a cut PNG": good[: rng.randrange(10, len(good) - 12)],
        "no bytes": b"",
        "noise": rng.randbytes(200),
    }


def decompression_bombs(rig: Rig, count: int, seed: int = 0) -> Outcome:
    """Fault 20: dropped before anything of the claimed size is allocated. The plain camera leaves for it."""
    outcome, rng = Outcome(), random.Random(seed)
    rig.leave()
    compressed = rig.peer.publisher(CompressedImage, "image/compressed")
    names = list(bombs(rng))

    def send(data: bytes) -> int:
        message = CompressedImage(format="mono16; png compressed", data=data)
        message.header.stamp = good_frame(0).header.stamp
        compressed.publish(message)
        rig.sent += 1
        return stamp_ns(message)

    since = len(rig.peer.diagnostics)
    with rig.checked(outcome):
        peak = _peak_memory(rig)
        for number in range(count):
            name = names[number % len(names)]
            with outcome.fault(name):
                send(bombs(rng)[name])
                time.sleep(ITS_TURN)
                started = time.monotonic()
                wanted = send(cv2.imencode(".png", scene(number, SHAPE))[1].tobytes())
                rig.peer.wait(lambda wanted=wanted: wanted in rig.heard[-2:], "the answer to a good picture")
                outcome.recoveries.append(time.monotonic() - started)
        grown = (_peak_memory(rig) - peak) / 1e6
    outcome.figures["peak memory growth MB"] = round(grown, 1)
    outcome.require(grown < 4096 * 4096 * 8 / 1e6, f"the peak of memory rose by {grown:.0f} MB")
    outcome.said = messages(rig.peer, "frames", since)
    rig.peer.destroy(compressed)
    return outcome


def _peak_memory(rig: Rig) -> int:
    """Largest resident size so far, bytes."""
    with open(f"/proc/{rig.node.pid}/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith("VmHWM"))
