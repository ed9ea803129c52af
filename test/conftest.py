"""What several rooms' tests share."""

from __future__ import annotations

import random
import socket

import pytest


def _free(domain: int) -> bool:
    """Whether nobody on this machine listens on the discovery port of the domain."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", 7400 + 250 * domain))
        except OSError:
            return False
    return True


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> int:
    """A ROS domain of this test's own, also in ROS_DOMAIN_ID: processes that the test starts inherit it."""
    number = next(number for number in random.sample(range(1, 60), 59) if _free(number))
    monkeypatch.setenv("ROS_DOMAIN_ID", str(number))
    return number
