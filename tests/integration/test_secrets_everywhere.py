"""No secret is written anywhere: every byte that the whole system wrote is searched for those that were planted.

Real processes, real Kafka, the real database, a real sshd, and containers of a real engine where one can be started.
What is harmless and stands beside the secrets must be there: it proves that the search was in the right places.
"""

import asyncio
import base64
import json
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from psycopg import sql

from collectors.settings import spool_path
from collectors.spool.packing import plain
from runtime.kafka.options import client_options
from schemas.codec import encode
from schemas.record import RawRecord
from schemas.registry import COLLECTIONS, DEAD_LETTERS
from tests.integration.agent_process import AgentProcess, wait_for
from tests.integration.docker_engine import Engine, NoEngine, docker_engine
from tests.integration.planted import Planting, files_of, missing
from tests.integration.planted_device import run_containers, write_files, write_programs
from tests.integration.timescale_log import write_raw
from tests.integration.timescale_setup import collected, looked
from tests.integration.whole_system import WholeSystem
from tests.sshd import HOST, Sshd, free_port, needs_sshd, running_sshd

pytestmark = [pytest.mark.docker, pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(240), needs_sshd]

SECRETS = Planting("ZqX7vK3w")
POISON = Planting("PnT5wJ8y")
"""In records that are no events: their bytes are kept as they are, in their topic and as dead letters."""

RULES = """
revision: 1
rules:
  - name: nbralways
    severity: warning
    select: {metric: system.memory.limit}
    condition: {kind: above, level: 0}
    annotations: {summary: "{device}: there is memory"}
"""
EVERY = ("compose_files", "proxy_configs", "containers", "services", "network", "drives", "zfs", "packages", "gpu")
TOLD = (
    "nbrweb", "registry.example/nbrweb:2", "nbrdb", "nbrhealth", "NBR_API_KEY", "DOT_ENV_PASSWORD", "nbrconfig",
    "nbrsite.example", "nbrapp", "nbrldap", "nbrdirect", "nbrcontainer", "nbrbackup.service",
    "nbrdescription", "nbrsmart cannot log in as nbrada", "nbrgpu says", "nbralways",
)  # fmt: skip
"""What stands beside secrets, and must be in the topics and in the database."""


class Gotify(BaseHTTPRequestHandler):
    """Refuses the first message with an answer that quotes the token, and takes the others."""

    refused = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if type(self).refused == 0:
            type(self).refused = 1
            self._answer(400, {"error": f"nbrgotify does not like the key {self.headers['X-Gotify-Key']}"})
        else:
            self._answer(200, {"id": 7})

    def do_GET(self) -> None:
        self._answer(200, {"messages": [], "paging": {}})

    def _answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def gotify() -> Iterator[int]:
    with ThreadingHTTPServer((HOST, 0), Gotify) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@contextmanager
def far_device(folder: Path, engine: Engine | None) -> Iterator[Sshd]:
    """A machine over SSH whose programs print secrets."""
    write_programs(folder / "programs", SECRETS, engine=engine)
    options = f'environment="PATH={folder}/programs:/usr/local/bin:/usr/bin:/bin"'
    if engine is not None:
        options += f',environment="DOCKER_HOST={engine.host}"'
    with running_sshd(folder / "sshd", options=f"{options},restrict", more="PermitUserEnvironment yes") as server:
        yield server


@contextmanager
def listening() -> Iterator[int]:
    """A program that listens, with a secret in its command line."""
    port = free_port()
    code = f"import socket, time; s = socket.create_server(('{HOST}', {port})); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code, f"--password={SECRETS('process argument')}"])
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def settings(folder: Path, *, engine: Engine | None, gotify_port: int) -> dict[str, str]:
    named = {
        "LOG__LEVEL": "debug",
        "AGENT__INTERVAL_S": "2",
        "AGENT__REMOTE_INTERVAL_S": "2",
        "AGENT__INTERVALS": ",".join(f"{name}=2" for name in EVERY),
        "AGENT__COMPOSE_FILES": f"{folder}/srv/*/compose.yaml",
        "AGENT__PROXY_CONFIGS": f"{folder}/nginx/*.conf",
        "SSH__KNOWN_HOSTS": f"{folder}/far/sshd/known_hosts",
        "GOTIFY__URL": f"http://{HOST}:{gotify_port}",
        "GOTIFY__TOKEN_FILE": str(folder / "gotify-token"),
        "GOTIFY__CLIENT_TOKEN": SECRETS("gotify client token"),
        "GOTIFY__RETRY_FIRST_S": "0.1",
        "KAFKA__PASSWORD": SECRETS("kafka password"),
    }
    if engine is not None:
        named["AGENT__CONTAINER_SOCKETS"] = engine.host.removeprefix("unix://")
    (folder / "gotify-token").write_text(SECRETS("gotify token"))
    return {f"INFRASTRUCTOR_{name}": value for name, value in named.items()}


def send_poison(system: WholeSystem) -> None:
    look = json.loads(encode(looked(1, device="far")))
    labelled = json.loads(encode(looked(1, device="far")))
    labelled["data"]["samples"][0]["labels"] = {POISON("label"): "x"}
    bad: list[object] = [
        look | {"type": f"infrastructor.{POISON('type')}.v1"},
        look | {"time": POISON("time")},
        look | {"source": POISON("source")},
        look | {"data": POISON("data")},
        labelled,
    ]
    values = [f"no json, password={POISON('no json')}".encode(), *(json.dumps(one).encode() for one in bad)]
    # An event as it should be, under a key that is not its subject.
    records = [*((b"far", value) for value in values), (POISON("key").encode(), encode(collected(1, device="far")))]
    asyncio.run(write_raw(system.kafka, COLLECTIONS, records))


def operate(system: WholeSystem, folder: Path) -> None:
    """Ask for what commands print: of looks that see secrets, of looks that fail, of settings, of dead letters."""
    asked = {
        "look at files": ("collect", "compose_files", "--force"),
        "look at containers": ("collect", "containers", "--device", "far", "--force"),
        "look at services": ("collect", "services", "--device", "far", "--output", "ndjson"),
        "look at drives": ("collect", "drives", "--device", "far"),
        "raw": ("collect", "compose_files", "--raw-dir", str(folder / "raw")),
        "settings": ("config", "show"),
        "dead letters": ("dead-letters", "list"),
        "device": ("devices", "test", "far"),
    }
    with ThreadPoolExecutor(3) as pool:
        codes = dict(zip(asked, pool.map(lambda name: system.run(name, *asked[name]), asked), strict=True))
    assert codes == dict.fromkeys(asked, 0) | {"look at drives": 69, "device": codes["device"]}
    raw = next((folder / "raw").iterdir())
    assert system.run("parse", "parse", "compose_files", given=raw.read_bytes()) == 0
    elsewhere = {"INFRASTRUCTOR_DATA_DIR": str(folder / "alone")}
    assert system.run("alone", "collect", "proxy_configs", "--output", "ndjson", more=elsewhere) == 0
    for name, wanted in {
        "alone": "nbrdirect",
        "look at containers": "nbrcontainer",
        "look at services": "nbrdescription",
        "look at drives": "nbrsmart cannot log in as nbrada",
        "settings": "INFRASTRUCTOR_GOTIFY__TOKEN",
        "dead letters": "device_status",
        "device": "host key",
        "parse": "nbrhealth",
    }.items():
        assert wanted in system.printed(name), name


def everything_in_kafka(system: WholeSystem) -> list[RawRecord]:
    async def names() -> list[str]:
        client = AIOKafkaAdminClient(**client_options(system.kafka, "test"))
        await client.start()
        try:
            return [name for name in await client.list_topics() if name != "__consumer_offsets"]
        finally:
            await client.close()

    return system.records(*asyncio.run(names()))


def bytes_of(raw: RawRecord, *, whole: bool = True) -> bytes:
    """Return what is in a record; of a poisoned one, what is not the original."""
    own = [raw.key or b"", raw.value or b""] if whole else []
    return b"\n".join([*own, *(part for name, value in raw.headers for part in (name.encode(), value))])


def everything_in_the_database(system: WholeSystem) -> dict[str, bytes]:
    """Return each table and view as text."""
    found = {}
    with psycopg.connect(system.database_url) as connection:
        tables = connection.execute(
            "SELECT table_schema, table_name, array_agg(column_name::text ORDER BY ordinal_position) "
            "FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema') "
            "GROUP BY 1, 2"
        ).fetchall()
        for schema, table, columns in tables:
            # Of dead letters, the original bytes of what is no event are searched apart.
            hidden = {"key", "value"} if table == "dead_letters" else set()
            listed = sql.SQL(", ").join(sql.Identifier(column) for column in columns if column not in hidden)
            query = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(listed, sql.Identifier(schema, table))
            with connection.cursor() as cursor, cursor.copy(query) as copy:
                found[f"{schema}.{table}"] = b"".join(bytes(part) for part in copy)
    return found


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine | None]:
    with ExitStack() as stack:
        try:
            made = stack.enter_context(docker_engine())
            run_containers(made, SECRETS)
            started: Engine | None = made
        except NoEngine as error:
            print(f"without a real engine: {error}")
            started = None
        yield started


def test_the_search_finds_every_form() -> None:
    secret = SECRETS("itself")
    for text in (
        secret.encode(),
        SECRETS.in_address("itself").encode(),
        secret[: len(secret) // 2].encode(),
        secret[-8:].encode(),
        secret.upper().encode(),
        json.dumps({"x": secret}).encode(),
        *(base64.b64encode(b"nbrada:"[:count] + secret.encode()) for count in range(7)),
        b"\\x" + secret.encode().hex().encode(),
    ):
        assert SECRETS.found("here", b"some\0bytes " + text + b" more"), text
        assert not POISON.found("here", text)
    assert not SECRETS.found("here", b"Zq X7vK 3w")
    assert missing(["a", "b"], b"xbx") == ["a"]


def test_no_secret_is_written_anywhere(tmp_path: Path, engine: Engine | None) -> None:
    write_files(tmp_path, SECRETS, version=1)
    (tmp_path / "far").mkdir()
    with gotify() as gotify_port, listening() as port, far_device(tmp_path / "far", engine) as sshd:
        system = WholeSystem(tmp_path, settings(tmp_path, engine=engine, gotify_port=gotify_port), rules=RULES)
        system.data_dir.mkdir()
        far = f"{{id: far, host: {HOST}, port: {sshd.port}, key: {sshd.key}}}"
        (system.data_dir / "devices.yaml").write_text(f"devices:\n- {far}\n")
        with system:
            await_everything(system, engine=engine)
            write_files(tmp_path, SECRETS, version=2)
            send_poison(system)
            changed = "SELECT DISTINCT device_id, entity FROM config_changes WHERE diff IS NOT NULL"
            system.until("what changed in files is told", partial(system.has, 4, changed))
            letters = "SELECT consumer, count(*) FROM dead_letters GROUP BY 1 HAVING count(*) >= 7"
            system.until("the poison is dead letters", partial(system.has, 2, letters))
            operate(system, tmp_path)
            pages = system.pages()
            records, tables = everything_in_kafka(system), everything_in_the_database(system)
            spool = waiting(system.data_dir)
            password = (system.data_dir / "postgres" / "password").read_bytes()
    files = {path: path.read_bytes() for path in files_of(system.data_dir, system.written)}
    written = {str(path.relative_to(tmp_path)): data for path, data in files.items()}
    written |= {f"page {name}": text.encode() for name, text in pages.items()} | {"spool, running": spool}
    were_read(written, records, tables, port=port)
    leaks = [one for where, data in {**written, **tables}.items() for one in SECRETS.found(where, data)]
    leaks += [one for raw in records for one in SECRETS.found(f"{raw.topic} {raw.offset}", bytes_of(raw))]
    assert not leaks, "\n".join(leaks[:40])
    poison_is_only_in_the_originals(written, records, tables)
    raw_output_is_its_owner_s(tmp_path / "raw")
    holding = {path for path, data in files.items() if password in data}
    assert {path.name for path in holding} == {"password", "pgpass"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in holding} == {0o600}


def test_no_secret_waits_in_a_spool(tmp_path: Path, engine: Engine | None) -> None:
    write_files(tmp_path, SECRETS, version=1)
    named = settings(tmp_path, engine=engine, gotify_port=1) | {
        "INFRASTRUCTOR_AGENT__COLLECTORS": "identity,system,compose_files,proxy_configs,containers",
        "INFRASTRUCTOR_AGENT__FLUSH_S": "0",
    }
    agent = AgentProcess(f"{HOST}:{free_port()}", tmp_path / "data", "box", more=named)
    wanted = ["nbrhealth", "nbrapp", *(["nbrcontainer"] if engine is not None else [])]
    with agent.running() as process:
        wait_for("files and containers are in the spool", lambda: not missing(wanted, waiting(agent.data_dir)))
        write_files(tmp_path, SECRETS, version=2)
        wait_for(
            "the differences are, too", lambda: not missing(["+    image: ", "nbrvalue"], waiting(tmp_path / "data"))
        )
        agent.ended(process)
    held = waiting(tmp_path / "data")
    assert not SECRETS.found("spool", held)
    for path in files_of(tmp_path / "data"):
        assert not SECRETS.found(path.name, path.read_bytes())


def waiting(data_dir: Path) -> bytes:
    """Return everything that a spool holds, unpacked."""
    path = spool_path(data_dir)
    if not path.exists():
        return b""
    parts: list[bytes] = []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            for row in connection.execute(f'SELECT * FROM "{name}"'):
                parts += [plain(one) if isinstance(one, bytes) else str(one).encode() for one in row]
    return b"\n".join(parts)


def await_everything(system: WholeSystem, *, engine: Engine | None) -> None:
    devices = 1 if engine is None else 2
    for what, count, statement in (
        ("files", 4, "SELECT DISTINCT device_id, path FROM config_files WHERE path LIKE '%nbr%'"),
        ("containers", devices, "SELECT device_id FROM containers WHERE name = 'nbrcontainer'"),
        ("services", 1, "SELECT unit FROM services WHERE unit = 'nbrbackup.service'"),
        ("failures", 2, "SELECT DISTINCT collector FROM collections WHERE message LIKE '%nbr%'"),
        ("notification", 1, "SELECT * FROM notifications WHERE outcome = 'failed'"),
    ):
        system.until(what, partial(system.has, count, statement))


def were_read(written: dict[str, bytes], records: list[RawRecord], tables: dict[str, bytes], *, port: int) -> None:
    """Assert that what was searched is what was meant to be: the harmless neighbours of secrets are in it."""
    assert len(records) > 100
    assert missing(TOLD, b"\n".join(map(bytes_of, records))) == []
    assert missing(TOLD, b"\n".join(tables.values())) == []
    assert missing(["nbrweb", "nbrapp", "nbrldap", "nbrvalue"], written["spool, running"]) == []


def poison_is_only_in_the_originals(
    written: dict[str, bytes], records: list[RawRecord], tables: dict[str, bytes]
) -> None:
    """Assert that nobody quotes what was no event; Kafka's and the database's own files hold it as it came.

    `dead-letters list` shows the originals to its operator.
    """
    own = ("data/kafka/", "data/postgres/", "written/dead letters")
    leaks = [one for where, data in written.items() if not where.startswith(own) for one in POISON.found(where, data)]
    leaks += [one for where, data in tables.items() for one in POISON.found(where, data)]
    originals = {raw.value for raw in records if POISON.found("", bytes_of(raw))}
    for raw in records:
        original = raw.topic in (COLLECTIONS, DEAD_LETTERS)
        leaks += POISON.found(f"{raw.topic} {raw.offset}", bytes_of(raw, whole=not original))
    assert len(originals) == len(POISON.made)
    assert not leaks, "\n".join(leaks[:40])


def raw_output_is_its_owner_s(folder: Path) -> None:
    """Assert that raw output, which its operator asked for, holds the secrets, and is nobody else's to read."""
    (file,) = folder.iterdir()
    assert SECRETS.found("raw", file.read_bytes())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
