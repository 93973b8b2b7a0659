"""The revision of the schema that this version reads and writes: the newest under `migrations/versions`."""

REVISION = "0004"
