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

"""Priors that somebody has damaged or forged (21-24 of the list), as folders that `prior_path` can name."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from infrared_ir_ros.restoration.weights import SHIPPED

GOOD = SHIPPED / "embedded"
GRAPHS = ("estimate.onnx", "restore.onnx")
MANIFEST, TENSORS = "manifest.json", "weights.safetensors"
MISSING = "missing"


@dataclass(frozen=True)
class Hostile:
    """One damaged prior. make: turns a copy of the good folder into it. says: part of the refusal; empty: anything."""

    name: str
    make: Callable[[Path], object]
    says: str = ""
    engine: str = "onnxruntime"


def copy_of_good(folder: Path) -> Path:
    """A prior's folder whose files are links to the good ones, until one is replaced."""
    folder.mkdir(parents=True)
    for path in GOOD.iterdir():
        (folder / path.name).symlink_to(path)
    return folder


def replace(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def vouch(folder: Path, **manifest: Any) -> None:
    """A manifest with the hashes of the present files, and with other entries if given: only the content is wrong."""
    content = json.loads((GOOD / MANIFEST).read_bytes()) | manifest
    content["files"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (*GRAPHS, TENSORS)}
    replace(folder / MANIFEST, json.dumps(content).encode())


class _Payload:
    """Touches a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.open, (str(self._marker), os.O_CREAT | os.O_WRONLY)


def pickles(marker: Path) -> Iterator[Hostile]:
    """Fault 21: `marker` must not exist afterwards."""
    data = pickle.dumps(_Payload(marker))
    for name, engine in ((TENSORS, "torch"), *((graph, "onnxruntime") for graph in GRAPHS)):

        def make(folder: Path, name: str = name) -> None:
            replace(folder / name, data)
            vouch(folder)

        yield Hostile(f"pickle as {name}", make, "", engine)
    yield Hostile("pickle as manifest", lambda folder: replace(folder / MANIFEST, data), "is not valid JSON")
    beside = lambda folder: (replace(folder / "weights.pkl", data), (folder / GRAPHS[0]).unlink())  # noqa: E731
    yield Hostile("pickle beside", beside, "can't be read")


def _safetensors(header: object, body: bytes = b"", length: int | None = None) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def _external(location: str, odd: bool = False) -> bytes:
    """A graph whose largest tensor lies in another file. odd: a length spelt in two bytes, which protobuf allows."""
    import onnx

    model = onnx.load_from_string((GOOD / GRAPHS[0]).read_bytes())
    tensor = max(model.graph.initializer, key=lambda initializer: len(initializer.raw_data))
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    plain = b"\x0a\x08location\x12"
    padding = "_" if odd else ""  # makes room for the longer spelling, so that no length around it changes
    tensor.external_data.add(key="location", value=padding + location)
    data = model.SerializeToString()
    if odd:
        size = len(location)
        before = plain + bytes([size + 1]) + b"_" + location.encode()
        assert data.count(before) == 1
        data = data.replace(before, b"\x0a\x88\x00location\x12" + bytes([size]) + location.encode())
    return data


def bombs() -> Iterator[Hostile]:
    """Fault 22: headers of 2^63, overlaps, sizes that nobody has, data outside the folder."""
    entry = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    many = {"dtype": "F32", "shape": [2**40, 2**20], "data_offsets": [0, 2**62]}
    files = {
        "header of 2^63": _safetensors({"a": entry}, bytes(16), 2**63),
        "header of 2^40": _safetensors({"a": entry}, bytes(16), 2**40),
        "overlapping tensors": _safetensors({"a": entry, "b": entry}, bytes(16)),
        "tensor of 2^60": _safetensors({"a": many}, bytes(16)),
        "deep header": struct.pack("<Q", 20000) + b"[" * 20000,
        "empty": b"",
    }
    for name, data in files.items():
        yield _named(f"safetensors: {name}", TENSORS, data, "torch")
    files = {"empty": b"", "noise": random.Random(0).randbytes(5000), "field of 2^31": b"\x0a\xff\xff\xff\xff\x07"}
    for name, data in files.items():
        for graph in GRAPHS:
            yield _named(f"{graph}: {name}", graph, data)
    large = lambda folder: ((folder / GRAPHS[0]).unlink(), _sparse(folder / GRAPHS[0], 2**40))  # noqa: E731
    yield Hostile("sparse file of 2^40 bytes", large, "bytes: at most")
    yield Hostile("deep manifest", lambda folder: replace(folder / MANIFEST, b"[" * 500000), "is not valid JSON")
    yield Hostile("long manifest", lambda folder: replace(folder / MANIFEST, b" " * (1 << 21)), "bytes: at most")
    huge = {"channels": [60000, 60000, 60000], "middle": 2}
    yield Hostile("a network of 60000 channels", lambda folder: vouch(folder, constructor=huge), "", "torch")
    deep = {"field_layers": 10**8}
    yield Hostile("a network of 10^8 layers", lambda folder: vouch(folder, constructor=deep), "", "torch")


def external_data(outside: Path) -> Iterator[Hostile]:
    """Fault 22: graphs with tensors in the file `outside` the folder, which is there. Needs onnx."""
    for location in (str(outside), os.path.relpath(outside), "weights.safetensors"):
        for odd in (False, True):
            name = f"external data in {location}{', oddly spelt' if odd else ''}"
            yield _named(name, GRAPHS[0], _external(location, odd), says="keeps tensors in other files")


def _named(name: str, file: str, data: bytes, engine: str = "onnxruntime", says: str = "") -> Hostile:
    def make(folder: Path) -> None:
        replace(folder / file, data)
        vouch(folder)

    return Hostile(name, make, says, engine)


def _sparse(path: Path, size: int) -> None:
    with open(path, "wb") as file:
        file.truncate(size)


def damaged(rng: random.Random, offsets: int) -> Iterator[Hostile]:
    """Fault 23: each file cut and with one bit flipped, at so many offsets."""
    for number in range(offsets):
        for name, engine in ((GRAPHS[0], "onnxruntime"), (GRAPHS[1], "onnxruntime"), (TENSORS, "torch")):
            data = (GOOD / name).read_bytes()
            at = rng.randrange(100) if number % 4 == 0 else rng.randrange(len(data))
            flipped = bytearray(data)
            flipped[at] ^= 1 << rng.randrange(8)
            for kind, bad in (("cut", data[:at]), ("flipped", bytes(flipped))):
                make = lambda folder, name=name, bad=bad: replace(folder / name, bad)  # noqa: E731
                yield Hostile(f"{name} {kind} at {at}", make, "is damaged or not the file", engine)
        data = (GOOD / MANIFEST).read_bytes()
        cut = data[: rng.randrange(len(data.rstrip()))]
        yield Hostile(f"manifest cut at {len(cut)}", lambda folder, cut=cut: replace(folder / MANIFEST, cut))


def unfitting() -> Iterator[Hostile]:
    """Fault 23: whole files that the manifest vouches for, but NaN or of another architecture."""

    def swapped(folder: Path) -> None:
        for name, other in (GRAPHS, GRAPHS[::-1]):
            replace(folder / name, (GOOD / other).read_bytes())
        vouch(folder)

    yield Hostile("graphs swapped", swapped)
    constructor = json.loads((GOOD / MANIFEST).read_bytes())["constructor"]
    for other in ({"channels": [8, 8, 8]}, {"middle": 3}, {"colour": True}, {"channels": "many"}, {"middle": -1}):
        vouching = lambda folder, other=other: vouch(folder, constructor=constructor | other)  # noqa: E731
        yield Hostile(f"constructor with {other}", vouching, "does not fit its manifest", "torch")
    yield Hostile("other prior", lambda folder: vouch(folder, name="sd_turbo"), "holds the prior 'sd_turbo'")
    yield Hostile("other task", lambda folder: vouch(folder, tasks=["juggle"]), "this prior knows juggle")
    yield _named("NaN in safetensors", TENSORS, _nan_tensors(), "torch", "damaged")


def nan_graphs() -> Iterator[Hostile]:
    """Fault 23: graphs with NaN among their weights, and one that gives its outputs in another shape. Needs onnx."""
    import onnx

    for name in GRAPHS:
        model = onnx.load_from_string((GOOD / name).read_bytes())
        tensors = [tensor for tensor in model.graph.initializer if len(tensor.raw_data) > 1000]
        tensor = max(tensors, key=lambda tensor: len(tensor.raw_data))
        array = onnx.numpy_helper.to_array(tensor).copy()
        array.ravel()[::7] = np.nan
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
        yield _named(f"NaN in {name}", name, model.SerializeToString(), says="NaN")
    model = onnx.load_from_string((GOOD / GRAPHS[0]).read_bytes())
    del model.graph.output[2:]
    yield _named("fewer outputs", GRAPHS[0], model.SerializeToString())


def _nan_tensors() -> bytes:
    data = bytearray((GOOD / TENSORS).read_bytes())
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F16":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            data[begin:end] = b"\x00\x7e" * ((end - begin) // 2)
    return bytes(data)


def odd_paths(outside: Path) -> Iterator[Hostile]:
    """Fault 24: FIFOs, folders, links and `..` in place of files; `outside` is a file that is no prior."""

    def instead(name: str, put: Callable[[Path], object]) -> Callable[[Path], None]:
        return lambda folder: ((folder / name).unlink(), put(folder / name))  # type: ignore[return-value]

    for name in (MANIFEST, GRAPHS[0], GRAPHS[1]):
        yield Hostile(f"FIFO as {name}", instead(name, os.mkfifo), "not a regular file")
        yield Hostile(f"folder as {name}", instead(name, Path.mkdir), "not a regular file")
        yield Hostile(f"no {name}", instead(name, lambda path: None), "can't be read")
        yield Hostile(
            f"dangling link as {name}", instead(name, lambda path: path.symlink_to("nowhere")), "can't be read"
        )
        yield Hostile(f"link to itself as {name}", instead(name, lambda path: path.symlink_to(path)), "can't be read")
        yield Hostile(
            f"link to /dev/zero as {name}", instead(name, lambda path: path.symlink_to("/dev/zero")), "regular"
        )
        yield Hostile(f"link elsewhere as {name}", instead(name, lambda path: path.symlink_to(outside)))
    up = {"files": {f"../{name}": "0" * 64 for name in GRAPHS}}
    content = json.loads((GOOD / MANIFEST).read_bytes()) | up
    yield Hostile(
        "files above", lambda folder: replace(folder / MANIFEST, json.dumps(content).encode()), "names the file"
    )


def odd_folders(folder: Path) -> dict[str, str]:
    """Fault 24: name -> prior_path that is no folder of a prior."""
    os.mkfifo(folder / "fifo")
    (folder / "file").write_bytes(b"{}")
    (folder / "empty").mkdir()
    (folder / "loop").symlink_to(folder / "loop")
    names = {name: str(folder / name) for name in ("fifo", "file", "empty", "loop", MISSING)}
    return names | {"device": "/dev/zero", "above": str(folder / ".." / "nowhere" / ".."), "long": "x" * 5000}
