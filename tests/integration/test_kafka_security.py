"""Logins on a real broker: SASL over TLS (PLAIN and SCRAM), client certificates, and what is told of a refusal."""

import asyncio
import datetime
import ipaddress
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faust
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pydantic import SecretStr

from deploy.local.broker import Broker, BrokerOptions
from runtime.errors import InfrastructorError, KafkaRefused, SettingsInvalid
from runtime.kafka.admin import admin
from runtime.kafka.consumer import read_topics
from runtime.kafka.options import faust_broker_options, ssl_context
from runtime.kafka.plan import CreateTopic
from runtime.kafka.producer import KafkaProducer, Outgoing
from runtime.settings import KafkaSettings, World, load

pytestmark = pytest.mark.kafka

STORE_PASSWORD = "of-the-stores"
KEY_PASSWORD = "of-the-key"
NOW = datetime.datetime.now(datetime.UTC)


@dataclass(frozen=True)
class Authority:
    """A certificate authority of this test, and what it signs, as PEM and as Java's PKCS#12."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def made(cls, folder: Path, name: str) -> "Authority":
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _named(name, name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    key_cert_sign=True,
                    crl_sign=True,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        authority = cls(folder, key, certificate)
        authority.pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return authority

    @property
    def pem(self) -> Path:
        return self.folder / "ca.pem"

    def sign(self, name: str) -> tuple[Path, Path]:
        """Return the paths of certificate and encrypted key, both PEM; a PKCS#12 of the two lies beside them."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        certificate = (
            _named(name, str(issuer), key.public_key())
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        paths = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(KEY_PASSWORD.encode()),
            )
        )
        (self.folder / f"{name}.p12").write_bytes(
            pkcs12.serialize_key_and_certificates(
                name.encode(),
                key,
                certificate,
                [self.certificate],
                serialization.BestAvailableEncryption(STORE_PASSWORD.encode()),
            )
        )
        return paths


def _named(name: str, issuer: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - datetime.timedelta(hours=1))
        .not_valid_after(NOW + datetime.timedelta(days=1))
    )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority.made(tmp_path_factory.mktemp("ca"), "test authority")
    authority.sign("broker")
    authority.sign("client")
    return authority


def _stores(authority: Authority) -> dict[str, str]:
    folder = authority.folder
    return {
        "listener.name.client.ssl.keystore.type": "PKCS12",
        "listener.name.client.ssl.keystore.location": str(folder / "broker.p12"),
        "listener.name.client.ssl.keystore.password": STORE_PASSWORD,
        "listener.name.client.ssl.key.password": STORE_PASSWORD,
        "listener.name.client.ssl.truststore.type": "PEM",
        "listener.name.client.ssl.truststore.location": str(authority.pem),
    }


@pytest.fixture(scope="module")
def sasl_broker(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """SASL over TLS: PLAIN knows a user, SCRAM's credentials are made through the broker's plain listener."""
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_infra="right-password";'
    mechanisms = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"
    properties = _stores(authority) | {
        "sasl.enabled.mechanisms": mechanisms,
        "listener.name.client.sasl.enabled.mechanisms": mechanisms,
        "listener.name.client.plain.sasl.jaas.config": plain,
        "listener.name.client.scram-sha-256.sasl.jaas.config": scram,
        "listener.name.client.scram-sha-512.sasl.jaas.config": scram,
    }
    folder = tmp_path_factory.mktemp("sasl")
    broker = Broker(folder, options=BrokerOptions(protocol="SASL_SSL", properties=properties))
    broker.start()
    try:
        # One by one: Kafka alters a user once in a request.
        _add_scram_user(broker, "SCRAM-SHA-256")
        _add_scram_user(broker, "SCRAM-SHA-512")
        yield broker
    finally:
        broker.stop()


def _add_scram_user(broker: Broker, mechanism: str) -> None:
    server = ("--bootstrap-server", broker.internal_bootstrap)
    entity = ("--entity-type", "users", "--entity-name", "infra")
    change = ("--alter", "--add-config", f"{mechanism}=[password=right-password]")
    command = broker._java(main=("kafka.admin.ConfigCommand", *server, *entity, *change))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def tls_broker(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """TLS, and nobody without a certificate of ours."""
    properties = _stores(authority) | {"listener.name.client.ssl.client.auth": "required"}
    broker = Broker(tmp_path_factory.mktemp("tls"), options=BrokerOptions(protocol="SSL", properties=properties))
    broker.start()
    yield broker
    broker.stop()


def sasl_settings(broker: Broker, authority: Authority, **changed: str) -> KafkaSettings:
    """Settings as an operator gives them: by environment variables."""
    given = {
        "BOOTSTRAP_SERVERS": broker.bootstrap,
        "SECURITY_PROTOCOL": "SASL_SSL",
        "MECHANISM": "PLAIN",
        "USERNAME": "infra",
        "PASSWORD": "right-password",
        "CA_FILE": str(authority.pem),
        "PATIENCE_S": "3",
    } | changed
    return load(KafkaSettings, World.here({f"INFRASTRUCTOR_KAFKA__{name}": value for name, value in given.items()}))


async def round_trip(settings: KafkaSettings, topic: str) -> bytes | None:
    """Create a topic, send to it, and read it: admin, producer and consumer log in, each on its own."""
    async with admin(settings) as cluster:
        await cluster.create([CreateTopic(topic, 1, 1, {})])
    producer = KafkaProducer(settings, "test")
    await producer.send([Outgoing(topic, b"key", b"value")])
    await producer.close()
    values = [raw.value async for raw in read_topics(settings, [topic])]
    return values[-1]


async def refusal(settings: KafkaSettings) -> KafkaRefused:
    with pytest.raises(KafkaRefused) as failed:
        async with admin(settings):
            pass
    assert "\n" not in failed.value.message
    assert "right-password" not in failed.value.message
    assert not failed.value.retryable
    return failed.value


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_login_over_tls(sasl_broker: Broker, authority: Authority, mechanism: str) -> None:
    settings = sasl_settings(sasl_broker, authority, MECHANISM=mechanism)
    assert await round_trip(settings, mechanism.lower()) == b"value"


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
async def test_a_wrong_password_is_one_line_at_once(sasl_broker: Broker, authority: Authority, mechanism: str) -> None:
    settings = sasl_settings(sasl_broker, authority, MECHANISM=mechanism, PASSWORD="wrong-password", PATIENCE_S="60")
    error = await refusal(settings)
    assert f"refused the login of infra with {mechanism}" in error.message
    assert "INFRASTRUCTOR_KAFKA__PASSWORD" in error.message
    assert "wrong-password" not in str(error.to_dict())


async def test_a_broker_signed_by_others_is_not_trusted(
    sasl_broker: Broker, authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority.made(tmp_path / "other", "another authority")
    error = await refusal(sasl_settings(sasl_broker, stranger))
    assert "certificate that is not trusted" in error.message
    assert "INFRASTRUCTOR_KAFKA__CA_FILE" in error.message


async def test_plain_text_on_a_tls_port_is_told(sasl_broker: Broker) -> None:
    settings = KafkaSettings(bootstrap_servers=(sasl_broker.bootstrap,), patience_s=1)
    with pytest.raises(InfrastructorError, match="INFRASTRUCTOR_KAFKA__SECURITY_PROTOCOL"):
        async with admin(settings):
            pass


def tls_settings(broker: Broker, authority: Authority) -> KafkaSettings:
    return KafkaSettings(
        bootstrap_servers=(broker.bootstrap,), security_protocol="SSL", ca_file=authority.pem, patience_s=3
    )


async def test_a_client_certificate(tls_broker: Broker, authority: Authority) -> None:
    settings = tls_settings(tls_broker, authority).model_copy(
        update={
            "cert_file": authority.folder / "client.pem",
            "key_file": authority.folder / "client.key",
            "key_password": SecretStr(KEY_PASSWORD),
        }
    )
    assert await round_trip(settings, "mutual") == b"value"


async def test_without_a_client_certificate_it_is_one_line(tls_broker: Broker, authority: Authority) -> None:
    error = await refusal(tls_settings(tls_broker, authority))
    assert "INFRASTRUCTOR_KAFKA__CERT_FILE" in error.message


def test_a_key_with_another_password_names_the_variable(authority: Authority) -> None:
    settings = KafkaSettings(
        security_protocol="SSL",
        ca_file=authority.pem,
        cert_file=authority.folder / "client.pem",
        key_file=authority.folder / "client.key",
        key_password=SecretStr("another"),
    )
    with pytest.raises(SettingsInvalid, match="INFRASTRUCTOR_KAFKA__KEY_PASSWORD"):
        ssl_context(settings)


async def test_faust_logs_in_with_the_same_settings(sasl_broker: Broker, authority: Authority, tmp_path: Path) -> None:
    settings = sasl_settings(sasl_broker, authority, MECHANISM="SCRAM-SHA-512")
    await round_trip(settings, "faust")
    app = faust.App("faust-login", store="memory://", datadir=tmp_path, **faust_broker_options(settings))
    seen = asyncio.Event()

    async def body(stream: Any) -> None:
        async for value in stream:
            assert value == b"value"
            seen.set()

    app.agent(app.topic("faust", value_serializer="raw"))(body)
    app.finalize()
    async with app:
        await asyncio.wait_for(seen.wait(), 30)
