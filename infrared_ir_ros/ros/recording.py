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

"""The node that records topics into a bag."""

from __future__ import annotations

import importlib
import os
import signal
from collections import Counter, defaultdict, deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from infrared_ir_ros.errors import SourceError
from infrared_ir_ros.media.bag_writer import BagWriter, check_type
from infrared_ir_ros.ros.qos import FOLLOW, Offer, SubscriptionEventCallbacks, are_latched, wants_reliable

DEPTH = 100  # messages queued while the disk is slow
LOOK_EVERY = 0.1  # seconds between checks for publishers


class Recorder(Node):
    """Subscribes raw, with the QoS of the publishers, and writes messages with the time of arrival.

    failed: the bag could not be written; the reason was logged.
    """

    def __init__(self, topics: list[str], output: Path) -> None:
        super().__init__("recorder")
        self.failed = False
        self.lost = 0
        self._names: dict[str, str] = {}  # of the topics, as given: rclpy would remap a resolved topic again
        self._wanted = dict(self._split(topic) for topic in topics)
        self._subscriptions_of: dict[str, tuple[Subscription, Offer]] = {}
        self._given_up: set[tuple[str, str]] = set()  # topics, with the type that cannot be recorded
        self._counts: Counter[str] = Counter()  # messages in the bag, by topic
        self._recent: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=DEPTH))  # when published, ns
        self._bag = BagWriter(output.absolute())
        self._bag.open()
        try:
            for topic, kind in self._wanted.items():
                if kind:
                    self._subscribe(topic, kind, Offer(reliable=True, latched=False))
        except SourceError:
            self._bag.discard()
            raise
        self.create_timer(LOOK_EVERY, self._look)

    def stop(self) -> None:
        """Finish the bag; called once, after a signal."""
        if self.failed:
            self._bag.discard()
            return
        silent = [topic for topic in self._wanted if not self._counts[topic]]
        try:
            for topic in silent:
                if topic in self._subscriptions_of:
                    self._announce(topic)
        except Exception:
            self._bag.discard()
            raise
        self._bag.finish()
        self.get_logger().info(
            f"recorded {self._counts.total()} messages of {len(self._counts)} topics, {self.lost} lost: "
            f"{self._bag.path}" + (f"; silent: {', '.join(silent)}" if silent else "")
        )

    def _split(self, text: str) -> tuple[str, str]:
        name, _, kind = text.partition(":")
        topic = self.resolve_topic_name(name)
        self._names[topic] = name
        return topic, kind

    def _look(self) -> None:
        """Subscribe to topics whose type has become known, and follow changes of their publishers' QoS."""
        self.get_logger().info(f"recording {len(self._wanted)} topics into {self._bag.path}", once=True)
        for topic in self._wanted:
            publishers = self.get_publishers_info_by_topic(self._names[topic])
            if not publishers:
                continue
            offer = Offer(wants_reliable(FOLLOW, publishers), are_latched(publishers))
            known = self._subscriptions_of.get(topic)
            if known is None:
                self._discover(topic, publishers[0].topic_type, offer)
            elif known[1] != offer:
                self.destroy_subscription(known[0])
                self._subscribe(topic, self._wanted[topic], offer)

    def _discover(self, topic: str, kind: str, offer: Offer) -> None:
        if (topic, kind) in self._given_up:
            return
        try:
            self._subscribe(topic, kind, offer)
        except SourceError as error:  # the other topics can still be recorded
            self._given_up.add((topic, kind))
            self.get_logger().error(str(error))

    def _subscribe(self, topic: str, kind: str, offer: Offer) -> None:
        """Raises SourceError for a type that cannot be recorded."""
        check_type(topic, kind)
        profile = QoSProfile(
            depth=DEPTH,
            reliability=ReliabilityPolicy.RELIABLE if offer.reliable else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if offer.latched else DurabilityPolicy.VOLATILE,
        )
        subscription = self.create_subscription(
            _message_class(topic, kind),
            self._names[topic],
            lambda message, about: self._write(topic, message, about["source_timestamp"]),
            profile,
            raw=True,
            event_callbacks=SubscriptionEventCallbacks(
                message_lost=self._on_lost, incompatible_qos=lambda _: None, use_default_callbacks=False
            ),
        )
        self._wanted[topic] = kind
        self._subscriptions_of[topic] = (subscription, offer)

    def _announce(self, topic: str) -> None:
        """Add a topic to the bag, once the QoS of its publishers is known."""
        _, offer = self._subscriptions_of[topic]
        latched = offer.latched or are_latched(self.get_publishers_info_by_topic(self._names[topic]))
        self._bag.add(topic, self._wanted[topic], latched)

    def _on_lost(self, status: Any) -> None:
        self.lost += status.total_count_change

    def _write(self, topic: str, message: bytes, published: int) -> None:
        """published: ns, by the publisher's clock; identifies latched messages, which a new subscription repeats."""
        latched = self._subscriptions_of[topic][1].latched
        if self.failed or (latched and published in self._recent[topic]):
            return
        try:
            if not self._counts[topic]:
                self._announce(topic)
            self._bag.write(topic, self._wanted[topic], self.get_clock().now().nanoseconds, message)
            self._counts[topic] += 1
            self._recent[topic].append(published)
        except Exception as error:  # of the storage: the disk is full, or the folder is gone
            self.failed = True
            self.get_logger().fatal(f"cannot write {self._bag.path}: {error}; nothing is kept")
            with suppress(OSError):
                os.kill(os.getpid(), signal.SIGTERM)


def _message_class(topic: str, kind: str) -> type:
    """The class of package/msg/Name. Raises SourceError if it is not installed."""
    try:
        package, middle, name = kind.split("/")
        return getattr(importlib.import_module(f"{package}.{middle}"), name)
    except (ValueError, ImportError, AttributeError) as error:
        raise SourceError(f"{topic}: message type {kind!r} is not installed ({error})") from error
