"""The process of the simulated camera: catches signals first, then imports and runs the node."""

from __future__ import annotations

from infrared_ir_ros.ros.process import catch_signals, leave


def main(args: list[str] | None = None) -> None:
    """Entry point `thermal_camera`. Ends with 0 on SIGINT, SIGTERM and after its last frame, with 1 when its source
    cannot be read."""
    catch_signals()
    from infrared_ir_ros.ros.camera import CameraNode
    from infrared_ir_ros.ros.process import run

    nodes: list[CameraNode] = []

    def make() -> CameraNode:
        nodes.append(CameraNode())
        return nodes[0]

    code = run(make, args)
    leave(1 if any(node.failed for node in nodes) else code)


if __name__ == "__main__":
    main()
