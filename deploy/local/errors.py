"""What can go wrong when the local stack is set up or started."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.errors import InfrastructorError
from runtime.settings import DataSettings


class LocalStackFailed(InfrastructorError):
    """A part of the local stack could not be set up, started or reached; the message says which and what to do."""

    error_code = "local_stack_failed"
    retryable = False
    exit_code = 69


class JarRefused(LocalStackFailed):
    """A jar is missing, unexpected, or not the one whose SHA-256 is kept in `kafka-jars.sha256`."""

    error_code = "jar_refused"


@contextmanager
def written_to(folder: Path) -> Iterator[None]:
    """Turn an OSError in the block into LocalStackFailed: a folder that is not ours, a file system that is full."""
    try:
        yield
    except OSError as error:
        where = error.filename or folder
        raise LocalStackFailed(
            f"{where} cannot be written ({(error.strerror or str(error)).lower()}): make room or give permission, or "
            f"set {DataSettings.variable('data_dir')} to a folder that can be written",
            operation="write data folder",
        ) from error
