"""Kafka from one place: options of every client, the list of topics, producer, consumers, administration."""
