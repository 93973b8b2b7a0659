"""What every process stands on: settings, errors, log, metrics, clock, Kafka, PostgreSQL, supervision."""
