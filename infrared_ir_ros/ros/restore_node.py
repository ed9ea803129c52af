"""The process of the restoring node: catches signals first, then imports and runs it."""

from __future__ import annotations

from infrared_ir_ros.ros.process import catch_signals, leave


def main(args: list[str] | None = None) -> None:
    """Entry point `restore_node`. Ends with 0 on SIGINT and SIGTERM, with 1 when the node cannot start."""
    catch_signals()
    from infrared_ir_ros.ros.process import run
    from infrared_ir_ros.ros.restoring import RestoreNode

    leave(run(RestoreNode, args))


if __name__ == "__main__":
    main()
