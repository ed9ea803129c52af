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

"""How every console command ends: its exit code, one line, and no traceback."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from infrared_ir_ros.commands.stopping import stopper, tell_end
from infrared_ir_ros.errors import OptionError, one_line

ROOT = Path(__file__).parents[2]
TELL = """
import sys, time
from infrared_ir_ros.commands.running import run_command
from infrared_ir_ros.errors import OptionError
def tell(what: str = ""):
    print("begun", flush=True)
"""


def start(code: str, *arguments: str, folder: Path = ROOT) -> subprocess.Popen[str]:
    """A command named `tell` that does `code`."""
    script = TELL + "".join(f"    {line}\n" for line in code.splitlines()) + "run_command(tell)\n"
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(folder))), "PYTHONUNBUFFERED": ""},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "arguments", "exit_code", "said"),
    [
        ("pass", (), 0, ""),
        ("return 1", (), 1, ""),
        (r"print('a name that is not UTF-8: \udcff')", (), 0, ""),
        ("raise OptionError('it is 3: use 2')", (), 1, "tell: it is 3: use 2\n"),
        ("raise KeyboardInterrupt('after 2 of 3')", (), 130, "tell: interrupted after 2 of 3\n"),
    ],
)
def test_codes_and_lines(code: str, arguments: tuple[str, ...], exit_code: int, said: str) -> None:
    process = start(code, *arguments)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (exit_code, said)


def test_a_wrong_option_is_told_without_a_traceback() -> None:
    process = start("pass", "--wat", "1")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2 and "--wat" in out + err and "Traceback" not in out + err


def test_more_paths_than_a_command_takes_are_told_with_what_to_do() -> None:
    process = start("pass", "a.png", "b.png", "c.png")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2 and "b.png" in out + err and "Traceback" not in out + err
    assert err.endswith(
        "tell: too many arguments; instead of several files (or a pattern such as *.png), name their folder\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_an_output_that_takes_nothing_more_is_one_line() -> None:
    process = start("import os\nos.dup2(os.open('/dev/full', os.O_WRONLY), 1)\nprint('more')")
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, "tell: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_let_the_command_tidy_up_once(number: int) -> None:
    tidy = "print('tidying', flush=True); time.sleep(0.5); print('tidied', flush=True)"
    process = start(f"try:\n    print('within', flush=True)\n    time.sleep(60)\nfinally: {tidy}")
    assert process.stdout is not None
    for line in ("within\n", "tidying\n"):
        while process.stdout.readline() != line:
            assert process.poll() is None
        process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "tidied\n", "tell: interrupted\n")


def test_nohup_outlasts_the_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = start("time.sleep(1)\nprint('done')")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGHUP)
    assert process.communicate(timeout=30)[0] == "done\n" and process.returncode == 0


SAVE = """
from pathlib import Path
from infrared_ir_ros.commands.stopping import stopper
stop = stopper(0.0)
while not stop():
    print("a step", flush=True)
    time.sleep(0.05)
print("saving", file=sys.stderr)
Path(what).touch()
"""


@pytest.mark.parametrize(("code", "ends_with"), [(SAVE, 0), ("print('a step', flush=True)\ntime.sleep(60)", 130)])
def test_a_closed_terminal_is_an_interruption(tmp_path: Path, code: str, ends_with: int) -> None:
    """It takes no more text, either."""
    terminal, its_end = pty.openpty()
    script = TELL + "".join(f"    {line}\n" for line in code.splitlines()) + "run_command(tell)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "saved")],
        stdin=its_end, stdout=its_end, stderr=its_end, env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(its_end)
    while b"a step" not in os.read(terminal, 1024):
        pass
    os.close(terminal)
    assert process.wait(60) == ends_with and (tmp_path / "saved").exists() == (ends_with == 0)


def test_an_interruption_within_a_text_that_python_runs_ends_alike(tmp_path: Path) -> None:
    """As when dataclasses or rosbags make a class; only `python -m` remembers that."""
    (tmp_path / "telling.py").write_text(f"{TELL}    exec('raise KeyboardInterrupt')\nrun_command(tell)\n")
    path = os.pathsep.join((str(ROOT), str(tmp_path)))
    command = [sys.executable, "-m", "telling"]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "tell: interrupted\n")


def test_an_import_that_swallows_exceptions_does_not_swallow_the_signal(tmp_path: Path) -> None:
    """As numpy's does: an interrupted import becomes an ImportError that says something else."""
    (tmp_path / "swallowing.py").write_text(
        "import time\nprint('within', flush=True)\ntry: time.sleep(2)\nexcept BaseException: pass\n"
    )
    process = start("import swallowing\ntime.sleep(60)", folder=tmp_path)
    assert process.stdout is not None and [process.stdout.readline() for _ in range(2)] == ["begun\n", "within\n"]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "tell: interrupted\n")


@pytest.mark.parametrize("name", ["restore_images", "make_bag", "demo"])
def test_commands_answer_signals_from_their_first_import_on(name: str) -> None:
    """What takes long to import comes after the signals are caught."""
    heavy = ("numpy", "cv2", "tqdm", "cyclopts", "rclpy", "yaml")
    script = f"import sys, infrared_ir_ros.commands.{name}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("delay", [0.1, 0.3, 0.6, 1.0, 1.5])
def test_an_early_interruption_shows_no_traceback(tmp_path: Path, delay: float) -> None:
    """At whatever moment of the start; the interpreter itself answers before the command is begun."""
    (tmp_path / "in").mkdir()
    for number in range(40):  # enough for every delay
        shutil.copy(ROOT / "docs/pictures/before_after.png", tmp_path / f"in/{number}.png")
    command = ["infrared_ir_ros.commands.restore_images", str(tmp_path / "in"), "--output", str(tmp_path / "out")]
    script = (
        "import infrared_ir_ros.commands.restore_images as c, runpy, sys; print(0, flush=True); "
        f"sys.argv = {command!r}; c.main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdout.readline() == "0\n"
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert re.fullmatch(r"(?s).*restore_images: interrupted.*\n", err) and "Traceback" not in err


@pytest.mark.parametrize(("asked", "code", "said"), [(False, 130, ""), (True, 0, "saved\n")])
def test_an_interruption_ends_a_training_at_once_until_there_is_something_to_save(
    asked: bool, code: int, said: str
) -> None:
    wait = "while not stop(): print('a step', flush=True)" if asked else "print('a step', flush=True); time.sleep(60)"
    process = start(
        "from infrared_ir_ros.commands.stopping import stopper\nstop = stopper(0.0)\n" + wait + "\nprint('saved')"
    )
    assert process.stdout is not None and [process.stdout.readline() for _ in range(2)][1] == "a step\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code and out.endswith(said)
    assert ("saved after this step" in err) == asked, "an epoch may take minutes"


@pytest.mark.parametrize("minutes", [-1.0, float("nan"), float("inf")])
def test_minutes_that_are_none_are_refused(minutes: float) -> None:
    with pytest.raises(OptionError, match="--minutes is"):
        stopper(minutes)


@pytest.mark.parametrize("arguments", [["", "--output", "x"], ["in", "--output", ""], ["in", "--output="]])
def test_an_empty_path_is_not_this_folder(arguments: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "infrared_ir_ros.commands.restore_images", *arguments]
    path = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=path, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1) and "a path is empty" in done.stderr
    assert os.listdir(tmp_path) == []


def test_how_a_training_ended_is_told_by_one_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        tell_end(Path("runs/first"), True, "use it")
        tell_end(Path("runs/first"), False, "use it")
    assert capsys.readouterr().out == "trained: use it\nnot finished: continue with --resume --output runs/first\n"


def test_an_error_that_says_nothing_is_told_by_its_kind() -> None:
    assert one_line(MemoryError()) == "MemoryError"
    assert one_line(ValueError("a\n  b")) == "a b" and len(one_line(300 * "ab")) == 300
