"""The sink that tells people through Gotify what `infra.notifications` requests, and records what became of it."""
