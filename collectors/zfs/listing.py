"""What pools and datasets are and how full: `zpool list`, `zpool get`, `zfs list`, as text and as JSON.

Source of the format: zpool-list(8), zpool-get(8), zpoolprops(7), zfs-list(8), zfsprops(7) of OpenZFS 0.8, 2.1, 2.2 and
2.3. Text has columns under headings, or tabs with `-H`; JSON, since 2.3, has a `properties` object for each.
"""

from collections.abc import Iterator, Mapping

from collectors.document import Document
from collectors.errors import ParseError
from collectors.system.reading import numbered
from collectors.zfs.words import count, hundredth, name, ratio, word
from schemas.pool import Dataset, Pool

Properties = Mapping[str, object]
"""Values as the program prints them, by the name of the property."""

GET = ("guid", "readonly", "freeing", "leaked")
"""What `zpool get` is asked for: properties that all versions know."""

ZFS_LIST = ("name", "type", "used", "available", "referenced", "quota", "compressratio", "mountpoint")
MOST_DATASETS = 1000
"""More are left out of an event, the deepest first."""

_HEADINGS = {
    "SIZE": "size",
    "ALLOC": "allocated",
    "FREE": "free",
    "FRAG": "fragmentation",
    "CAP": "capacity",
    "DEDUP": "dedupratio",
    "HEALTH": "health",
}
_KINDS = frozenset({"filesystem", "volume"})


def list_text(text: str, *, section: str) -> dict[str, Properties]:
    """Read `zpool list -p`: properties by pool. The columns are known by their headings."""
    found: dict[str, Properties] = {}
    headings: list[str] = []
    for number, line in numbered(text):
        fields = line.split()
        if not headings:
            if line.strip() == "no pools available":
                return {}
            headings = fields
            if headings[0] != "NAME" or "HEALTH" not in headings:
                raise ParseError("no headings NAME ... HEALTH", section=section, line=number, text=line)
            continue
        if len(fields) < len(headings):
            raise ParseError(f"fewer than {len(headings)} columns", section=section, line=number, text=line)
        # A pool's name may have blanks in it: what the other columns do not need is the name.
        pool = name(" ".join(fields[: len(fields) - len(headings) + 1]))
        values = fields[len(fields) - len(headings) + 1 :]
        if pool is not None:
            found[pool] = {
                _HEADINGS[heading]: value
                for heading, value in zip(headings[1:], values, strict=True)
                if heading in _HEADINGS
            }
    return found


def get_text(text: str, *, section: str) -> dict[str, Properties]:
    """Read `zpool get -Hp -o name,property,value`: properties by pool."""
    found: dict[str, dict[str, object]] = {}
    for number, line in numbered(text):
        fields = line.split("\t")
        if len(fields) != 3:
            raise ParseError("not three columns with tabs between", section=section, line=number, text=line)
        found.setdefault(fields[0], {})[fields[1]] = fields[2]
    return dict(found)


def pools_json(document: Document) -> dict[str, Properties]:
    """Read `zpool list -j -p` or `zpool get -j -p`: properties by pool."""
    found: dict[str, Properties] = {}
    for key, pool in document.at("pools").fields():
        properties = {prop: value.at("value").value for prop, value in pool.at("properties").fields()}
        found[pool.at("name").text() or key] = properties
    return found


def pool_fields(properties: Properties, *, section: str) -> dict[str, object]:
    """Return what properties say of a pool, under the names of the event."""
    read_only = properties.get("readonly")
    guid = properties.get("guid")
    found: dict[str, object] = {
        "guid": name(str(guid)) if guid not in (None, "-") else None,
        "size_bytes": count(properties.get("size"), section=section),
        "allocated_bytes": count(properties.get("allocated"), section=section),
        "free_bytes": count(properties.get("free"), section=section),
        "capacity": hundredth(properties.get("capacity"), section=section),
        "fragmentation": hundredth(properties.get("fragmentation"), section=section),
        "deduplication_ratio": ratio(properties.get("dedupratio"), section=section),
        "read_only": {"on": True, "off": False}.get(str(read_only)),
        "state": word(properties["health"], section=section) if "health" in properties else None,
    }
    return {field: value for field, value in found.items() if value is not None}


def datasets_text(text: str, *, section: str) -> dict[str, Properties]:
    """Read `zfs list -Hp` with the columns of `ZFS_LIST`."""
    found: dict[str, Properties] = {}
    for number, line in numbered(text):
        fields = line.split("\t")
        if len(fields) != len(ZFS_LIST):
            raise ParseError(f"not {len(ZFS_LIST)} columns with tabs between", section=section, line=number, text=line)
        found[fields[0]] = dict(zip(ZFS_LIST[1:], fields[1:], strict=True))
    return found


def datasets_json(document: Document) -> dict[str, Properties]:
    """Read `zfs list -j -p`."""
    found: dict[str, Properties] = {}
    for key, dataset in document.at("datasets").fields():
        properties = {prop: value.at("value").value for prop, value in dataset.at("properties").fields()}
        found[dataset.at("name").text() or key] = {**properties, "type": dataset.at("type").text()}
    return found


def read_datasets(found: Mapping[str, Properties], *, section: str) -> Iterator[Dataset]:
    """Yield the file systems and volumes, those at the top of their pool first."""
    for full_name in sorted(found, key=lambda one: (one.count("/"), one))[:MOST_DATASETS]:
        properties = found[full_name]
        kind = str(properties.get("type") or "filesystem").lower()
        label = name(full_name)
        if kind not in _KINDS or label is None:
            continue
        mountpoint = str(properties.get("mountpoint") or "")
        yield Dataset(
            name=label,
            kind="volume" if kind == "volume" else "filesystem",
            used_bytes=count(properties.get("used"), section=section),
            available_bytes=count(properties.get("available"), section=section),
            referenced_bytes=count(properties.get("referenced"), section=section),
            # 0 is how it says that there is no quota.
            quota_bytes=count(properties.get("quota"), section=section) or None,
            compression_ratio=ratio(properties.get("compressratio"), section=section),
            mountpoint=mountpoint[:4096].replace("\x00", "") if mountpoint.startswith("/") else None,
        )


def with_datasets(pool: Pool, datasets: tuple[Dataset, ...]) -> Pool:
    """Return the pool with those datasets that are its own."""
    own = tuple(one for one in datasets if one.name.partition("/")[0] == pool.name)
    return pool.model_copy(update={"datasets": own})
