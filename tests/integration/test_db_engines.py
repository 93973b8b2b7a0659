"""Engines for queries on a real server: what each session has, how pools are counted, patience, and TLS."""

import asyncio
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr, ValidationError
from sqlalchemy import text

from deploy.local.database import LocalPostgres
from runtime import engines
from runtime.engines import PoolStatistics, async_engine, driver, engine, pool_statistics, querying
from runtime.errors import DatabaseRefused, DatabaseUnavailable, InfrastructorError
from runtime.postgres import connect
from runtime.settings import PostgresSettings
from tests.conftest import TestDatabase
from tests.integration.tls_front import tls_front

pytestmark = pytest.mark.postgres

SHOWN = ("TimeZone", "jit", "statement_timeout", "idle_in_transaction_session_timeout", "application_name")


@pytest.fixture
def settings(postgres: TestDatabase) -> PostgresSettings:
    return PostgresSettings(url=SecretStr(postgres.url), statement_timeout_s=7, idle_in_transaction_timeout_s=3)


async def test_both_engines_have_what_every_connection_has(settings: PostgresSettings) -> None:
    expected = ["UTC", "off", "7s", "3s", "test"]
    question = text("SELECT current_setting(:name)")
    sync = engine(settings, "test")
    with sync.connect() as connection:
        assert [connection.scalar(question, {"name": name}) for name in SHOWN] == expected
    sync.dispose()
    one = async_engine(settings, "test")
    async with one.connect() as session:
        assert [await session.scalar(question, {"name": name}) for name in SHOWN] == expected
    await one.dispose()


async def test_pools_are_counted(settings: PostgresSettings) -> None:
    made = async_engine(settings, "test")
    assert pool_statistics(made) == PoolStatistics(size=2, most=5, open=0, in_use=0)
    async with made.connect() as first:
        await first.execute(text("SELECT 1"))
        async with made.connect() as second:
            await second.execute(text("SELECT 1"))
            assert pool_statistics(made) == PoolStatistics(size=2, most=5, open=2, in_use=2)
    after = pool_statistics(made)
    assert (after.in_use, after.idle) == (0, 2)
    await made.dispose()
    with querying(settings, "test") as sync:
        assert pool_statistics(sync) == PoolStatistics(size=2, most=5, open=1, in_use=0)


def test_a_pool_that_is_used_up_is_told_of(settings: PostgresSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "WAIT_S", 0.1)
    lent: list[object] = []

    def borrow() -> None:
        with querying(settings, "test") as made:
            lent.extend(made.connect() for _ in range(6))

    with pytest.raises(DatabaseUnavailable, match="every one of 5 connections"):
        borrow()


def test_what_fails_in_the_block_is_in_our_words_or_the_drivers(settings: PostgresSettings) -> None:
    def ask(*statements: str, of: PostgresSettings = settings) -> None:
        with querying(of, "test") as made, made.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    with pytest.raises(psycopg.errors.UndefinedTable):
        ask("SELECT * FROM moons")
    with pytest.raises(DatabaseUnavailable, match="statement timeout"):
        ask("SET statement_timeout = 10", "SELECT pg_sleep(5)")
    other = SecretStr(f"{settings.url.get_secret_value()}x" if settings.url else "")
    with pytest.raises(DatabaseRefused):
        ask(of=settings.model_copy(update={"url": other}))


def test_a_command_waits_for_a_database_that_is_away(settings: PostgresSettings) -> None:
    away = PostgresSettings(host="127.0.0.1", port=9, patience_s=0.9)
    told: list[InfrastructorError] = []
    with pytest.raises(DatabaseUnavailable), querying(away, "test", waiting=told.append):
        pass
    assert told
    at_once = PostgresSettings(host="127.0.0.1", port=9, patience_s=0)
    told.clear()
    with pytest.raises(DatabaseUnavailable), querying(at_once, "test", waiting=told.append):
        pass
    assert told == []


@dataclass(frozen=True, slots=True)
class Certified:
    """Where TLS is taken, with a certificate of the client, and nothing else; and the files of a client."""

    url: str
    port: int
    root: Path
    cert: Path
    key: Path
    stranger: Path

    def settings(self, **changes: object) -> PostgresSettings:
        parts = conninfo_to_dict(self.url)
        given: dict[str, object] = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": parts["user"],
            "password": SecretStr(str(parts["password"])),
            "name": parts["dbname"],
            "sslmode": "verify-full",
            "sslrootcert": self.root,
            "sslcert": self.cert,
            "sslkey": self.key,
            "patience_s": 0,
        }
        return PostgresSettings.model_validate(given | changes)


@pytest.fixture(scope="module")
def certified(postgres_server: LocalPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certified]:
    folder = tmp_path_factory.mktemp("tls")
    root, stranger = folder / "root.pem", folder / "stranger.pem"
    authority = _authority(root)
    _authority(stranger)
    server_cert, server_key = _certificate(authority, folder / "server", "127.0.0.1")
    cert, key = _certificate(authority, folder / "client", "infrastructor")
    with tls_front(("127.0.0.1", postgres_server.port), root=root, cert=server_cert, key=server_key) as port:
        yield Certified(postgres_server.url, port, root, cert, key, stranger)


Authority = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _authority(file: Path) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, file.stem)])
    made = _signed(name, key, (name, key), ca=True)
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return made, key


def _certificate(authority: Authority, file: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = _signed(subject, key, (authority[0].subject, authority[1]), ca=False)
    cert, secret = file.with_suffix(".pem"), file.with_suffix(".key")
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    secret.chmod(0o600)
    return cert, secret


def _signed(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: tuple[x509.Name, ec.EllipticCurvePrivateKey],
    *,
    ca: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0])
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(issuer[1], hashes.SHA256())
    )


def test_tls_with_certificates_of_both_sides(certified: Certified) -> None:
    settings = certified.settings()
    with querying(settings, "test") as made, made.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
        assert driver(connection).pgconn.ssl_in_use

    async def by_the_write_path() -> bool:
        async with await connect(settings, "test") as connection:
            return bool(connection.pgconn.ssl_in_use)

    assert asyncio.run(by_the_write_path())


@pytest.mark.parametrize(
    "wrong",
    ["no certificate", "no encryption", "another authority", "another name"],
)
def test_tls_refuses_what_is_not_right(certified: Certified, wrong: str) -> None:
    changes: dict[str, dict[str, object]] = {
        "no certificate": {"sslcert": None, "sslkey": None},
        "no encryption": {"sslmode": "disable"},
        "another authority": {"sslrootcert": certified.stranger},
        "another name": {"host": "localhost"},
    }
    with (
        pytest.raises(DatabaseRefused, match=r"certificate|pg_hba"),
        querying(certified.settings(**changes[wrong]), "test"),
    ):
        pass


def test_a_certificate_and_its_key_go_together(tmp_path: Path) -> None:
    file = tmp_path / "client.pem"
    file.write_text("")
    with pytest.raises(ValidationError, match="set both or none"):
        PostgresSettings(sslcert=file)
    with pytest.raises(ValidationError, match="there is no such file"):
        PostgresSettings(sslcert=file, sslkey=tmp_path / "none")
