"""What looks show: every row says which look showed it, and every list is noted, so that what vanished can be told."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from sinks.timescale.rows import EntityRow, Rows


class Sighting:
    """One look at one device: adds its rows to a batch, each with the look's time and id."""

    def __init__(self, device_id: str, seen_at: datetime, event_id: UUID, rows: Rows) -> None:
        self.rows = rows
        self._device: EntityRow = {"device_id": device_id}
        self._look: EntityRow = {"seen_at": seen_at, "event_id": event_id}

    def listed(self, family: str, scope: str = "", *, complete: bool) -> None:
        """Note that a list was looked at; what a complete one does not show is gone."""
        row: EntityRow = {"family": family, "scope": scope, "complete": complete}
        self.rows.entity_looks.append(self._device | row | self._look)

    def row(self, found: BaseModel, *, without: set[str] | None = None, **more: object) -> EntityRow:
        """The row of one thing: the fields of its model, which are the columns of its table, and `more`."""
        return self._device | more | found.model_dump(exclude=without) | self._look

    def plain(self, **columns: object) -> EntityRow:
        """The row of one thing whose columns are not the fields of a model."""
        return self._device | columns | self._look
