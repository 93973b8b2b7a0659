"""The spool: events on disk, numbered, until Kafka has acknowledged them. docs/decisions/spool.md says why so."""
