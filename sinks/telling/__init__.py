"""What the sinks that tell people or programs share: requests in order, attempts, digests, and outcomes as events."""
