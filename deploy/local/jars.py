"""Kafka's jars: fetched by jgo, accepted only when their SHA-256 is the one kept in `kafka-jars.sha256`.

That file has the format of sha256sum(1); its names are paths in a Maven repository. `python -m deploy.local.jars`
fetches what is missing, `--warm` also prepares the archive that halves the broker's start, and `--pin` writes the
file anew for the versions named here.
"""

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from deploy.local.errors import JarRefused, LocalStackFailed
from deploy.local.settings import CacheSettings
from runtime.errors import InfrastructorError
from runtime.settings import load

KAFKA = "org.apache.kafka:kafka_2.13:4.3.0"
# Kafka logs through slf4j 1.7 and brings log4j-core, but not the bridge between them: without it, it is silent.
# Resolved apart: in one endpoint jgo lets the one's managed versions change the other's.
LOG_BRIDGE = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"
PINS = Path(__file__).with_name("kafka-jars.sha256")

_DOWNLOADS_AT_ONCE = 8
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Pin:
    """One jar as pinned: its path in a Maven repository, and the SHA-256 of its bytes in hex."""

    path: PurePosixPath
    sha256: str

    @property
    def coordinates(self) -> tuple[str, str, str]:
        """Group, artifact and version, which the path of a Maven repository spells out."""
        *group, artifact, version, _file = self.path.parts
        return ".".join(group), artifact, version


def cache_dir() -> Path:
    """Return the cache folder that the settings name, by default ~/.cache/infrastructor. Raises SettingsInvalid."""
    return load(CacheSettings).cache_dir.expanduser().absolute()


def read_pins(path: Path = PINS) -> tuple[Pin, ...]:
    """Read the pinned jars in class path order."""
    rows = (line.split(maxsplit=1) for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return tuple(Pin(PurePosixPath(name), sha256) for sha256, name in rows)


def class_path(cache: Path, *, pins: Sequence[Pin] | None = None) -> tuple[Path, ...]:
    """Return every pinned jar's place below `cache`, fetched if need be and verified. Raises JarRefused."""
    pins = read_pins() if pins is None else tuple(pins)
    store = cache / "maven"
    missing = [pin for pin in pins if not (store / pin.path).exists()]
    if missing:
        _fetch(missing, store)
    for pin in pins:
        verify(store / pin.path, pin)
    return tuple(store / pin.path for pin in pins)


def verify(jar: Path, pin: Pin) -> None:
    """Raise JarRefused unless the file is the pinned one. All 46 jars (43 MB) take 50 ms: no marker is needed."""
    try:
        found = hashlib.sha256(jar.read_bytes()).hexdigest()
    except FileNotFoundError:
        raise JarRefused(f"{jar.name} is missing at {jar}: run `python -m deploy.local.jars`") from None
    if found != pin.sha256:
        raise JarRefused(
            f"{jar} is not the jar that was pinned: its SHA-256 is {found}, {PINS.name} says {pin.sha256}. "
            "Remove the file to fetch it again; if it differs again, do not trust the repository it comes from",
            operation="verify jars",
        )


def _fetch(pins: Sequence[Pin], store: Path) -> None:
    """Bring jars into the store, each moved to its place only when it is whole and verified."""
    store.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=store.parent) as folder:
        staging = Path(folder)
        with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
            list(pool.map(lambda pin: _fetch_one(pin, staging), pins))
        for pin in pins:
            verify(staging / pin.path, pin)
            (store / pin.path).parent.mkdir(parents=True, exist_ok=True)
            (staging / pin.path).replace(store / pin.path)


def _fetch_one(pin: Pin, staging: Path) -> None:
    if not _copy_from_maven(pin, staging):
        _download(pin, staging)


def _copy_from_maven(pin: Pin, staging: Path) -> bool:
    """Take the jar from this user's own Maven repository when it is there and right: it saves the download."""
    own = Path(os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository") / pin.path
    try:
        if hashlib.sha256(own.read_bytes()).hexdigest() != pin.sha256:
            return False
        (staging / pin.path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(own, staging / pin.path)
    except OSError:
        return False
    return True


def _download(pin: Pin, staging: Path) -> None:
    import requests  # noqa: PLC0415 - it comes with jgo; both are needed for a download only, and slow to import
    from jgo.maven import MavenContext  # noqa: PLC0415

    group, artifact, version = pin.coordinates
    for tries_left in reversed(range(_TRIES)):
        try:
            context = MavenContext(repo_cache=staging, timeout=30)
            context.project(group, artifact).at_version(version).artifact().resolve()
        except (requests.RequestException, RuntimeError) as error:
            (staging / pin.path).unlink(missing_ok=True)
            if not tries_left:
                raise LocalStackFailed(
                    f"{pin.path.name} could not be fetched: {error}. Check the connection to Maven Central, or put "
                    f"the jar at {cache_dir() / 'maven' / pin.path}",
                    operation="fetch jars",
                ) from error
            time.sleep(1.0)
        else:
            return


def resolve_pins() -> tuple[Pin, ...]:
    """Resolve Kafka and the log bridge anew, from their POMs, and pin what jgo brings."""
    import jgo  # noqa: PLC0415 - only when pinning

    found: dict[PurePosixPath, Pin] = {}
    for endpoint in (KAFKA, LOG_BRIDGE):
        for artifact in jgo.resolve(endpoint):
            jar = Path(artifact.resolve())
            folder = PurePosixPath(*artifact.groupId.split("."), artifact.artifactId, artifact.version)
            sha256 = hashlib.sha256(jar.read_bytes()).hexdigest()
            found.setdefault(folder / jar.name, Pin(folder / jar.name, sha256))
    return tuple(found.values())


def write_pins(pins: Iterable[Pin], path: Path = PINS) -> None:
    """Write the file of sums."""
    head = f"# {KAFKA} and {LOG_BRIDGE}; written by `python -m deploy.local.jars --pin`\n"
    path.write_text(head + "".join(f"{pin.sha256}  {pin.path}\n" for pin in pins))


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch and verify the jars, so that the first start need not; 0 when all are there."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.jars", description=main.__doc__)
    parser.add_argument("--pin", action="store_true", help="resolve the versions anew and write the sums")
    parser.add_argument("--warm", action="store_true", help="also prepare the archive for quick broker starts")
    options = parser.parse_args(arguments)
    try:
        if options.pin:
            write_pins(resolve_pins())
        jars = class_path(cache_dir())
        if options.warm:
            from deploy.local.warm import warm  # noqa: PLC0415 - it builds on this module

            warm(cache_dir())
    except InfrastructorError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(f"{len(jars)} jars verified in {cache_dir()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
