"""The notations of rule tests: values over time, and the names of series.

`0.1x10 0.9+0.01x5 _x3` is ten samples of 0.1, five from 0.9 on by 0.01 more each, and three looks without the series.
A series is `system.disk.io{system.device=sda,disk.io.direction=read}`; a value with a comma or a brace is quoted.
"""

import re

_PART = re.compile(
    r"""(?P<value>_|[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)
        (?P<step>[+-](?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)?
        (?:x(?P<times>\d+))?""",
    re.IGNORECASE | re.VERBOSE,
)
_SERIES = re.compile(r"(?P<name>[a-z][a-z0-9_.]*)(?:\{(?P<inside>.*)\})?", re.DOTALL)
_LABEL = re.compile(
    r"""\s*(?P<name>[a-zA-Z_][a-zA-Z0-9_.]*)=
        (?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^,{}"]*))\s*(?:,|$)""",
    re.VERBOSE,
)
MOST_VALUES = 100_000


def values_over_time(notation: str) -> list[float | None]:
    """The values of a series, look by look; None where the look lacks it. Raises ValueError."""
    found: list[float | None] = []
    for part in notation.split():
        match = _PART.fullmatch(part)
        if match is None or (match["value"] == "_" and match["step"]):
            raise ValueError(f"{part!r} is no values over time, like 0.1x10, 0.9+0.01x5 or _x3")
        times = int(match["times"] or 1)
        if len(found) + times > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES} values")
        if match["value"] == "_":
            found += [None] * times
        else:
            first, step = float(match["value"]), float(match["step"] or 0)
            # Added up each would drift: the fifth of 0.9+0.01 is to be 0.94.
            found += [round(first + step * number, 12) for number in range(times)]
    return found


def series_of(text: str) -> tuple[str, dict[str, str]]:
    """The name and the labels of a series. Raises ValueError."""
    match = _SERIES.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no series, like name{{label=value}}")
    labels: dict[str, str] = {}
    rest = match["inside"] or ""
    while rest:
        label = _LABEL.match(rest)
        if label is None:
            raise ValueError(f"{text!r}: {rest!r} is no label=value")
        quoted = label["quoted"]
        labels[label["name"]] = label["bare"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        rest = rest[label.end() :]
    return match["name"], labels
