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

"""A raw subscription that follows its publishers' QoS and finds incompatible publishers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.subscription import Subscription

from infrared_ir_ros.ros import qos

HANDOVER = 2.0  # seconds for a new subscription to receive something; then the one that it replaces ends anyway
LONGEST_WAIT = 10.0  # seconds; a longer wait in the middleware means that the clock has jumped


class RawInput:
    """One topic, subscribed raw, so that no message can raise inside the executor.

    name: as the code calls the topic. topic: its resolved name; rclpy is always given `name`, since it would apply the
    remappings to a resolved name again.
    receive: called with the serialised message and its arrival in seconds of the steady clock (`time.monotonic`).
    lose: called with the number of messages that the middleware reports as lost.
    setting: current value of the parameter `qos`. latched: also receive the last message of latched publishers.
    """

    def __init__(
        self,
        node: Node,
        kind: Any,
        type_name: str,
        name: str,
        receive: Callable[[bytes, float], None],
        setting: str,
        latched: bool = False,
        lose: Callable[[int], None] = lambda count: None,
    ) -> None:
        self._node = node
        self._kind = kind
        self._type_name = type_name
        self._name, self.topic = name, node.resolve_topic_name(name)
        self._receive = receive
        self._lose = lose
        self._latched = latched
        self._offer = qos.Offer(reliable=False, latched=False)
        self._current: Subscription | None = None
        self._leaving: Subscription | None = None
        self._leaves_at = 0.0  # of the steady clock
        self._last_of_leaving: bytes | None = None
        self.follow(setting)

    def follow(self, setting: str) -> None:
        """Subscribe again if the publishers' QoS or the setting has changed; called periodically."""
        if self._leaving is not None and time.monotonic() > self._leaves_at:
            self._finish_leaving()  # the new one receives nothing: the setting does not fit the publishers
        override = qos.reliability_override(self._node, self.topic)
        publishers = [
            info for info in self._node.get_publishers_info_by_topic(self._name) if info.topic_type == self._type_name
        ]
        if self._current is not None and override == qos.FOLLOW and setting == qos.FOLLOW and not publishers:
            return  # nobody to follow: keep the subscription
        reliable = qos.wants_reliable(setting if override == qos.FOLLOW else override, publishers)
        offer = qos.Offer(reliable, latched=self._latched and reliable and qos.are_latched(publishers))
        if self._current is not None and offer == self._offer:
            return
        self._finish_leaving()
        self._leaving, self._leaves_at, self._offer = self._current, time.monotonic() + HANDOVER, offer
        self._current = self._subscribe(offer)

    def problems(self) -> list[str]:
        """Why publishers cannot be received: another type, incompatible QoS, or this node's own output."""
        found = []
        itself = (self._node.get_name(), self._node.get_namespace())
        for info in self._node.get_publishers_info_by_topic(self._name):
            if (info.node_name, info.node_namespace) == itself:
                found.append(f"{self.topic} is this node's own output: remap image to the camera's topic")
            elif info.topic_type != self._type_name:
                found.append(
                    f"{self.topic} is published as {info.topic_type} by {info.node_name!r}: "
                    f"this node reads {self._type_name}; stop that publisher or remap"
                )
            elif self._current is not None:
                clash = qos.clash(info.qos_profile, self._current.qos_profile)
                if clash:
                    found.append(
                        f"{self.topic}: QoS of the publisher {info.node_name!r} is incompatible ({clash}); "
                        "set the parameter qos to auto"
                    )
        return found

    @property
    def reliable(self) -> bool:
        """Whether the subscription is reliable."""
        return self._offer.reliable

    @property
    def publishers(self) -> int:
        """The number of matched publishers."""
        return 0 if self._current is None else self._current.get_publisher_count()

    def destroy(self) -> None:
        self._finish_leaving()
        if self._current is not None:
            self._node.destroy_subscription(self._current)
            self._current = None

    def _subscribe(self, offer: qos.Offer) -> Subscription:
        with qos.overriding(self.topic):
            return self._node.create_subscription(
                self._kind,
                self._name,
                self._callback(offer),
                qos.subscription_profile(offer),
                event_callbacks=qos.SubscriptionEventCallbacks(message_lost=self._on_lost, use_default_callbacks=False),
                qos_overriding_options=qos.subscription_options(),
                raw=True,
            )

    def _callback(self, offer: qos.Offer) -> Callable[[bytes, dict[str, int]], None]:
        """While the QoS changes, both subscriptions exist for a moment, so that no frame is lost between them."""

        def on_message(raw: bytes, info: dict[str, int]) -> None:
            if offer != self._offer:
                self._last_of_leaving = raw
            elif self._leaving is not None:
                already_heard = raw == self._last_of_leaving
                self._finish_leaving()
                if already_heard:
                    return
            waited = (time.time_ns() - info["received_timestamp"]) / 1e9
            self._receive(raw, time.monotonic() - (waited if 0.0 < waited < LONGEST_WAIT else 0.0))

        return on_message

    def _finish_leaving(self) -> None:
        self._last_of_leaving = None
        if self._leaving is not None:
            self._node.destroy_subscription(self._leaving)
            self._leaving = None

    def _on_lost(self, event: Any) -> None:
        self._lose(event.total_count_change)
