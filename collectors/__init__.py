"""The agent: looks at machines on a schedule, keeps what it saw in a spool on disk, and publishes it to Kafka."""
