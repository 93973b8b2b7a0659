"""The sink that projects the log into PostgreSQL or TimescaleDB: every event once, with proof."""
