"""Which series a sample belongs to: ids from a bounded cache, the missing ones to be asked for at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from uuid import UUID

from schemas.metric_look import MetricLook, Series

Layout = tuple[str, int]
"""A device and the identity of a look's tuple of series, which its reader hands out again from look to look.

Good as long as that tuple lives: within a batch, and in the cache, which holds on to it.
"""

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
    return (look.subject, id(look.series))


class SeriesCache:
    """Ids that the database gave. Only what is committed may be told to it; `clear` after the connection was lost."""

    def __init__(self, most_series: int = 200_000, most_layouts: int = 10_000) -> None:
        self._most_series = most_series
        self._most_layouts = most_layouts
        self._layouts: dict[Layout, tuple[tuple[Series, ...], Ids]] = {}
        self._ids: dict[UUID, int] = {}
        self.forgotten = 0
        """How often everything was."""

    def __len__(self) -> int:
        return len(self._ids)

    def clear(self) -> None:
        """Forget everything."""
        self._layouts.clear()
        self._ids.clear()
        self.forgotten += 1

    def known(self, looks: Sequence[MetricLook]) -> dict[Layout, Ids] | None:
        """The ids of all these looks; None when one of them is not known."""
        return None if self.missing(looks) else self.completed(looks, {})

    def missing(self, looks: Iterable[MetricLook]) -> list[SeriesRow]:
        """The series of these looks that have to be asked for, each once."""
        rows: dict[UUID, SeriesRow] = {}
        for (device, _), all_series in self._unknown(looks).items():
            for series in all_series:
                key = identity(device, series)
                if key not in self._ids and key not in rows:
                    rows[key] = SeriesRow(key, device, series.name, series.unit, dict(series.labels))
        return list(rows.values())

    def completed(self, looks: Sequence[MetricLook], answer: Mapping[UUID, int]) -> dict[Layout, Ids]:
        """The ids of all these looks, with what the database answered; nothing is remembered yet."""
        found = {layout: ids for layout, (_, ids) in self._of(looks).items()}
        for layout, all_series in self._unknown(looks).items():
            found[layout] = self._composed(layout[0], all_series, answer)
        return found

    def learn(self, looks: Iterable[MetricLook], layouts: Mapping[Layout, Ids], answer: Mapping[UUID, int]) -> None:
        """Remember what was committed."""
        for key, number in answer.items():
            if len(self._ids) >= self._most_series:
                del self._ids[next(iter(self._ids))]
            self._ids[key] = number
        for layout, all_series in self._unknown(looks).items():
            if len(self._layouts) >= self._most_layouts:
                del self._layouts[next(iter(self._layouts))]
            self._layouts[layout] = (all_series, layouts[layout])

    def _of(self, looks: Iterable[MetricLook]) -> dict[Layout, tuple[tuple[Series, ...], Ids]]:
        layouts = {layout_of(look) for look in looks}
        return {layout: self._layouts[layout] for layout in layouts & self._layouts.keys()}

    def _unknown(self, looks: Iterable[MetricLook]) -> dict[Layout, tuple[Series, ...]]:
        return {layout: look.series for look in looks if (layout := layout_of(look)) not in self._layouts}

    def _composed(self, device: str, all_series: Iterable[Series], answer: Mapping[UUID, int]) -> Ids:
        keys = [identity(device, series) for series in all_series]
        return tuple(self._ids[key] if key in self._ids else answer[key] for key in keys)
