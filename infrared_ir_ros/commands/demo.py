"""Camera, restore_node and recorder as three processes, and a table of what came out."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cyclopts
import numpy as np

from infrared_ir_ros.commands.demo_report import CLEAN, DIAGNOSTICS, IMAGE, RESTORED, read_figures, rows, write_picture
from infrared_ir_ros.errors import InfraredError, OptionError, SourceError
from infrared_ir_ros.media import open_source
from infrared_ir_ros.restoration import load_restorer

NODES = {name: f"infrared_ir_ros.ros.{name}" for name in ("restore_node", "recorder", "thermal_camera")}
FASTEST = 10.0  # frames a second
SHARE = 0.5  # of the time is the restorer's; the camera and the recorder want some too
DEGRADATION = "sensor_normal"
SCENE_SHAPE = (512, 640)
IMAGE_TYPE, DIAGNOSTICS_TYPE = "sensor_msgs/msg/Image", "diagnostic_msgs/msg/DiagnosticArray"
PATIENCE = 60.0  # seconds for a process to become ready
LAST_COUNT = 2.5  # seconds until the node's counters have been published once more


def demo(*, source: str = "", output: Path = Path("demo"), seconds: float = 20.0) -> int:
    """Restore a thermal camera live and show what that brings.

    Starts thermal_camera, restore_node and recorder, ends by itself, and writes the bag, a before/after picture
    and the nodes' logs.

    Parameters
    ----------
    source
        Folder of pictures, video or bag that the camera plays. Without one it films a procedural scene and degrades
        it, and the table says how near the restored frames come to the truth.
    output
        Folder for bag/, before_after.png and log/.
    seconds
        How long the camera films.
    """
    try:
        _demo(source, output, seconds)
    except InfraredError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return 130
    return 0


def _demo(source: str, output: Path, seconds: float) -> None:
    if not seconds > 0:
        raise OptionError(f"--seconds is {seconds}: use a number above 0")
    try:
        (output / "log").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(f"cannot write into {output}: {error.strerror}; choose another --output") from error
    rate = _sustainable_rate(_first_frame(source) if source else None)
    frames = max(round(rate * seconds), 2)
    print(
        f"filming {'a procedural scene' if not source else source} at {rate:.1f} Hz for {frames / rate:.0f} s",
        flush=True,
    )
    try:
        with tempfile.TemporaryDirectory(dir=output, prefix=".run.") as room:
            bag = Path(room) / "bag"
            _run(source, rate, frames, bag, output / "log")
            figures = read_figures(bag, frames)
            if not figures.pictures:
                raise InfraredError(f"no frame was restored; see {output / 'log' / 'restore_node.txt'}")
            _replace(bag, output / "bag", Path(room) / "old")
    except OSError as error:
        raise SourceError(f"cannot write into {output}: {error.strerror or error}; choose another --output") from error
    write_picture(output / "before_after.png", figures)
    width = max(len(name) for name, _ in rows(figures))
    for name, value in rows(figures):
        print(f"  {name:<{width}}  {value}")
    print(f"written: {output / 'bag'}, {output / 'before_after.png'}")


def _first_frame(source: str) -> np.ndarray:
    frame = next(iter(open_source(source)), None)
    if frame is None:
        raise SourceError(f"{source} holds no frame that can be read")
    return frame.image


def _sustainable_rate(frame: np.ndarray | None) -> float:
    """Frames a second that this machine restores with some time to spare."""
    if frame is None:
        frame = np.random.default_rng(0).integers(0, 256, SCENE_SHAPE, dtype=np.uint8)
    restorer = load_restorer()
    restorer.warm_up(*frame.shape)
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        restorer.restore(frame)
        times.append(time.perf_counter() - begin)
    return round(min(FASTEST, SHARE / statistics.median(times)), 1) or 0.1


def _run(source: str, rate: float, frames: int, bag: Path, logs: Path) -> None:
    """Film, restore and record; returns when the bag is whole. InfraredError when a process fails."""
    topics = [f"{topic}:{IMAGE_TYPE}" for topic in (IMAGE, RESTORED)] + [f"{DIAGNOSTICS}:{DIAGNOSTICS_TYPE}"]
    parameters = {"rate": rate, "frames": frames, "wait_for_subscriber_s": 10.0}
    if source:
        parameters["source"] = str(Path(source).absolute())
    else:
        topics.append(f"{CLEAN}:{IMAGE_TYPE}")
        height, width = SCENE_SHAPE
        parameters |= {"encoding": "mono8", "degradation": DEGRADATION, "height": height, "width": width}
    settings = [word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")]
    ros = ["--ros-args", "-r", "__ns:=/ir"]
    with (
        # Frames may wait for two others: the rate is meant to be sustainable, and slow machines get a slow rate.
        _process("restore_node", [*ros, "-p", f"max_age_ms:={max(500.0, 3000.0 / rate)}"], logs) as node,
        _process("recorder", [*topics, "--output", str(bag)], logs) as recorder,
    ):
        others = {"restore_node": node, "recorder": recorder}
        _wait_for_subscribers(others, logs)
        with _process("thermal_camera", [*ros, *settings], logs) as camera:
            _wait_for_end(camera, frames / rate + PATIENCE, others, logs)
        time.sleep(LAST_COUNT)
    if not bag.exists():
        raise InfraredError(f"the bag was not written: {_last_line('recorder', logs)}")


@contextmanager
def _process(name: str, arguments: list[str], logs: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A node as a process of its own, stopped when the block is left."""
    with open(logs / f"{name}.txt", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", NODES[name], *arguments], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_subscribers(processes: dict[str, subprocess.Popen[bytes]], logs: Path) -> None:
    """Until as many subscribe to the camera's topic as there are `processes`: the node is active then."""
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("demo")
    try:
        deadline = time.monotonic() + PATIENCE
        while node.count_subscribers(IMAGE) < len(processes):
            _check_alive(processes, logs)
            if time.monotonic() > deadline:
                raise InfraredError(f"restore_node did not become active: {_last_line('restore_node', logs)}")
            time.sleep(0.1)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def _wait_for_end(
    camera: subprocess.Popen[bytes], seconds: float, others: dict[str, subprocess.Popen[bytes]], logs: Path
) -> None:
    """Until the camera has sent its last frame."""
    deadline = time.monotonic() + seconds
    while camera.poll() is None:
        _check_alive(others, logs)
        if time.monotonic() > deadline:
            raise InfraredError(f"thermal_camera did not end: {_last_line('thermal_camera', logs)}")
        time.sleep(0.1)
    if camera.returncode != 0:
        raise InfraredError(f"thermal_camera failed: {_last_line('thermal_camera', logs)}")


def _check_alive(processes: dict[str, subprocess.Popen[bytes]], logs: Path) -> None:
    for name, process in processes.items():
        if process.poll() is not None:
            raise InfraredError(f"{name} ended early: {_last_line(name, logs)}")


def _last_line(name: str, logs: Path) -> str:
    log = logs / f"{name}.txt"
    lines = log.read_text(errors="replace").strip().splitlines()
    return f"{lines[-1] if lines else 'it said nothing'} ({log})"


def _replace(new: Path, target: Path, aside: Path) -> None:
    """Put the folder `new` in the place of an earlier one."""
    if target.exists():
        os.rename(target, aside)
    os.rename(new, target)


def stay_apart() -> None:
    """Use a DDS domain of the demo's own on this machine, unless the user chose one (to watch in RViz, for example)."""
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Entry point `demo`."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    stay_apart()
    cyclopts.run(demo)


if __name__ == "__main__":
    main()
