"""aiokafka's errors turned into ours, each saying what to do; and why a cluster cannot be reached."""

import asyncio
import os
import ssl

from aiokafka import errors as kafka_errors
from aiokafka.conn import create_conn

from runtime.errors import InfrastructorError, KafkaRefused, KafkaUnavailable, TopicsMissing
from runtime.kafka.options import client_options
from runtime.settings.kafka import KafkaSettings

LOGIN_ERRORS = (
    kafka_errors.SaslAuthenticationFailed,
    kafka_errors.AuthenticationFailedError,
    kafka_errors.UnsupportedSaslMechanismError,
    kafka_errors.IllegalSaslStateError,
    kafka_errors.AuthenticationMethodNotSupported,
)
PERMISSION_ERRORS = (
    kafka_errors.TopicAuthorizationFailedError,
    kafka_errors.GroupAuthorizationFailedError,
    kafka_errors.ClusterAuthorizationFailedError,
)
CLIENT_ERRORS = (kafka_errors.KafkaError, OSError, TimeoutError, asyncio.TimeoutError)
"""What aiokafka raises when talking to a cluster fails."""


def translate(error: BaseException, settings: KafkaSettings, *, operation: str) -> InfrastructorError:
    """Return our error for one of aiokafka's; ours pass as they are."""
    if isinstance(error, InfrastructorError):
        return error
    kind, message = _told(error, settings)
    return kind(f"Kafka at {settings.servers} {message}", operation=operation, servers=settings.servers)


def _told(error: BaseException, settings: KafkaSettings) -> tuple[type[InfrastructorError], str]:
    """Return the kind of an error and what follows 'Kafka at <servers> '."""
    name = settings.variable
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"has a certificate that is not trusted ({error.verify_message})"
        return KafkaRefused, f"{why}: check {name('ca_file')} and the host name"
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        why = f"refused TLS ({_ssl_reason(error)})"
        return KafkaRefused, f"{why}: check {name('security_protocol')}, {name('cert_file')} and {name('key_file')}"
    if isinstance(error, LOGIN_ERRORS):
        why = f"refused the login of {settings.username or '(nobody)'} with {settings.mechanism}"
        return KafkaRefused, f"{why}: check {name('username')}, {name('password')} and {name('mechanism')}"
    if isinstance(error, PERMISSION_ERRORS):
        return (
            KafkaRefused,
            f"does not permit it ({_reason(error)}): grant {settings.username or 'this client'} the access",
        )
    if isinstance(error, kafka_errors.UnknownTopicOrPartitionError):
        return TopicsMissing, f"lacks a topic ({_reason(error)}): run `infrastructor topics apply`"
    return KafkaUnavailable, _away(error, settings)


def _away(error: BaseException, settings: KafkaSettings) -> str:
    name = settings.variable
    closed = isinstance(error, kafka_errors.KafkaConnectionError) and "closed" in str(error)
    if closed or isinstance(error, ssl.SSLError):
        # It took the connection and let go of it: it is stopping, or it expects another protocol on that port.
        return f"closed the connection: check that it is not just stopping, and {name('security_protocol')}"
    return f"cannot be reached ({_reason(error)}): check that it runs, and {name('bootstrap_servers')}"


async def why_unreachable(settings: KafkaSettings, error: BaseException, *, operation: str) -> InfrastructorError:
    """Return why no broker could be used: bootstrap hides the reason, so each is asked once more.

    The first refusal wins over any that is merely away; without one, the last reason is told.
    """
    if not isinstance(error, kafka_errors.KafkaConnectionError | TimeoutError):
        return translate(error, settings, operation=operation)
    last: BaseException = error
    for server in settings.bootstrap_servers:
        host, _, port = server.rpartition(":")
        reason = await _knock(host.strip("[]"), int(port), settings)
        if reason is None:
            continue
        found = translate(reason, settings, operation=operation)
        if not found.retryable:
            return found
        last = reason
    return translate(last, settings, operation=operation)


async def _knock(host: str, port: int, settings: KafkaSettings) -> BaseException | None:
    options = client_options(settings, "infrastructor-probe")
    options.pop("bootstrap_servers")
    options["request_timeout_ms"] = 3000
    try:
        connection = await create_conn(host, port, **options)
    except CLIENT_ERRORS as error:
        # A TLS refusal may reach the read task only, as the cause of a connection that closed.
        return error.__cause__ if isinstance(error.__cause__, ssl.SSLError) else error
    await connection.close()
    return None


def _ssl_reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).lower().replace("_", " ")


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError | asyncio.TimeoutError | kafka_errors.KafkaTimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        # asyncio puts the address in place of the system's words; a name that is unknown has a negative number.
        return (os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror).lower()
    text = str(error).split("\n", maxsplit=1)[0]
    kind = type(error).__name__
    # aiokafka's errors begin with their own name.
    return text if text.startswith(kind) else f"{kind}: {text}".removesuffix(": ")
