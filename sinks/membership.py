"""Staying a member of a consumer group while something else takes its time."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import ConsumerStoppedError

from runtime.kafka.failures import CLIENT_ERRORS

EVERY_S = 60.0
NOBODY = TopicPartition("_", -1)
"""No partition at all: asking for its records says that we are here, and takes nothing."""


async def stay(consumer: AIOKafkaConsumer) -> None:
    """Ask for nothing, every minute, until cancelled: a member that asks for nothing in five is thought dead."""
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            await consumer.getmany(NOBODY, timeout_ms=0)
        except ConsumerStoppedError:
            return
        except CLIENT_ERRORS:
            # Whoever reads is told as well, and deals with it.
            continue
