"""notifications: who is told what of the alerts."""
