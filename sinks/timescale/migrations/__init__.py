"""The schema's history: one revision a file under `versions`, its statements under `sql/<revision>`."""
