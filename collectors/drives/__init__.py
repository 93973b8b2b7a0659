"""Drives as smartctl sees them: what they are, how they are, how they age."""
