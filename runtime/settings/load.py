"""Reading settings: the environment over `runtime.env` over `.env`, and each secret also from a file it names.

Below them, while `infrastructor up` runs on the data folder, is its `local.env`: where its broker and its database are.
So a command beside it needs no settings.
"""

import difflib
import fcntl
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from runtime.durations import written
from runtime.errors import SettingsInvalid
from runtime.settings.concern import Concern, Origin, Problem, SettingProblem, Source, Value, is_secret
from runtime.settings.data import DataSettings

C = TypeVar("C", bound=Concern)

MASK = "********"

LOCAL_ENV = "local.env"
"""In the data folder while `infrastructor up` runs on it: where its broker and its database are."""


@dataclass(frozen=True, slots=True)
class World:
    """What settings are read from, first wins: (source, variables) pairs. An empty value counts as not set."""

    layers: tuple[tuple[Source, Mapping[str, str]], ...]

    @classmethod
    def here(cls, environ: Mapping[str, str] | None = None, folder: Path | None = None) -> "World":
        """Return the process's environment over `runtime.env` and `.env` of `folder` (the current one)."""
        folder = folder or Path.cwd()
        given = cls(
            (
                ("environment", os.environ if environ is None else environ),
                ("runtime.env", _env_file(folder / "runtime.env")),
                (".env", _env_file(folder / ".env")),
            )
        )
        return cls((*given.layers, ("local.env", _running(folder / load(DataSettings, given).data_dir))))

    @property
    def given(self) -> "World":
        """The same without what runs locally."""
        return World(tuple(layer for layer in self.layers if layer[0] != "local.env"))


@dataclass(frozen=True, slots=True)
class _Found:
    raw: str
    origin: Origin


def load(concern: type[C], world: World | None = None) -> C:
    """Return the settings of one concern; `SettingsInvalid` names every variable that is wrong."""
    found, problems = _resolve(concern, world or World.here())
    settings = None
    if not problems:
        settings, problems = _build(concern, found)
    if settings is None:
        lines = [str(problem) for problem in problems]
        raise SettingsInvalid("; ".join(lines), operation="load settings", variables=[p.variable for p in problems])
    return settings


def check(concern: type[Concern], world: World | None = None) -> list[Problem]:
    """Return all that is wrong with one concern's settings, nothing when all is well."""
    found, problems = _resolve(concern, world or World.here())
    blamed = {problem.variable.removesuffix("_FILE") for problem in problems}
    _, more = _build(concern, found)
    return problems + [problem for problem in more if problem.variable not in blamed]


def provenance(concern: type[Concern], world: World | None = None) -> list[Value]:
    """Return each field's value (secrets masked) and where it came from; wrong values are shown as they are."""
    found, _ = _resolve(concern, world or World.here())
    settings, _ = _build(concern, found)
    return [_value(concern, name, found.get(name), settings) for name in concern.model_fields]


def unknown_variables(concerns: Sequence[type[Concern]], world: World | None = None) -> list[Problem]:
    """Return the variables that begin like ours and set nothing, each with the nearest known name."""
    known = {name for concern in concerns for name in _names(concern)}
    prefixes = tuple(concern.variable("") for concern in concerns if concern.group)
    strangers = {
        name: source
        for source, variables in reversed((world or World.here()).layers)
        for name in variables
        if name.startswith("INFRASTRUCTOR_") and name not in known
    }
    return [
        problem
        for name, source in sorted(strangers.items())
        if (problem := _stranger(name, source, known=known, prefixes=prefixes))
    ]


def _stranger(name: str, source: Source, *, known: set[str], prefixes: tuple[str, ...]) -> Problem | None:
    # A plain name may belong to something else that shares the prefix: only a near miss is worth a word.
    ours = name.startswith(prefixes) or "__" in name
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6 if ours else 0.85)
    if not ours and not near:
        return None
    hint = f"; did you mean {near[0]}?" if near else ""
    return Problem(name, f"is set in {source}, but there is no such setting{hint}")


def _names(concern: type[Concern]) -> Iterable[str]:
    for field, info in concern.model_fields.items():
        yield concern.variable(field)
        if is_secret(info):
            yield concern.variable(field) + "_FILE"


def _resolve(concern: type[Concern], world: World) -> tuple[dict[str, _Found], list[Problem]]:
    found: dict[str, _Found] = {}
    problems: list[Problem] = []
    for field, info in concern.model_fields.items():
        variable = concern.variable(field)
        for source, variables in world.layers:
            outcome = _look(variable, variables, source=source, secret=is_secret(info))
            if isinstance(outcome, Problem):
                problems.append(outcome)
            elif outcome is not None:
                found[field] = outcome
            if outcome is not None:
                break
    return found, problems


def _look(variable: str, variables: Mapping[str, str], *, source: Source, secret: bool) -> _Found | Problem | None:
    plain = variables.get(variable, "")
    path = variables.get(f"{variable}_FILE", "") if secret else ""
    if plain and path:
        return Problem(f"{variable}_FILE", f"is set in {source} together with {variable}: keep one of them")
    if plain:
        return _Found(plain, Origin(source))
    if not path:
        return None
    try:
        # A file written with an editor or `echo` ends in a newline that is no part of the secret.
        return _Found(Path(path).read_text(encoding="utf-8").rstrip("\r\n"), Origin(source, path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        return Problem(f"{variable}_FILE", f"cannot read {path}: {reason}", "/run/secrets/password")


def _build(concern: type[C], found: Mapping[str, _Found]) -> tuple[C | None, list[Problem]]:
    try:
        return concern.model_validate({field: value.raw for field, value in found.items()}), []
    except ValidationError as error:
        return None, [_problem(concern, detail, found) for detail in error.errors()]


def _problem(concern: type[Concern], detail: ErrorDetails, found: Mapping[str, _Found]) -> Problem:
    cause = detail.get("ctx", {}).get("error")
    field = cause.field if isinstance(cause, SettingProblem) else str(detail["loc"][0] if detail["loc"] else "")
    what = _lower(detail["msg"].removeprefix("Value error, ").removeprefix("Input "))
    info = concern.model_fields.get(field)
    if info is None:
        return Problem(concern.variable(field), what)
    if field in found:
        shown = "the value" if is_secret(info) else repr(_shorten(found[field].raw))
        what = f"{shown} from {found[field].origin} is refused: {what}"
    elif detail["type"] == "missing":
        what = "is required and not set"
    if is_secret(info):
        # There is no example of a secret, and what looks like one is masked when the line is written.
        return Problem(
            concern.variable(field), f"{what} (or let {concern.variable(field)}_FILE name a file that holds it)"
        )
    return Problem(concern.variable(field), what, str(info.examples[0]) if info.examples else "")


def _value(concern: type[Concern], field: str, found: _Found | None, settings: Concern | None) -> Value:
    info = concern.model_fields[field]
    actual = (
        getattr(settings, field) if settings else found.raw if found else info.get_default(call_default_factory=True)
    )
    return Value(
        variable=concern.variable(field),
        field=field,
        shown=_shown(actual, secret=is_secret(info)),
        origin=found.origin if found else Origin("default"),
        description=info.description or "",
    )


def _shown(value: object, *, secret: bool) -> str:
    if secret:
        return MASK if value else ""
    match value:
        case tuple():
            return ",".join(str(part) for part in value)
        case dict():
            return ",".join(f"{key}={_shown(part, secret=False)}" for key, part in value.items())
        case timedelta():
            return written(value)
        case bool():
            return str(value).lower()
    return "" if value is None else str(value)


def _running(data_dir: Path) -> dict[str, str]:
    """Return what `infrastructor up` wrote; nothing when it does not run, for one that was killed left its file."""
    try:
        with (data_dir / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        path = data_dir / LOCAL_ENV
        # Another user's: who may not read it is told by what he connects to.
        return _env_file(path) if os.access(path, os.R_OK) else {}
    except OSError:
        pass
    return {}


def _env_file(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        return {name: value for name, value in dotenv_values(path, interpolate=False).items() if value is not None}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"cannot read {path}: {error}", operation="load settings", file=str(path)) from error


def _shorten(text: str, longest: int = 60) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
