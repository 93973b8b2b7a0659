"""Saying it: an operator's events go into the log, and the command ends when Kafka has acknowledged them."""

from collections.abc import Sequence

from runtime.clock import SystemClock
from runtime.kafka.outgoing import outgoing
from runtime.kafka.producer import Acknowledged, KafkaProducer
from runtime.settings import KafkaSettings
from schemas.envelope import Envelope


async def publish(settings: KafkaSettings, topic: str, events: Sequence[Envelope]) -> list[Acknowledged]:
    """Where the events are in the log, once Kafka has acknowledged all. Raises SendFailed, a KafkaUnavailable."""
    producer = KafkaProducer(settings, "infrastructor-operator")
    try:
        sent_ms = SystemClock().now_ms()
        return await producer.send([outgoing(event, topic, sent_ms=sent_ms) for event in events])
    finally:
        await producer.close()
