"""What an event is: the envelope, one module per event family, and how bytes become events."""
