"""Logs: for people and machines, without secrets, errors shortened, the correlation id on each line."""

import asyncio
import io
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import KafkaRefused, SettingsInvalid
from runtime.log import bind_correlation, configure_logging, get_logger
from runtime.redact import Redactor, sanitised
from runtime.settings import LogSettings


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    level = logging.getLogger().level
    yield
    root = logging.getLogger()
    for handler in [h for h in root.handlers if getattr(h, "_infrastructor", False)]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    logging.getLogger("aiokafka").setLevel(logging.NOTSET)


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def as_json(out: io.StringIO, *secrets: str, **settings: Any) -> None:
    configure_logging(LogSettings(format="json", **settings), process="agent", secrets=secrets, stream=out)


def test_a_line_for_machines(out: io.StringIO) -> None:
    as_json(out)
    get_logger("collectors.agent", device="web-1").info("looked", samples=50)
    (line,) = lines(out)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "looked",
        "device": "web-1",
        "samples": 50,
        "level": "info",
        "logger": "collectors.agent",
        "process": "agent",
    }


def test_a_line_for_people_is_one_line(out: io.StringIO) -> None:
    configure_logging(LogSettings(format="console"), process="agent", stream=out)
    get_logger("x").warning("bad\nnews", why="a\x1b[31mred")
    text = out.getvalue()
    assert text.count("\n") == 1
    assert "bad news" in text
    assert "\x1b" not in text


def test_a_stream_that_is_no_terminal_gets_json(out: io.StringIO) -> None:
    configure_logging(LogSettings(), process="agent", stream=out)
    get_logger("x").info("hello")
    assert lines(out)[0]["event"] == "hello"


def test_secrets_are_masked_by_name_by_shape_and_by_value(out: io.StringIO) -> None:
    as_json(out, "hunter22")
    get_logger("x").info(
        "sent hunter22 on",
        password="abc",
        headers={"Authorization": "Basic Zm9vOmJhcg==", "x-gotify-key": "k", "plain": "Bearer abcdefghijkl"},
        urls=["postgresql://me:secret@db/x", "kafka://plain"],
        max_tokens=3,
    )
    text = out.getvalue()
    for secret in ("hunter22", "abc", "Zm9v", "secret@", "abcdefghijkl"):
        assert secret not in text.replace("********", "")
    (line,) = lines(out)
    assert line["urls"] == ["postgresql://me:********@db/x", "kafka://plain"]
    assert line["max_tokens"] == 3


def test_errors_are_shortened_to_type_message_and_the_innermost_frames(out: io.StringIO) -> None:
    as_json(out)
    log = get_logger("x")
    try:
        raise ValueError("first line\nsecond " + "x" * 2000)
    except ValueError:
        log.exception("failed")
    log.error("refused", error=KafkaRefused("no\nlogin", operation="connect", servers="a:1"))
    first, second = (line["error"] for line in lines(out))
    assert first["type"] == "ValueError"
    assert first["message"].startswith("first line second xxx")
    assert len(first["message"]) == 500
    assert first["frames"][0].endswith("test_errors_are_shortened_to_type_message_and_the_innermost_frames")
    assert second == {
        "error_code": "kafka_refused",
        "message": "no login",
        "operation": "connect",
        "retryable": False,
        "details": {"servers": "a:1"},
    }


async def test_the_correlation_id_is_on_each_line_of_the_task_and_of_no_other(out: io.StringIO) -> None:
    as_json(out)
    log = get_logger("x")

    async def look(run: str) -> None:
        with bind_correlation(run, device=run):
            await asyncio.sleep(0)
            log.info("in")
        log.info("out")

    await asyncio.gather(look("one"), look("two"))
    found = [(line["event"], line.get("correlation_id")) for line in lines(out)]
    assert sorted(found, key=str) == [("in", "one"), ("in", "two"), ("out", None), ("out", None)]


def test_libraries_go_the_same_way_and_aiokafkas_chatter_goes_nowhere(out: io.StringIO) -> None:
    as_json(out)
    logging.getLogger("some.library").warning("retrying %s in %d s", "postgresql://me:secret@db", 3)
    logging.getLogger("aiokafka").error("Unable connect")
    (line,) = lines(out)
    assert line["event"] == "retrying postgresql://me:********@db in 3 s"
    assert line["process"] == "agent"


def test_a_file_gets_json_and_is_rotated(out: io.StringIO, tmp_path: Path) -> None:
    file = tmp_path / "log" / "agent.log"
    configure_logging(
        LogSettings(format="console", file=file, file_bytes=10_000, file_keep=2), process="agent", stream=out
    )
    for n in range(300):
        get_logger("x").info("line", n=n)
    assert sorted(path.name for path in file.parent.iterdir()) == ["agent.log", "agent.log.1", "agent.log.2"]
    assert json.loads(file.read_text().splitlines()[-1])["n"] == 299


def test_a_file_that_cannot_be_opened_is_named_with_its_variable(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"^INFRASTRUCTOR_LOG__FILE: .* \(is a directory\)"):
        configure_logging(LogSettings(file=tmp_path), process="agent")


def test_a_disk_that_is_full_loses_the_files_lines_alone(out: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings(format="json", file=Path("/dev/full")), process="agent", stream=out)
    get_logger("x").info("hello")
    assert [line["event"] for line in lines(out)] == ["hello"]
    assert capsys.readouterr().err == ""


def test_below_the_level_nothing_is_logged(out: io.StringIO) -> None:
    as_json(out, level="warning")
    get_logger("x").info("quiet")
    get_logger("x").warning("loud")
    assert [line["event"] for line in lines(out)] == ["loud"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:p@ss@host/", "http://user:********@host/"),
        ("host=db password=abc user=me", "host=db password=******** user=me"),
        ("GET /message?token=abcdef&x=1", "GET /message?token=********&x=1"),
        ("run --db-password hunter2 -x", "run --db-password ******** -x"),
        ("PGPASSWORD='hunter 2' x", "PGPASSWORD=******** x"),
        ("{'api_key': 'hunter 2', 'a': 1}", "{'api_key': ********, 'a': 1}"),
        ('{"token": "hunter', '{"token": ********'),
        ("INFRASTRUCTOR_GOTIFY__TOKEN: must be a word", "INFRASTRUCTOR_GOTIFY__TOKEN: must be a word"),
        ("nothing to see", "nothing to see"),
        ("abc", "abc"),
    ],
)
def test_texts_lose_their_secrets(text: str, shown: str) -> None:
    assert Redactor(["abc"]).text(text) == shown


@pytest.mark.parametrize("text", ["a", "a.", "a://b:", '"', "'password' ", "-password ", "token='", 'secret="', " "])
def test_a_large_text_is_masked_in_a_time_in_proportion(text: str) -> None:
    began = time.process_time()
    Redactor().text(text * (262_144 // len(text)))
    assert time.process_time() - began < 10


def test_of_two_secrets_the_longer_goes_first() -> None:
    assert Redactor(["hunter", "hunter22"]).text("is hunter22") == "is ********"


def test_what_is_nested_too_deep_is_cut() -> None:
    deep: dict[str, Any] = {}
    deep["again"] = deep
    assert "…" in str(Redactor().data(deep))


@pytest.mark.parametrize(
    ("text", "flat"),
    [("a\n b\t c", "a b c"), ("a\x00b", "a�b"), ("x\u202eevil", "x�evil"), ("x" * 600, "x" * 499 + "…")],
)
def test_texts_are_sanitised(text: str, flat: str) -> None:
    assert sanitised(text) == flat
