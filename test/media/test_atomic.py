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

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media import write_atomically

ROOT = Path(__file__).parents[2]


def test_a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write_atomically(tmp_path / "deep" / "x.bin", b"old")
    write_atomically(tmp_path / "deep" / "x.bin", b"new")
    assert (tmp_path / "deep" / "x.bin").read_bytes() == b"new"
    assert os.listdir(tmp_path / "deep") == ["x.bin"]


def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path) -> None:
    target = tmp_path / "x.bin"
    write_atomically(target, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(SourceError, match=r"cannot write .*x\.bin: File too large; free some space"):
            write_atomically(target, b"n" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.bin"]


@pytest.mark.parametrize("target", ["/proc/x", "folder", "file/x", "/"])
def test_what_cannot_be_written_is_one_line_with_the_path(tmp_path: Path, target: str) -> None:
    (tmp_path / "folder" / "full").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError) as caught:
        write_atomically(tmp_path / target, b"data")
    assert target in str(caught.value) and "\n" not in str(caught.value)


def test_killed_while_writing_the_file_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    target = tmp_path / "x.bin"
    program = (
        "import sys; from infrared_ir_ros.media.atomic import write_atomically\n"
        "number = 0\n"
        "while True:\n"
        "    write_atomically(sys.argv[1], bytes([number % 251]) * 2_000_000)\n"
        "    number += 1\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for delay in (0.02, 0.031, 0.047, 0.06, 0.083):
        process = subprocess.Popen([sys.executable, "-c", program, str(target)], env=environment)
        while not target.exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(delay)
        process.kill()
        process.wait()
        data = target.read_bytes()
        assert len(data) == 2_000_000 and len(set(data)) == 1


def test_what_is_no_file_keeps_its_place(tmp_path: Path) -> None:
    """As root, /dev/null as output became a file."""
    os.mkfifo(tmp_path / "fifo.bin")
    (tmp_path / "link.bin").symlink_to("fifo.bin")
    for name in ("fifo.bin", "link.bin"):
        with pytest.raises(SourceError, match=f"{name} is a FIFO: give the name of a file"):
            write_atomically(tmp_path / name, b"data")
        assert (tmp_path / name).is_fifo()
    assert sorted(os.listdir(tmp_path)) == ["fifo.bin", "link.bin"]


def test_a_link_stays_one_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "x.bin").symlink_to(Path("kept/x.bin"))
    for data in (b"first", b"second"):  # there is nothing yet, then something
        write_atomically(tmp_path / "x.bin", data)
        assert (tmp_path / "x.bin").is_symlink() and (tmp_path / "kept/x.bin").read_bytes() == data
