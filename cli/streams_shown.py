"""How the state of a device in each core, and what a rebuild did, are shown to people."""

from collections.abc import Iterable, Iterator, Sequence

import yaml

from replay.rebuild import Rebuilt
from replay.standing import CoreStanding


def state_lines(found: Iterable[CoreStanding]) -> Iterator[str]:
    """One paragraph a core: where it stands, by which rules, and its state as YAML."""
    for one in found:
        yield f"{one.derivation}: {one.topic}/{one.partition}, {_stands(one)}"
        yield f"  judged by: {_rules(one)}"
        if one.state is None:
            yield "  does not know the device"
            continue
        at = "" if one.offset is None else f"as of offset {one.offset}, "
        yield f"  {at}{one.sent or 0} event{'s' * (one.sent != 1)} derived"
        for scope, sequence in (one.sequences or {}).items():
            yield f"  applied of {scope}: up to {sequence}"
        yield from (f"    {line}" for line in _yaml(one.state))


def rebuilt_lines(done: Iterable[Rebuilt]) -> list[str]:
    """What was done, for people."""
    lines = []
    for one in done:
        if not one.partitions:
            lines.append(f"{one.name}: every state is whole; nothing was done (--all rebuilds it all the same)")
            continue
        partitions = "1 partition" if len(one.partitions) == 1 else f"{len(one.partitions)} partitions"
        lines.append(
            f"{one.name}: {partitions} rebuilt from {one.records} records: {one.states} states "
            f"written, {one.removed} old ones removed"
        )
        lines.append(
            f"{one.name}: {one.derived} events follow, {one.found} are in the topic, {one.put} were missing at its end "
            f"and were put"
        )
        if one.differing:
            lines.append(f"{one.name}: {one.differing} more are not in the topic and were left out: `replay verify`")
        if one.cut:
            lines.append(
                f"{one.name}: of {len(one.cut)} partitions the beginning is no longer kept: their states begin with "
                "what is, sequences go on after the highest in the topic"
            )
    return lines


def _stands(one: CoreStanding) -> str:
    if one.applied < 0:
        return f"nothing stored yet, {one.end} records in the log"
    return f"applied up to offset {one.applied}, {one.lag} behind the end of the log"


def _rules(one: CoreStanding) -> str:
    if one.rules is None:
        return "defaults (no rules were loaded)"
    return f"{one.rules['kind']} revision {one.rules['revision']} ({str(one.rules['hash'])[:12]})"


def _yaml(state: object) -> Sequence[str]:
    return yaml.safe_dump(state, sort_keys=False, allow_unicode=True, default_flow_style=False, width=110).splitlines()
