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

"""The launch files are executed: what they start, with which parameters, topics and transport."""

from __future__ import annotations

import ast
import inspect
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from entries import entry_points
from launching import ROOT, Installed, has_launch

from infrared_ir_ros.commands.evaluate_bag import evaluate_bag
from infrared_ir_ros.commands.make_bag import make_bag
from infrared_ir_ros.commands.restoring import DEFAULTS

FILES = sorted(path.name for path in (ROOT / "launch").glob("*.launch.py"))
STARTING = [file for file in FILES if file != "transport.launch.py"]
RESTORE_ARGUMENTS = {
    "namespace", "image_topic", "params_file", "task", "prior", "device", "autostart", "use_sim_time", "log_level",
    "respawn",
}  # fmt: skip
REQUIRED = {"evaluate.launch.py": ("bag:=/data/drive",)}


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path, real=False)


def test_restore_by_default(installed: Installed) -> None:
    calls = installed.calls("restore.launch.py")
    assert list(calls) == ["restore_node"]
    call = calls["restore_node"]
    assert call.remappings["__ns"] == "/ir"
    assert call.remappings["__node"] == "restore_node"
    assert call.remappings["image"] == "image"
    assert call.log_level == "info"
    # Nothing but the clock is set beside the file: what it says holds.
    assert call.parameters == {"use_sim_time": False}
    assert [Path(file).resolve() for file in call.parameter_files] == [ROOT / "config/restore.yaml"]


def test_arguments_reach_the_node(installed: Installed, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("/**:\n  ros__parameters:\n    task: restore\n")
    call = installed.calls(
        "restore.launch.py",
        "namespace:=front/thermal",
        "image_topic:=/camera/image_raw",
        f"params_file:={file}",
        "task:=detect",
        "prior:=embedded",
        "device:=cuda",
        "autostart:=false",
        "use_sim_time:=true",
        "log_level:=debug",
        "respawn:=False",
    )["restore_node"]
    assert call.remappings["__ns"] == "/front/thermal"
    assert call.remappings["image"] == "/camera/image_raw"
    assert call.parameter_files == [str(file)]
    assert call.log_level == "debug"
    assert call.parameters == {
        "use_sim_time": True,
        "task": "detect",
        "prior": "embedded",
        "device": "cuda",
        "autostart": False,
    }


def test_train_hands_its_arguments_to_the_node(installed: Installed) -> None:
    from infrared_ir_ros.ros.trainer_parameters import TRAINER_TABLE

    given = {"sources": "/data/a.mcap:/data/b", "task": "mine", "output": "/data/out", "optimise": "operators"}
    given |= {"supervision": "self", "degradation": "p.yaml", "topic": "/t", "start": "detect", "device": "cpu"}
    flags = {"activate": True, "autostart": True}
    (call,) = installed.calls(
        "train.launch.py", *(f"{name}:={value}" for name, value in (given | flags).items()), "namespace:=x"
    ).values()
    assert call.remappings["__ns"] == "/x" and call.parameters == given | flags | {"use_sim_time": False}
    assert set(call.parameters) <= {parameter.name for parameter in TRAINER_TABLE} | {"use_sim_time"}
    (plain,) = installed.calls("train.launch.py").values()
    assert plain.parameters == {"use_sim_time": False}
    assert [Path(file).resolve() for file in plain.parameter_files] == [ROOT / "config/train.yaml"]


def test_the_arguments_of_train_name_every_choice() -> None:
    from infrared_ir_ros.ros.trainer_parameters import TRAINER_TABLE

    tree = ast.parse((ROOT / "launch/train.launch.py").read_text())
    (rows,) = (node.value for node in tree.body if isinstance(node, ast.Assign) and "OVERRIDES" in ast.unparse(node))
    told, choices = dict(ast.literal_eval(rows)), {one.name: one.choices for one in TRAINER_TABLE if one.choices}
    for name in told.keys() & choices.keys():
        words = told[name].partition(": ")[2].replace(" or ", ", ").split(", ")
        assert words == list(choices[name]), name


def test_demo_starts_camera_and_node_in_one_namespace(installed: Installed) -> None:
    calls = installed.calls("demo.launch.py", "namespace:=x", "source:=/data/clip.mp4", "rate:=9", "device:=cpu")
    assert set(calls) == {"restore_node", "thermal_camera"}
    assert {call.remappings["__ns"] for call in calls.values()} == {"/x"}
    assert calls["restore_node"].parameters["device"] == "cpu"
    camera = calls["thermal_camera"].parameters
    assert camera["source"] == "/data/clip.mp4"
    assert (camera["rate"], type(camera["rate"])) == (9.0, float)


def test_evaluate_hands_its_arguments_to_the_command(installed: Installed) -> None:
    """Left alone they are the command's own defaults, whose names and types the command itself checks."""
    (call,) = installed.calls("evaluate.launch.py", "bag:=/data/my drive").values()
    assert call.executable == "evaluate_bag" and call.arguments[0] == "/data/my drive"
    options = dict(word.removeprefix("--").split("=", 1) for word in call.arguments[1:])
    given = {name.replace("-", "_"): value for name, value in options.items()}
    known = {name: one.default for name, one in inspect.signature(evaluate_bag).parameters.items()} | asdict(DEFAULTS)
    known |= {"task": known["task"][0], "output": "report"}
    assert given == {name: str(known[name]) for name in given}
    (call,) = installed.calls("evaluate.launch.py", "bag:=x", "output:=r", "task:=detect", "topic:=/t").values()
    assert {"--output=r", "--task=detect", "--topic=/t"} < set(call.arguments)


def test_evaluate_really_runs(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    make_bag("scene", output=tmp_path / "bag", frames=2, width=64, height=48)
    arguments = (f"bag:={tmp_path / 'bag'}", f"output:={tmp_path / 'out'}", "topic:=/ir/image", "frames:=1")
    process = Installed(tmp_path / "prefix", real=True).start("evaluate.launch.py", *arguments)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and (tmp_path / "out/report.html").is_file(), output


@pytest.mark.parametrize("file", STARTING)
def test_executables_and_parameters_exist(installed: Installed, file: str) -> None:
    parameters = pytest.importorskip("infrared_ir_ros.ros.parameters", reason="needs cv2")
    from infrared_ir_ros.ros.camera_parameters import CAMERA_TABLE
    from infrared_ir_ros.ros.trainer_parameters import TRAINER_TABLE

    tables = {"restore_node": parameters.TABLE, "thermal_camera": CAMERA_TABLE, "trainer_node": TRAINER_TABLE}
    filled = [
        f"{name}:={value}" for name, value in (("task", "t"), ("prior", "p"), ("device", "d"), ("autostart", "true"))
    ]
    for executable, call in installed.calls(file, *REQUIRED.get(file, ()), *filled).items():
        assert executable in entry_points()
        table = {parameter.name: parameter for parameter in tables.get(executable, ())}
        for name, value in call.parameters.items():
            if name != "use_sim_time":
                assert type(value) is type(table[name].default), name


@pytest.mark.parametrize("file", [file for file in STARTING if file != "evaluate.launch.py"])
def test_large_frames_have_room(installed: Installed, file: str) -> None:
    profile = str(installed.share("config") / "fastdds.xml")
    names = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
    for call in installed.calls(file).values():
        assert [call.environment[name] for name in names] == [profile, profile]


@pytest.mark.parametrize("name", ["FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"])
def test_the_users_transport_profile_wins(installed: Installed, name: str) -> None:
    call = installed.calls("restore.launch.py", **{name: "/my/profile.xml"})["restore_node"]
    assert call.environment["FASTRTPS_DEFAULT_PROFILES_FILE"] == "/my/profile.xml"
    assert call.environment["FASTDDS_DEFAULT_PROFILES_FILE"] == "/my/profile.xml"


def test_the_users_transports_win(installed: Installed) -> None:
    """As UDPv4, which containers that share no memory need: Fast DDS passes over it where there is a profile."""
    call = installed.calls("restore.launch.py", FASTDDS_BUILTIN_TRANSPORTS="UDPv4")["restore_node"]
    assert [name for name in call.environment if name.endswith("_DEFAULT_PROFILES_FILE")] == []


def test_arguments_are_those_of_the_documentation() -> None:
    tree = ast.parse((ROOT / "launch/restore.launch.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = [call.args[0] for call in calls if getattr(call.func, "id", "") == "DeclareLaunchArgument"]
    overrides = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    declared = {name.value for name in names if isinstance(name, ast.Constant)}
    declared |= dict(ast.literal_eval(overrides["OVERRIDES"])).keys()
    assert declared == RESTORE_ARGUMENTS
    readme = (ROOT / "README.md").read_text()
    assert [name for name in sorted(RESTORE_ARGUMENTS) if f"`{name}`" not in readme] == []


@pytest.mark.parametrize("file", FILES)
def test_launch_files_do_not_compute(file: str) -> None:
    tree = ast.parse((ROOT / "launch" / file).read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert all(name.partition(".")[0] in ("launch", "launch_ros") for name in imported)
    called = {getattr(node.func, "id", "") for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not called & {"eval", "exec", "open", "OpaqueFunction", "PythonExpression", "Command", "ExecuteProcess"}


def test_missing_params_file_is_told(tmp_path: Path, domain: int) -> None:
    pytest.importorskip("rclpy")
    process = Installed(tmp_path, real=True).start("restore.launch.py", f"params_file:={tmp_path / 'none.yaml'}")
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0 or has_launch()  # the real launch ends with 0 when a process failed
    assert "none.yaml" in output


def test_the_node_really_starts_and_stops(tmp_path: Path, domain: int) -> None:
    rclpy = pytest.importorskip("rclpy")
    process = Installed(tmp_path, real=True).start("restore.launch.py", "namespace:=launched")
    rclpy.init(args=[])
    peer = rclpy.create_node("peer")
    try:
        deadline = time.monotonic() + 90
        while peer.count_subscribers("/launched/image") == 0:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline, "the node did not become active"
            time.sleep(0.1)
    finally:
        peer.destroy_node()
        rclpy.try_shutdown()
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output


def test_the_configuration_is_one_mapping() -> None:
    """A file with /** and a section of the node's name beside it would hide launch arguments."""
    assert list(yaml.safe_load((ROOT / "config/restore.yaml").read_text())) == ["/**"]


def test_the_transport_profile_is_valid(tmp_path: Path, domain: int) -> None:
    """Fast DDS prints what it cannot read in a profile, and goes on without it."""
    pytest.importorskip("rclpy")
    script = "import rclpy; rclpy.init(); rclpy.create_node('probe'); print('up')"
    variables = {**os.environ, "FASTRTPS_DEFAULT_PROFILES_FILE": str(ROOT / "config/fastdds.xml")}
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "up"
    assert done.stderr == ""


def test_files_in_groups_of_their_own_do_not_hand_on_their_arguments(installed: Installed, tmp_path: Path) -> None:
    """As the README says: without groups the trainer reads the parameters of restore_node, and starts at once."""
    own = tmp_path / "own.launch.py"
    own.write_text(
        f"""
from launch import LaunchDescription
from launch.actions import GroupAction, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

def grouped(name, **arguments):
    source = PythonLaunchDescriptionSource({str(installed.share("launch"))!r} + "/" + name)
    return GroupAction([IncludeLaunchDescription(source, launch_arguments=arguments.items())])

def generate_launch_description():
    return LaunchDescription([grouped("restore.launch.py", task="detect"), grouped("train.launch.py")])
"""
    )
    calls = installed.calls(str(own))
    assert calls["restore_node"].parameters["task"] == "detect" and "task" not in calls["trainer_node"].parameters
    assert [Path(file).name for file in calls["trainer_node"].parameter_files] == ["train.yaml"]
