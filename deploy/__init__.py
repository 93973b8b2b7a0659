"""What it takes to run the parts: the local stack, dashboards, unit files."""
