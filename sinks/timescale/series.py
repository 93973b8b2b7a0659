"""Which series a sample belongs to: ids from a bounded cache, the missing ones to be asked for at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from uuid import UUID

from schemas.metric_look import MetricLook, Series

Layout = tuple[str, tuple[Series, ...]]
"""A device and the series of one of its looks, in their order: the same from look to look, so it is resolved once."""

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A row of `metric_series` to be found or made."""

    identity: UUID
    device_id: str
    name: str
    unit: str
    labels: dict[str, str]


def identity(device_id: str, series: Series) -> UUID:
    """The hash that is the key of a series: BLAKE2b-128 of device, unit, and the canonical name with labels."""
    text = f"{device_id}\x00{series.unit}\x00{series.key}"
    return UUID(bytes=blake2b(text.encode(), digest_size=16).digest())


def layout_of(look: MetricLook) -> Layout:
    """The layout of a look."""
    return (look.subject, look.series)


class SeriesCache:
    """Ids that the database gave. Only what is committed may be told to it; `clear` after the connection was lost."""

    def __init__(self, most_series: int = 200_000, most_layouts: int = 10_000) -> None:
        self._most_series = most_series
        self._most_layouts = most_layouts
        self._layouts: dict[Layout, Ids] = {}
        self._ids: dict[UUID, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def clear(self) -> None:
        """Forget everything."""
        self._layouts.clear()
        self._ids.clear()

    def known(self, looks: Sequence[MetricLook]) -> dict[Layout, Ids] | None:
        """The ids of all these looks; None when one of them is not known."""
        return None if self.missing(looks) else self.completed(looks, {})

    def missing(self, looks: Iterable[MetricLook]) -> list[SeriesRow]:
        """The series of these looks that have to be asked for, each once."""
        rows: dict[UUID, SeriesRow] = {}
        for device, all_series in {layout_of(look) for look in looks} - self._layouts.keys():
            for series in all_series:
                key = identity(device, series)
                if key not in self._ids and key not in rows:
                    rows[key] = SeriesRow(key, device, series.name, series.unit, dict(series.labels))
        return list(rows.values())

    def completed(self, looks: Iterable[MetricLook], answer: Mapping[UUID, int]) -> dict[Layout, Ids]:
        """The ids of all these looks, with what the database answered; nothing is remembered yet."""
        found: dict[Layout, Ids] = {}
        for layout in {layout_of(look) for look in looks}:
            ids = self._layouts.get(layout)
            found[layout] = ids if ids is not None else self._composed(layout, answer)
        return found

    def learn(self, layouts: Mapping[Layout, Ids], answer: Mapping[UUID, int]) -> None:
        """Remember what was committed."""
        for key, number in answer.items():
            if len(self._ids) >= self._most_series:
                del self._ids[next(iter(self._ids))]
            self._ids[key] = number
        for layout, ids in layouts.items():
            if layout not in self._layouts and len(self._layouts) >= self._most_layouts:
                del self._layouts[next(iter(self._layouts))]
            self._layouts[layout] = ids

    def _composed(self, layout: Layout, answer: Mapping[UUID, int]) -> Ids:
        device, all_series = layout
        keys = [identity(device, series) for series in all_series]
        return tuple(self._ids[key] if key in self._ids else answer[key] for key in keys)
