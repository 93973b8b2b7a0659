"""How to reach Kafka: one concern that serves aiokafka, Faust and the administration of topics."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from runtime.durations import duration
from runtime.settings.concern import CommaList, Concern, SettingProblem

MIB = 1024 * 1024

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


def _retentions(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    return {topic.strip(): duration(length) for topic, _, length in pairs}


class KafkaSettings(Concern):
    """Kafka: where it is, how to log in, and what its topics get that depends on the cluster."""

    group: ClassVar[str] = "KAFKA"
    title: ClassVar[str] = "Kafka"

    bootstrap_servers: CommaList = Field(
        ("localhost:9092",),
        description="Brokers to ask first, host:port, with commas between.",
        examples=["kafka-1:9092,kafka-2:9092"],
    )
    security_protocol: SecurityProtocol = Field(
        "PLAINTEXT", description="How the connection is secured.", examples=["SASL_SSL"]
    )
    mechanism: Mechanism = Field("PLAIN", description="The SASL mechanism of a login.", examples=["SCRAM-SHA-512"])
    username: str | None = Field(None, description="The name of a SASL login.", examples=["infrastructor"])
    password: SecretStr | None = Field(None, description="The password of a SASL login.", examples=["…"])
    ca_file: Path | None = Field(
        None,
        description="Certificates (PEM) that sign the brokers'; the system's when not set.",
        examples=["/etc/infrastructor/ca.pem"],
    )
    cert_file: Path | None = Field(
        None, description="Client certificate (PEM, with its chain).", examples=["/etc/infrastructor/client.pem"]
    )
    key_file: Path | None = Field(
        None, description="Private key (PEM) of the client certificate.", examples=["/etc/infrastructor/client.key"]
    )
    key_password: SecretStr | None = Field(None, description="Password of the private key.", examples=["…"])

    replication_factor: int = Field(
        1, ge=1, le=32767, description="Copies of each partition, changelogs included.", examples=["3"]
    )
    min_insync_replicas: int = Field(
        1, ge=1, le=32767, description="Copies that must have a record before it is acknowledged.", examples=["2"]
    )
    retention: Annotated[dict[str, timedelta], BeforeValidator(_retentions)] = Field(
        default_factory=dict,
        description="Retention that differs from topics.yaml, by topic.",
        examples=["infra.metrics=3d,infra.status=90d"],
    )
    topics_file: Path | None = Field(
        None,
        description="The list of topics; the one that comes with this version when not set.",
        examples=["topics.yaml"],
    )

    session_timeout_s: float = Field(
        10, ge=1, le=300, description="A consumer silent for so long has left its group.", examples=["10"]
    )
    heartbeat_s: float = Field(3, gt=0, le=100, description="Seconds between heartbeats of a consumer.", examples=["3"])
    request_timeout_s: float = Field(
        20, ge=1, le=300, description="A request, and a batch not yet sent, fails after so long.", examples=["20"]
    )
    patience_s: float = Field(
        10, ge=0, le=600, description="A command gives up on a broker that is away after so long.", examples=["10"]
    )
    max_request_bytes: int = Field(
        10 * MIB, ge=MIB, le=100 * MIB, description="Largest request and largest record sent.", examples=["10485760"]
    )
    fetch_bytes: int = Field(
        16 * MIB,
        ge=MIB,
        le=512 * MIB,
        description="Most that one fetch brings, all partitions together.",
        examples=["16777216"],
    )
    linger_ms: int = Field(
        10, ge=0, le=1000, description="How long a batch waits for company, milliseconds.", examples=["10"]
    )
    batch_bytes: int = Field(
        256 * 1024,
        ge=1024,
        le=8 * MIB,
        description="Batch size a partition, bytes before compression.",
        examples=["262144"],
    )

    @field_validator("bootstrap_servers")
    @classmethod
    def _servers(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        if not servers:
            raise ValueError("names no broker")
        for server in servers:
            host, _, port = server.rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65536:
                raise ValueError(f"{server!r} is not host:port")
        return servers

    @field_validator("ca_file", "cert_file", "key_file")
    @classmethod
    def _readable(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError("there is no such file")
        return path

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.uses_sasl:
            for field in ("username", "password"):
                if not getattr(self, field):
                    raise SettingProblem(field, f"is required with {self.security_protocol}")
        if (self.cert_file is None) != (self.key_file is None):
            missing = "key_file" if self.key_file is None else "cert_file"
            raise SettingProblem(missing, "certificate and key of the client go together")
        if self.cert_file and not self.uses_tls:
            raise SettingProblem("security_protocol", "a client certificate needs SSL or SASL_SSL")
        if self.min_insync_replicas > self.replication_factor:
            raise SettingProblem("min_insync_replicas", "is above the replication factor: nothing could be written")
        if self.heartbeat_s > self.session_timeout_s / 3:
            # Kafka's own advice: three heartbeats must fit, else one delayed answer costs a rebalance.
            raise SettingProblem("heartbeat_s", "must be at most a third of the session timeout")
        if self.session_timeout_s > self.request_timeout_s:
            raise SettingProblem("request_timeout_s", "must be at least the session timeout")
        return self

    @property
    def uses_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.security_protocol in {"SSL", "SASL_SSL"}

    @property
    def uses_sasl(self) -> bool:
        """Whether a name and a password are sent."""
        return self.security_protocol in {"SASL_PLAINTEXT", "SASL_SSL"}

    @property
    def servers(self) -> str:
        """The brokers as people write them: `host:port,host:port`."""
        return ",".join(self.bootstrap_servers)
