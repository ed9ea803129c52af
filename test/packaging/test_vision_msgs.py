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

"""The messages of detections: the types of every ROS 2, and what is said where they can't be built."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from infrared_ir_ros.media.bag import VISION_MSGS, typestore

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts/build_vision_msgs.py"
sys.path.insert(0, str(ROOT / "scripts"))

import build_vision_msgs  # noqa: E402


def _failing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> str:
    """The one line that it fails with, nothing being built or installed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(build_vision_msgs.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(build_vision_msgs, "wheels", lambda: ["ros-rclpy==7.1.6"])
    monkeypatch.setattr(build_vision_msgs, "install", lambda built, prefix: pytest.fail("installed"))
    assert build_vision_msgs.main() == 1
    told = capsys.readouterr()
    assert len(told.err.splitlines()) == 1 and told.err.startswith("detections are off, everything else works: ")
    assert not list((tmp_path / "cache").rglob("vision_msgs*"))
    return told.err


def test_no_compiler(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "sudo apt install g++" in _failing(monkeypatch, capsys, tmp_path)


def test_no_headers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monkeypatch.setattr(build_vision_msgs.shutil, "which", lambda name: name)
    monkeypatch.setattr(build_vision_msgs.sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    assert "sudo apt install python3-dev" in _failing(monkeypatch, capsys, tmp_path)


def test_a_step_that_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monkeypatch.setattr(build_vision_msgs, "check_tools", lambda: None)
    monkeypatch.setattr(build_vision_msgs.sys, "prefix", str(tmp_path))
    monkeypatch.setattr(build_vision_msgs.sys, "executable", "/bin/false")
    assert str(tmp_path / "vision_msgs.log") in _failing(monkeypatch, capsys, tmp_path)


def test_other_types_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "share/vision_msgs/msg"
    folder.mkdir(parents=True)
    for name, value in build_vision_msgs.TYPE_HASHES.items():
        entry = {"type_name": f"vision_msgs/msg/{name}", "hash_string": value}
        (folder / f"{name}.json").write_text(json.dumps({"type_hashes": [entry]}))
    build_vision_msgs.check_hashes(tmp_path)
    text = (folder / "LabelInfo.json").read_text()
    (folder / "LabelInfo.json").write_text(text.replace("RIHS01_3d", "RIHS01_4d"))
    with pytest.raises(build_vision_msgs.Impossible, match="vision_msgs/LabelInfo came out as RIHS01_4d"):
        build_vision_msgs.check_hashes(tmp_path)


def test_recordings_hold_the_same_messages_as_those_that_are_built() -> None:
    """media/bag.py writes them without ROS, so it declares them, too."""
    for name, value in build_vision_msgs.TYPE_HASHES.items():
        assert typestore().hash_rihs01(f"vision_msgs/msg/{name}") == value
    built = get_typestore(Stores.ROS2_JAZZY)
    for name, fields in build_vision_msgs.MESSAGES.items():
        built.register(get_types_from_msg("\n".join(fields), f"vision_msgs/msg/{name}"))
    for name in VISION_MSGS | build_vision_msgs.MESSAGES:
        kind = f"vision_msgs/msg/{name}"
        assert typestore().hash_rihs01(kind) == built.hash_rihs01(kind)


def test_what_was_built_before_is_installed_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    built, prefix = tmp_path / "built", tmp_path / "prefix"
    for name in (
        "lib/libvision_msgs.so",
        "share/vision_msgs/package.xml",
        "lib/python3.9/site-packages/vision_msgs/a.py",
    ):
        (built / name).parent.mkdir(parents=True, exist_ok=True)
        (built / name).write_text(name)
    (prefix / "site-packages").mkdir(parents=True)
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"platlib": str(prefix / "site-packages")})
    build_vision_msgs.install(built, prefix)
    found = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()}
    assert found == {"lib/libvision_msgs.so", "share/vision_msgs/package.xml", "site-packages/vision_msgs/a.py"}


def test_nothing_is_done_where_the_messages_are() -> None:
    pytest.importorskip("vision_msgs")
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, env=os.environ | {"PATH": ""})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_types_of_this_environment_are_those_of_every_ros() -> None:
    """By the hashes that nodes compare before they talk to each other."""
    pytest.importorskip("vision_msgs")
    places = [Path(sys.prefix), *map(Path, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep))]
    build_vision_msgs.check_hashes(next(place for place in places if (place / "share/vision_msgs/msg").is_dir()))
