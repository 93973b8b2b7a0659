"""Events of a look as people read them: numbers one a line, everything else by its place in the event."""

from collections.abc import Iterable, Iterator

import orjson

from runtime.redact import sanitised

LONGEST_CELL = 100
LONGEST_LABELS = 400
"""Several cells in one: the last of a line, so that nothing stands beside it that would be pushed away."""
_PREFIX = "infrastructor."


def as_table(events: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of all events, each under its type and subject; what goes to several topics once."""
    shown: list[tuple[object, object]] = []
    for document in events:
        event = orjson.loads(document)
        data = event["data"]
        if (event["type"], data) in shown:
            continue
        shown.append((event["type"], data))
        kind = str(event["type"]).removeprefix(_PREFIX).rpartition(".")[0]
        yield sanitised(f"{kind}  {event['subject']}  {event['time']}")
        rows = _samples(data["samples"]) if "samples" in data else list(_places(data, ""))
        widths = [max((len(row[column]) for row in rows), default=0) for column in range(len(rows[0]) if rows else 0)]
        for row in rows:
            yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _samples(samples: list[dict[str, object]]) -> list[tuple[str, ...]]:
    return [
        (
            _cell(one["name"]),
            f"{one['value']:.12g}",
            _cell(one["unit"]),
            _cell(_labels(one.get("labels")), LONGEST_LABELS),
        )
        for one in samples
    ]


def _labels(labels: object) -> str:
    return " ".join(f"{name}={text}" for name, text in sorted(labels.items())) if isinstance(labels, dict) else ""


def _places(value: object, place: str) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from _places(inside, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for index, inside in enumerate(value):
            yield from _places(inside, f"{place}[{index}]")
    elif value is not None:
        yield _cell(place), _cell(value)


def _cell(value: object, longest: int = LONGEST_CELL) -> str:
    # What a device says is hostile input: nothing of it may move the terminal's cursor.
    text = sanitised(str(value), longest)
    return text.replace("\n", " ")
