"""One set of Kafka settings as each client wants it: aiokafka's producer, consumer and admin, and Faust."""

import ssl
from typing import Any

from runtime.errors import SettingsInvalid
from runtime.settings.kafka import KafkaSettings


def client_options(settings: KafkaSettings, client_id: str) -> dict[str, Any]:
    """Return the options that every aiokafka client takes; SettingsInvalid when a certificate cannot be read."""
    options: dict[str, Any] = {
        "bootstrap_servers": list(settings.bootstrap_servers),
        "client_id": client_id,
        "request_timeout_ms": int(settings.request_timeout_s * 1000),
        "security_protocol": settings.security_protocol,
        "ssl_context": ssl_context(settings),
    }
    if settings.uses_sasl:
        options |= {
            "sasl_mechanism": settings.mechanism,
            "sasl_plain_username": settings.username,
            "sasl_plain_password": _password(settings),
        }
    return options


def producer_options(settings: KafkaSettings, client_id: str) -> dict[str, Any]:
    """Return the options of an idempotent producer that waits for every replica in sync."""
    return client_options(settings, client_id) | {
        "acks": "all",
        "enable_idempotence": True,
        "compression_type": "zstd",
        "linger_ms": settings.linger_ms,
        "max_batch_size": settings.batch_bytes,
        "max_request_size": settings.max_request_bytes,
    }


def consumer_options(settings: KafkaSettings, client_id: str, *, group: str | None) -> dict[str, Any]:
    """Return the options of a consumer of raw bytes that commits only when told; `group` None: no group."""
    return client_options(settings, client_id) | {
        "group_id": group,
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
        "session_timeout_ms": int(settings.session_timeout_s * 1000),
        "heartbeat_interval_ms": int(settings.heartbeat_s * 1000),
        "fetch_max_bytes": settings.fetch_bytes,
        "max_partition_fetch_bytes": settings.max_request_bytes,
    }


def faust_broker_options(settings: KafkaSettings) -> dict[str, Any]:
    """Return keyword arguments for `faust.App`: broker, login, timeouts, sizes. Imports Faust when called."""
    return {
        "broker": ";".join(f"kafka://{server}" for server in settings.bootstrap_servers),
        "broker_credentials": _faust_credentials(settings),
        "broker_session_timeout": settings.session_timeout_s,
        "broker_heartbeat_interval": settings.heartbeat_s,
        "broker_request_timeout": settings.request_timeout_s,
        "consumer_auto_offset_reset": "earliest",
        "consumer_max_fetch_size": settings.max_request_bytes,
        "producer_acks": -1,
        "producer_compression_type": "zstd",
        "producer_linger": settings.linger_ms / 1000,
        "producer_max_batch_size": settings.batch_bytes,
        "producer_max_request_size": settings.max_request_bytes,
        "topic_replication_factor": settings.replication_factor,
        # Topics are created by `infrastructor topics apply`, with configurations that Faust does not know.
        "topic_allow_declare": False,
        "topic_disable_leader": True,
    }


def ssl_context(settings: KafkaSettings) -> ssl.SSLContext | None:
    """Return the TLS context, None without TLS; SettingsInvalid names the file that cannot be used."""
    if not settings.uses_tls:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except (ssl.SSLError, OSError) as error:
        raise _unusable(settings, "ca_file", error) from error
    if settings.cert_file and settings.key_file:
        secret = settings.key_password.get_secret_value() if settings.key_password else ""
        try:
            # A function, for without a password OpenSSL would ask on the terminal and wait for ever.
            context.load_cert_chain(settings.cert_file, settings.key_file, password=lambda: secret)
        except (ssl.SSLError, OSError, ValueError) as error:
            raise _unusable(settings, "key_file", error) from error
    return context


def _unusable(settings: KafkaSettings, field: str, error: Exception) -> SettingsInvalid:
    name = settings.variable(field)
    reason = getattr(error, "reason", None) or str(error)
    hint = f"; is {settings.variable('key_password')} right?" if field == "key_file" else ""
    return SettingsInvalid(
        f"{name}: {getattr(settings, field)} cannot be used as PEM ({reason}){hint}",
        operation="prepare TLS for Kafka",
        variables=[name],
    )


def _password(settings: KafkaSettings) -> str:
    return settings.password.get_secret_value() if settings.password else ""


def _faust_credentials(settings: KafkaSettings) -> object | None:
    if settings.security_protocol == "PLAINTEXT":
        return None
    # Imported here: the agent and the sinks use this module and must not carry Faust.
    import faust  # noqa: PLC0415

    context = ssl_context(settings)
    if not settings.uses_sasl:
        return faust.SSLCredentials(context)
    return faust.SASLCredentials(
        username=settings.username,
        password=_password(settings),
        ssl_context=context,
        mechanism=settings.mechanism,
    )
