"""Numbers as people read them: bytes, counts, durations, bars. Pure."""

from datetime import timedelta

_BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_SECONDS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def in_bytes(count: float) -> str:
    """Return bytes in binary units: `512 B`, `1.4 MiB`."""
    size = float(count)
    for unit in _BYTE_UNITS[:-1]:
        if abs(size) < 1024:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} {_BYTE_UNITS[-1]}"


def in_counts(count: int) -> str:
    """Return a whole number with commas: `1,234,567`."""
    return f"{count:,}"


def in_time(length: timedelta) -> str:
    """Return a length of time in its two largest units: `3d 4h`, `5m 10s`, `0s`; never negative."""
    left = max(0, int(length.total_seconds()))
    parts: list[str] = []
    for unit, size in _SECONDS:
        if left >= size or (parts and unit != "s") or unit == "s":
            parts.append(f"{left // size}{unit}")
            left %= size
        if len(parts) == 2:
            break
    return " ".join(parts)


def bar(ratio: float, width: int) -> tuple[str, str]:
    """Return the full and the empty part of a bar of `width` characters, for a ratio in 0..1."""
    full = round(min(1.0, max(0.0, ratio)) * width)
    return "━" * full, "─" * (width - full)
