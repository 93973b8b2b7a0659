"""The embedded stack: Apache Kafka and PostgreSQL as children of one process, with their data in one folder."""
