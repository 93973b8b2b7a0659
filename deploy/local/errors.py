"""What can go wrong when the local stack is set up or started."""

from runtime.errors import InfrastructorError


class LocalStackFailed(InfrastructorError):
    """A part of the local stack could not be set up, started or reached; the message says which and what to do."""

    error_code = "local_stack_failed"
    retryable = False
    exit_code = 69


class JarRefused(LocalStackFailed):
    """A jar is missing, unexpected, or not the one whose SHA-256 is kept in `kafka-jars.sha256`."""

    error_code = "jar_refused"
