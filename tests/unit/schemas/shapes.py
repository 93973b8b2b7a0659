"""A JSON Schema laid flat: what may stand at each place of a document, for comparing two versions of it."""

from typing import Any

Shapes = dict[str, dict[str, Any]]
"""By place (`data.samples[].name`): `required`, `types`, and `enum` where only certain values may stand there."""


def shapes(schema: dict[str, Any]) -> Shapes:
    """Every place of a schema. Objects are followed through `properties`; members of lists and mappings too."""
    found: Shapes = {}
    _walk(schema, schema.get("$defs", {}), "", found)
    return found


def _walk(schema: dict[str, Any], definitions: dict[str, Any], at: str, found: Shapes) -> None:
    for alternative in _alternatives(schema, definitions):
        for name, below in alternative.get("properties", {}).items():
            place = f"{at}.{name}" if at else name
            found[place] = _shape(below, definitions, required=name in alternative.get("required", []))
            _walk(below, definitions, place, found)
        for mark, below in _members(alternative):
            found[at + mark] = _shape(below, definitions, required=False)
            _walk(below, definitions, at + mark, found)


def _members(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The schemas of a list's items and of a mapping's values."""
    mappings = [schema.get("additionalProperties"), *schema.get("patternProperties", {}).values()]
    marked = [("[]", schema.get("items")), *(("{}", each) for each in mappings)]
    return [(mark, below) for mark, below in marked if isinstance(below, dict)]


def _shape(schema: dict[str, Any], definitions: dict[str, Any], *, required: bool) -> dict[str, Any]:
    alternatives = _alternatives(schema, definitions)
    shape: dict[str, Any] = {"required": required, "types": sorted({one.get("type", "any") for one in alternatives})}
    values = [value for one in alternatives for value in one.get("enum", [one["const"]] if "const" in one else [])]
    return shape | {"enum": sorted(values)} if values else shape


def _alternatives(schema: dict[str, Any], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    if "$ref" in schema and schema["$ref"].rsplit("/", 1)[1] == "JsonValue":
        return [{}]
    if "$ref" in schema:
        return _alternatives(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    if "anyOf" in schema:
        return [one for each in schema["anyOf"] for one in _alternatives(each, definitions)]
    return [schema]


def broken(before: Shapes, now: Shapes) -> list[str]:
    """What of the documents written before can no longer be read, or is no longer where readers look for it."""
    found = []
    for place, was in before.items():
        shape = now.get(place)
        if shape is None:
            found.append(f"{place} is gone")
        elif not set(was["types"]) <= set(shape["types"]) | ({"integer"} if "number" in shape["types"] else set()):
            found.append(f"{place} was {was['types']} and is {shape['types']}")
        elif "enum" in shape and not set(was.get("enum", [None])) <= set(shape["enum"]):
            found.append(f"{place} no longer takes what it took")
    found += [
        f"{place} is required now" for place, shape in now.items() if shape["required"] and not _required(before, place)
    ]
    return found


def _required(before: Shapes, place: str) -> bool:
    """Whether it was required before, or is part of something new that is not."""
    if place in before:
        return bool(before[place]["required"])
    owner = place.rpartition(".")[0]
    return bool(owner) and owner not in before
