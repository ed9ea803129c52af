"""A DDS domain for the tests of a module, and the node that they share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

pytest.importorskip("rclpy")

from harness import free_domain  # noqa: E402


@pytest.fixture(scope="module")
def domain() -> Iterator[int]:
    """A ROS domain of this module's own, in which nobody else's nodes are heard."""
    before = os.environ.get("ROS_DOMAIN_ID")
    number = free_domain()
    os.environ["ROS_DOMAIN_ID"] = str(number)
    yield number
    if before is None:
        del os.environ["ROS_DOMAIN_ID"]
    else:
        os.environ["ROS_DOMAIN_ID"] = before
