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

"""Runs a node as a process that ends with exit code 0 on SIGINT, SIGTERM and SIGHUP, whenever they arrive.

Imports nothing heavy: call `catch_signals` before importing rclpy, numpy and the rest.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from infrared_ir_ros.errors import OptionError
from infrared_ir_ros.ros.manual import Manual
from infrared_ir_ros.ros.shared_memory import remove_abandoned_segments
from infrared_ir_ros.signals import answer_signals

if TYPE_CHECKING:
    from rclpy.node import Node

PATIENCE = 2.5  # seconds for an orderly end; `ros2 launch` waits 5 before it signals again


def _open_standard_streams() -> None:
    """Open standard streams that were closed at start to /dev/null: otherwise the next file or pipe would take their
    descriptors, and the log would go into it."""
    for descriptor in range(3):
        with suppress(OSError):  # it is open
            os.fstat(descriptor)
            continue
        os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 - for as long as the process lives
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


_open_standard_streams()
_told, _tell = os.pipe()
_stopping = False
_running = False


def catch_signals() -> None:
    """From now on SIGINT, SIGTERM and SIGHUP end the process with 0: at once while it starts, orderly once it runs.

    The main thread waits on a pipe that the signal is written to, whichever thread receives it. A main thread that
    waits on a lock could miss signals that another thread receives.
    """
    os.set_blocking(_tell, False)
    signal.set_wakeup_fd(_tell, warn_on_full_buffer=False)
    answer_signals(_on_signal)


def _on_signal(number: int, frame: Any) -> None:
    if not _running:
        os._exit(0)  # nothing to tidy up yet, and an exception here could be swallowed by whatever is being imported


def run(make_node: Callable[[], Node], args: list[str] | None = None, manual: Manual | None = None) -> int:
    """Spin the node that `make_node` builds until a signal arrives; returns the exit code.

    args: default `sys.argv`. manual: for nodes without arguments of their own; answers --help (0) and any other
    argument (2), which rclpy would silently ignore.

    The executor runs in a thread of its own, because the main thread has to be free for signals. Exceptions of
    callbacks are logged. `stop()` of the node, if it has one, is called before the node is destroyed, without a
    time limit. A node whose `failed` is true then ends the process with 1.
    """
    global _running, _stopping
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.signals import SignalHandlerOptions

    remove_abandoned_segments()
    use_transport_profile()
    try:
        answered = None if manual is None else manual.answer(plain_arguments(args))
        if answered is not None:
            return answered
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        node = make_node()
    except Exception as error:
        print(f"cannot start: {error}", file=sys.stderr, flush=True)
        rclpy.try_shutdown()
        return 1
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    spinning = threading.Thread(target=_spin, args=(executor, node), name="executor", daemon=True)
    _running = True
    spinning.start()
    os.read(_told, 1)
    _stopping = True
    executor.shutdown(timeout_sec=PATIENCE)
    spinning.join(PATIENCE)
    if spinning.is_alive():  # in a long callback, like loading a network, which may be cut off
        leave(0)
    try:
        if hasattr(node, "stop"):
            node.stop()
        code = int(getattr(node, "failed", False))
    except Exception as error:
        code = 1
        print(f"cannot end in order: {error}", file=sys.stderr, flush=True)
    threading.Thread(target=_force_exit, args=(code,), daemon=True).start()
    node.destroy_node()
    rclpy.try_shutdown()
    return code


def plain_arguments(args: list[str] | None = None) -> list[str]:
    """The arguments other than those of ROS. Raises OptionError if those cannot be parsed. args: default `sys.argv`."""
    from rclpy.utilities import remove_ros_args

    from infrared_ir_ros.ros.parameter_files import check_parameter_files

    check_parameter_files(args)
    try:
        return remove_ros_args(args)[1:]
    except Exception as error:  # rclpy does not export their classes
        lines = re.sub(r",? at \S+\.c:\d+", "", str(error))  # without the place in the source of ROS
        raise OptionError(f"wrong arguments after --ros-args: {' '.join(lines.split())}") from error


def use_transport_profile() -> None:
    """Let Fast DDS use config/fastdds.xml, sized for frames, unless the user has chosen a profile or transports: a
    profile would override those, and containers that share no memory need `FASTDDS_BUILTIN_TRANSPORTS=UDPv4`."""
    variables = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")  # Fast DDS 2 and 3
    if any(variable in os.environ for variable in (*variables, "FASTDDS_BUILTIN_TRANSPORTS")):
        return
    folders = [Path(__file__).parents[2]]
    try:
        from ament_index_python.packages import get_package_share_directory

        folders.insert(0, Path(get_package_share_directory("infrared_ir_ros")))
    except (ImportError, LookupError, OSError):  # not installed as a ROS package: run from its source folder
        pass
    for profile in (folder / "config" / "fastdds.xml" for folder in folders):
        if profile.is_file():
            os.environ.update(dict.fromkeys(variables, str(profile)))
            return


def leave(code: int) -> NoReturn:
    """Exit without the teardown of the interpreter, where threads of the middleware can still crash."""
    answer_signals(signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # its reader is gone, or the disk is full
            stream.flush()
    os._exit(code)


def _spin(executor: Any, node: Node) -> None:
    while not _stopping:
        try:
            executor.spin_once()
        except Exception as error:  # a damaged request must not end the node
            if _stopping:
                return
            node.get_logger().error(f"a callback failed: {type(error).__name__}: {error}", throttle_duration_sec=1.0)
            time.sleep(0.01)


def _force_exit(code: int) -> None:
    """Exit after PATIENCE: the middleware may hang when it is torn down, and everything is saved by then."""
    time.sleep(PATIENCE)
    os._exit(code)
