"""The errors of Infrastructor: one root, each with a stable code, an exit code and whether trying again can help.

Messages say what was wrong, where, and what to do; they and their details never carry secrets. Exit codes follow
`sysexits.h` where it has one.
"""

import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar


class InfrastructorError(Exception):
    """The root: `message` for people, `details` (no secrets) for machines, and where and when it happened."""

    error_code: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = 70
    retryable: bool = False

    def __init__(self, message: str, *, operation: str = "", **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.operation = operation
        self.details: Mapping[str, object] = details
        self.hostname = socket.gethostname()
        self.timestamp = datetime.now(UTC)

    def to_dict(self) -> dict[str, object]:
        """Return the error as plain data, for a log line or an event."""
        return {
            "error_code": self.error_code,
            "message": self.message,
            "operation": self.operation,
            "details": dict(self.details),
            "retryable": self.retryable,
            "hostname": self.hostname,
            "timestamp": self.timestamp.isoformat().replace("+00:00", "Z"),
        }


class SettingsInvalid(InfrastructorError):
    """A setting is missing or wrong; the message names the variable and an example of a good value."""

    error_code = "settings_invalid"
    exit_code = 78


class InputInvalid(InfrastructorError):
    """A file or an argument given by the operator is not what it should be; the message names the place."""

    error_code = "input_invalid"
    exit_code = 65


class TopicsMissing(InfrastructorError):
    """A topic that this process needs is absent or has another number of partitions than listed."""

    error_code = "topics_missing"
    exit_code = 69


class KafkaUnavailable(InfrastructorError):
    """No broker answers, or the one that should cannot take the request now."""

    error_code = "kafka_unavailable"
    exit_code = 69
    retryable = True


class KafkaRefused(InfrastructorError):
    """Kafka refused who we are or what we ask: login, certificate, permission, request."""

    error_code = "kafka_refused"
    exit_code = 77


class DatabaseUnavailable(InfrastructorError):
    """The database does not answer, or went away; trying again can help."""

    error_code = "database_unavailable"
    exit_code = 69
    retryable = True


class DatabaseRefused(InfrastructorError):
    """The database refused the login or a permission."""

    error_code = "database_refused"
    exit_code = 77


class SchemaOutdated(InfrastructorError):
    """The database's schema is not the one this version writes."""

    error_code = "schema_outdated"
    exit_code = 70


class AlreadyRunning(InfrastructorError):
    """Another process holds the same data folder."""

    error_code = "already_running"
    exit_code = 75


class PortTaken(InfrastructorError):
    """Something else listens on a port that this process needs."""

    error_code = "port_taken"
    exit_code = 75


class SpoolUnusable(InfrastructorError):
    """The agent's spool cannot be read or written."""

    error_code = "spool_unusable"
    exit_code = 74


class Poisoned(InfrastructorError):
    """Too many dead letters in a row or in proportion: the consumer stops rather than drain the topic into them.

    Nobody starts it again by itself: each start would count anew, and drain the topic slowly.
    """

    error_code = "poisoned"
    exit_code = 76
