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

"""Decompresses chunks, messages and whole files of bags, each up to a limit."""

from __future__ import annotations

import sys
from pathlib import Path

import lz4.frame

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.paths import printable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAX_CHUNK_BYTES = 1 << 29  # of one chunk or message, decompressed
ZstdError = zstd.ZstdError
_ZSTD_MARK = b"\x28\xb5\x2f\xfd"


def inflate(compression: str, data: bytes, limit: int) -> bytes:
    """Decompress at most `limit` bytes; truncated data gives its part. Raises KeyError for an unknown compression."""
    if not compression:
        return data[:limit]
    decompressor = {"zstd": zstd.ZstdDecompressor, "lz4": lz4.frame.LZ4FrameDecompressor}[compression]()
    out = bytearray(decompressor.decompress(data, max_length=limit))
    while len(out) < limit and not decompressor.eof and not decompressor.needs_input:
        out += decompressor.decompress(b"", max_length=limit - len(out))
    return bytes(out)


def inflate_message(data: bytes) -> bytes:
    """Decompress a message of the recorder's compression mode `message`, recognised by a magic number that no plain
    message starts with; return others unchanged. Raises ValueError."""
    if not data.startswith(_ZSTD_MARK):
        return data
    try:
        return inflate("zstd", data, MAX_CHUNK_BYTES)
    except ZstdError as error:
        raise ValueError(str(error)) from None


def inflate_file(source: Path, target: Path) -> None:
    """Decompress a .zstd file; at most 100 times its size. Raises SourceError."""
    limit = 100 * source.stat().st_size + (1 << 20)
    written = 0
    try:
        with zstd.open(source, "rb") as packed, open(target, "wb") as plain:
            while block := packed.read1(1 << 20):  # `read` would discard what precedes a cut
                written += len(block)
                if written > limit:
                    raise SourceError(f"{printable(str(source))} grows beyond {limit} bytes: it is not a recording")
                plain.write(block)
    except EOFError:
        return  # truncated: the reader uses the rest and reports it
    except (ZstdError, OSError) as error:
        raise SourceError(f"{printable(str(source))} cannot be decompressed: {printable(str(error))}") from None
