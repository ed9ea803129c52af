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

"""QoS of the topics (REP-2003), and the names of topics that go with a remapped one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
)
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import (
    QoSCompatibility,
    QoSDurabilityPolicy,
    QoSHistoryPolicy,
    QoSPolicyKind,
    QoSProfile,
    QoSReliabilityPolicy,
    qos_check_compatible,
    qos_profile_sensor_data,
    qos_profile_system_default,
)
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.topic_endpoint_info import TopicEndpointInfo

from infrared_ir_ros.errors import OptionError

try:
    from rclpy.event_handler import SubscriptionEventCallbacks as SubscriptionEventCallbacks
except ImportError:  # ROS 2 Humble
    from rclpy.qos_event import SubscriptionEventCallbacks as SubscriptionEventCallbacks

FOLLOW = "auto"


class Offer(NamedTuple):
    """What all publishers of a topic offer, and so what a subscription may request. latched: transient local."""

    reliable: bool
    latched: bool


def open_publisher(node: Node, kind: type, topic: str, profile: QoSProfile | None = None) -> Publisher:
    """A publisher with the system default QoS or `profile`; `qos_overrides.<topic>.publisher.*` may change history,
    depth and reliability. Raises OptionError for invalid overrides."""
    profile, options = profile or _copy(qos_profile_system_default), QoSOverridingOptions.with_default_policies()
    with overriding(node.resolve_topic_name(topic)):
        return node.create_publisher(kind, topic, profile, qos_overriding_options=options)


@contextmanager
def overriding(topic: str) -> Iterator[None]:
    """Turns errors about the parameters `qos_overrides.<topic>.*` into OptionError."""
    try:
        yield
    except (RuntimeError, AssertionError, InvalidParameterTypeException) as error:
        if not isinstance(error, InvalidParameterTypeException) and "QoS" not in str(error):
            raise
        raise OptionError(
            f"qos_overrides of {topic}: {error}: use reliable or best_effort, keep_last or keep_all, a number as depth"
        ) from error


def subscription_options() -> QoSOverridingOptions:
    """Lets `qos_overrides.<topic>.subscription.*` change history and depth; for reliability: `reliability_override`."""
    return QoSOverridingOptions((QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH))


def latched_profile() -> QoSProfile:
    """Late subscribers receive the last message."""
    return QoSProfile(
        history=QoSHistoryPolicy.KEEP_LAST,
        depth=1,
        reliability=QoSReliabilityPolicy.RELIABLE,
        durability=QoSDurabilityPolicy.TRANSIENT_LOCAL,
    )


def subscription_profile(offer: Offer) -> QoSProfile:
    """Sensor data, reliable and latched as requested."""
    profile = _copy(qos_profile_sensor_data)
    profile.reliability = QoSReliabilityPolicy.RELIABLE if offer.reliable else QoSReliabilityPolicy.BEST_EFFORT
    profile.durability = QoSDurabilityPolicy.TRANSIENT_LOCAL if offer.latched else QoSDurabilityPolicy.VOLATILE
    return profile


def reliability_override(node: Node, topic: str) -> str:
    """The parameter `qos_overrides.<topic>.subscription.reliability`; auto: the parameter `qos` decides."""
    name = f"qos_overrides.{topic}.subscription.reliability"
    try:
        node.declare_parameter(name, FOLLOW)
    except ParameterAlreadyDeclaredException:
        pass
    except (InvalidParameterTypeException, InvalidParameterValueException) as error:
        raise OptionError(f"{error}: use auto, reliable or best_effort") from None
    value = str(node.get_parameter(name).value)
    check_override(name, value)
    return value


def check_override(name: str, value: object) -> None:
    """Raises OptionError for an invalid `reliability_override`; other parameters are not checked."""
    ours = name.startswith("qos_overrides.") and name.endswith(".subscription.reliability")
    if ours and value not in (FOLLOW, "reliable", "best_effort"):
        raise OptionError(f"{name} is {value!r}: use auto, reliable or best_effort")


def wants_reliable(setting: str, publishers: Sequence[TopicEndpointInfo]) -> bool:
    """Whether to subscribe reliably: as `setting` says, or (auto) if there are publishers and all are reliable."""
    if setting != FOLLOW:
        return setting == "reliable"
    return bool(publishers) and all(
        publisher.qos_profile.reliability == QoSReliabilityPolicy.RELIABLE for publisher in publishers
    )


def are_latched(publishers: Sequence[TopicEndpointInfo]) -> bool:
    """Whether there are publishers and all are transient local: only then may a subscription request it."""
    return bool(publishers) and all(
        publisher.qos_profile.durability == QoSDurabilityPolicy.TRANSIENT_LOCAL for publisher in publishers
    )


def clash(publisher: QoSProfile, subscription: QoSProfile) -> str:
    """Why the two are incompatible, or an empty text."""
    compatibility, reason = qos_check_compatible(publisher, subscription)
    return reason.strip(" ;") if compatibility == QoSCompatibility.ERROR else ""


def companion_topic(node: Node, name: str, base: str, suffix: str) -> str:
    """`name` if the user remapped it, else the topic that belongs to the (remapped) topic `base`; to be resolved.

    suffix `compressed`: `<base>/compressed`; suffix `camera_info`: beside `base`, as image_transport does.
    """
    if node.resolve_topic_name(name) != node.resolve_topic_name(name, only_expand=True):
        return name
    resolved = node.resolve_topic_name(base)
    return f"{resolved}/{suffix}" if suffix == "compressed" else f"{resolved.rpartition('/')[0]}/{suffix}"


def _copy(profile: QoSProfile) -> QoSProfile:
    """A copy, since overrides are written into the profile that is passed in."""
    return QoSProfile(
        history=profile.history,
        depth=profile.depth,
        reliability=profile.reliability,
        durability=profile.durability,
    )
